"""What a ledger beside the one that matters tells of its runs: the newest of them, and nothing that makes no sense."""

from pathlib import Path

from hailuo_batch.core import events as ev
from hailuo_batch.shell.ledger import read_experience
from tests.helpers.ledgers import ENDPOINT, create, new_ledger, open_ledger, want
from tests.helpers.snapshots import STARTED_AT, take

URLS = ("https://runbase.net/files/generated/a.mp4",)


def test_the_newest_runs_are_told_newest_last_and_none_that_seems_to_have_taken_days(tmp_path: Path) -> None:
    path = new_ledger(tmp_path)
    with open_ledger(path) as ledger:
        for number, run in enumerate(want(ledger, *(take(f"t{number}") for number in range(1_003)))):
            create(ledger, run, f"run_{number}")
            took_s = 100_000 if number == 1_002 else 10 + number
            ledger.record([(run.key, ev.RunSucceeded(URLS, None, None, STARTED_AT + took_s))], STARTED_AT)
        ledger._db.execute("UPDATE runs SET submitted_at = submitted_at + key, completed_at = completed_at + key")
    experience = read_experience(path, ENDPOINT)
    assert experience is not None
    assert experience.durations_of(3) == {"hailuo/pro": (1_009.0, 1_010.0, 1_011.0)}
    assert len(experience.durations["hailuo/pro"]) == 1_000

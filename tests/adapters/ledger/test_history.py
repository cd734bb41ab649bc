"""What a ledger beside the one that matters tells of its runs: the newest of them, and nothing that makes no sense."""

from pathlib import Path

from hailuo_batch.adapters.ledger import read_history
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.history import NEWEST, History
from tests.helpers.ledgers import ENDPOINT, new_ledger, open_ledger, request
from tests.helpers.snapshots import STARTED_AT, take

URLS = ("https://runbase.net/files/generated/a.mp4",)


def experience_of(path: Path, runs: int, changes: str = "") -> History:
    """What a ledger tells of so many runs, each sent a second after the one before it. Its ten seconds are put up by
    its number."""
    with open_ledger(path) as ledger:
        made = request(ledger, *(take(f"t{number}") for number in range(runs)))
        ledger.record([event for number, run in enumerate(made) for event in _life(run, 10 + number)], STARTED_AT)
        ledger._db.execute("UPDATE runs SET submitted_at = submitted_at + key, completed_at = completed_at + key")
        ledger._db.execute(changes)
    known = read_history(path, ENDPOINT)
    assert known is not None
    return known


def _life(run: Run, took_s: float) -> list[tuple[int, ev.Event]]:
    done = ev.RunSucceeded(URLS, None, None, STARTED_AT + took_s)
    sent = ev.CreateStarted(f"create-{run.key}")
    return [(run.key, event) for event in (sent, ev.RunCreated(f"run_{run.key}", 280_000), done)]


def test_the_newest_runs_are_reported_newest_last_and_none_that_seems_to_have_taken_days(tmp_path: Path) -> None:
    days = f"UPDATE runs SET completed_at = completed_at + 100000 WHERE key = {NEWEST + 3}"
    experience = experience_of(new_ledger(tmp_path), NEWEST + 3, days)
    assert experience.newest_durations(3) == {"hailuo/pro": (NEWEST + 9.0, NEWEST + 10.0, NEWEST + 11.0)}
    assert len(experience.durations["hailuo/pro"]) == NEWEST


def test_many_new_runs_of_one_model_hide_no_other_model(tmp_path: Path) -> None:
    other = "UPDATE runs SET model = 'other/model' WHERE key <= 2"
    experience = experience_of(new_ledger(tmp_path), NEWEST + 3, other)
    assert experience.newest_durations(3)["other/model"] == (10.0, 11.0)


def test_the_newest_cost_is_that_of_the_create_on_record_last(tmp_path: Path) -> None:
    dear = "UPDATE runs SET cost_micro_usd = 500000, submitted_at = submitted_at - 1000 WHERE key = 3"
    assert experience_of(new_ledger(tmp_path), 3, dear).cost_of("hailuo/pro") == 500_000

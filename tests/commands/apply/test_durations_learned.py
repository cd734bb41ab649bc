"""What an apply and a plan take from earlier campaigns: how long the newest runs took, however many older ones are."""

from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.app import apply
from hailuo_batch.app.run_campaign import Job, run_campaign
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Run
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, Shell
from tests.helpers.ledgers import request
from tests.helpers.snapshots import STARTED_AT, take

MODEL = "hailuo/pro"
OLD, NEW = (1_000, 500.0), (250, 60.0)  # how many runs there were, and how many seconds each took


def finished(path: Path, endpoint: str, at: float, runs: int, seconds: float) -> None:
    """A ledger of a campaign, all of whose runs were sent then and took so long."""
    Ledger.create(path, path.stem, endpoint, at)
    with Ledger.open(path, path.stem, endpoint, at) as ledger:
        made = request(ledger, *(take(f"t{number}") for number in range(runs)))
        ledger.record([event for run in made for event in _life(path.stem, run, at + seconds)], at)


def _life(campaign: str, run: Run, ended_at: float) -> list[tuple[int, ev.Event]]:
    name = f"{campaign}-{run.key}"
    done = ev.RunSucceeded(("https://runbase.net/files/generated/a.mp4",), None, None, ended_at)
    return [(run.key, event) for event in (ev.CreateStarted(name), ev.RunCreated(f"run_{name}", 280_000), done)]


@pytest.mark.parametrize(("old", "new"), [("a", "b"), ("b", "a")])
@pytest.mark.few(1)
def test_the_newest_count_whichever_campaign_made_them(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    finished(shell.state / f"{old}.db", api.base_url, STARTED_AT - 1e6, *OLD)
    finished(shell.state / f"{new}.db", api.base_url, STARTED_AT, *NEW)
    jobs = list[Job]()

    def noted(job: Job, *rest: Any) -> Any:
        jobs.append(job)
        return run_campaign(job, *rest)

    monkeypatch.setattr(apply, "run_campaign", noted)
    shell.write(UNCAPPED)
    assert shell("plan", "--json").document["duration"]["about_s"] == 60
    assert shell("apply").code is ExitCode.DONE
    assert [job.settings.known_durations for job in jobs] == [{MODEL: (500.0,) * 50 + (60.0,) * 250}]

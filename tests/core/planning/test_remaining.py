"""How long an apply still takes: by the rate limit, by how long runs of a model take, and by how old those are that
run."""

from dataclasses import replace

import pytest

from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.estimate import TimeNeeded, estimate_remaining
from hailuo_batch.core.planning.history import History, RunDuration
from hailuo_batch.core.planning.plan import make_plan
from hailuo_batch.values import Take
from tests.core.planning_session import wants
from tests.helpers.snapshots import STARTED_AT, output, record, run, snapshot, take

TAKES = [take(name) for name in ("a", "b", "c")]
TWO_MINUTES = History(durations={TAKES[0].model: (RunDuration(STARTED_AT, 120.0),)})
SETTINGS = Settings(rate_limit=20, rate_window_s=10.0)


def remaining(
    *runs: Run | None, after_s: float = 0.0, history: History = TWO_MINUTES, settings: Settings = SETTINGS
) -> TimeNeeded | None:
    """What is left of a campaign whose takes have these runs, None for a take without any."""
    known: Snapshot = snapshot(*(record(of, *filter(None, [own])) for of, own in zip(TAKES, runs, strict=False)))
    plan = make_plan(wants(*TAKES[: len(runs)]), known)
    return estimate_remaining(plan, known, history, settings, STARTED_AT + after_s)


def running(of: Take) -> Run:
    return run(RunState.PROCESSING, of)


def test_of_a_campaign_that_is_done_nothing_is_left() -> None:
    assert remaining(run(of=TAKES[0]), run(RunState.FAILED, TAKES[1])) is None


def test_what_is_not_begun_takes_as_long_as_a_run() -> None:
    assert remaining(None, None) == TimeNeeded(0.0, 120.0)


def test_what_runs_takes_the_rest_of_that() -> None:
    assert remaining(running(TAKES[0]), after_s=50.0) == TimeNeeded(0.0, 70.0)
    assert remaining(running(TAKES[0]), None, after_s=50.0) == TimeNeeded(0.0, 120.0)


def test_what_lasts_longer_than_usual_is_nearly_done_until_nobody_can_say() -> None:
    assert remaining(running(TAKES[0]), after_s=200.0) == TimeNeeded(0.0, 12.0)
    assert remaining(running(TAKES[0]), running(TAKES[1]), after_s=241.0) == TimeNeeded(0.0, None)


def test_without_a_finished_run_it_is_not_known() -> None:
    assert remaining(None, history=History()) == TimeNeeded(0.0, None)


def test_a_video_that_only_has_to_be_downloaded_takes_no_run() -> None:
    ready = run(of=TAKES[0], outputs=(output(None),))
    assert remaining(ready, history=History()) == TimeNeeded(0.0, 0.0)


@pytest.mark.parametrize(("most", "about_s"), [(None, 120.0), (1, 360.0), (3, 120.0)])
def test_a_limit_on_what_runs_at_once_makes_it_longer(most: int | None, about_s: float) -> None:
    settings = Settings(rate_limit=20, rate_window_s=10.0, max_in_flight=most)
    assert remaining(None, None, None, settings=settings) == TimeNeeded(0.0, about_s)


def test_so_does_the_rate_limit() -> None:
    settings = Settings(rate_limit=1, rate_window_s=100.0)
    assert remaining(None, None, None, settings=settings) == TimeNeeded(500.0, 500.0)


def test_a_run_whose_sending_time_is_unknown_counts_as_new() -> None:
    assert remaining(replace(running(TAKES[0]), submitted_at=None), after_s=999.0) == TimeNeeded(0.0, 120.0)

"""What earlier runs teach: the newest cost, a typical duration, and nothing where nothing is known."""

from dataclasses import replace

import pytest

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.history import LONGEST_S, History, RunDuration, history_of, merge_histories
from tests.helpers.snapshots import STARTED_AT, run


def lasting(seconds: float, at: float) -> Run:
    """A run that took so long."""
    return replace(run(), submitted_at=at, completed_at=at + seconds)


def test_the_newest_known_cost_counts_over_all_ledgers() -> None:
    here = history_of([run(cost=280_000), run(cost=300_000, at=STARTED_AT + 5), run(cost=None, at=STARTED_AT + 9)])
    there = history_of([run(cost=310_000, at=STARTED_AT + 7)])
    assert here.cost_of("hailuo/pro") == 300_000
    assert merge_histories([here, there]).cost_of("hailuo/pro") == 310_000
    assert merge_histories([there, here]).cost_of("hailuo/pro") == 310_000


def test_half_of_the_runs_that_succeeded_took_no_longer_than_what_is_typical() -> None:
    runs = [run(), run(RunState.FAILED), run(RunState.PROCESSING)]
    assert history_of(runs).typical_s("hailuo/pro") == 130.0
    assert len(merge_histories([history_of(runs), history_of(runs)]).durations["hailuo/pro"]) == 2


def test_nothing_is_known_of_a_model_without_runs() -> None:
    known = merge_histories([history_of([]), history_of([run(RunState.UNSENT)])])
    assert known.cost_of("hailuo/pro") is None
    assert known.typical_s("hailuo/pro") is None


def test_a_clock_that_went_back_teaches_no_duration() -> None:
    assert history_of([run(at=STARTED_AT), run()]).typical_s("other/model") is None
    assert history_of([]).durations == {}


def test_no_more_durations_are_given_than_are_asked_for() -> None:
    known = tuple(RunDuration(STARTED_AT + n, float(n)) for n in (1, 2, 3))
    found = History(durations={"hailuo/pro": known, "other/model": known[:1]})
    assert found.newest_durations(2) == {"hailuo/pro": (2.0, 3.0), "other/model": (1.0,)}


@pytest.mark.parametrize("ours_first", [True, False])
def test_the_newest_durations_count_whichever_ledger_they_are_in(ours_first: bool) -> None:
    old = [lasting(500, at=STARTED_AT - 1e6 + n) for n in range(1_000)]
    new = [lasting(60, at=STARTED_AT + n) for n in range(250)]
    ledgers = [history_of(new), history_of(old)]
    known = merge_histories(ledgers if ours_first else ledgers[::-1]).newest_durations(300)["hailuo/pro"]
    assert known == (500.0,) * 50 + (60.0,) * 250


def test_a_run_that_nobody_asked_about_for_days_teaches_no_duration() -> None:
    assert history_of([lasting(LONGEST_S + 1, at=STARTED_AT)]).durations == {}

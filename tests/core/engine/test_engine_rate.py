"""An API that refuses requests for their rate: for a moment, for a time that it names, or for ever."""

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import ManualEngine, unsent
from tests.helpers.snapshots import STARTED_AT, run, take

SETTINGS = Settings(run_timeout_s=600.0)


def refuse(hand: ManualEngine, action: act.Action, retry_after_s: float | None = None) -> None:
    kind = ev.CreateRefused if isinstance(action, act.CreateRun) else ev.ReadRefused
    hand.answer(action, kind(ev.Refusal.RATE, "RATE_LIMITED", "too many requests", retry_after_s))


def refuse_for_ever(hand: ManualEngine, retry_after_s: float | None = None) -> float:
    """Refuse whatever is asked. Gives how long it goes on."""
    for _ in range(10_000):
        if actions := hand.decide():
            for action in actions:
                refuse(hand, action, retry_after_s)
        elif hand.engine.is_finished:
            return hand.now - STARTED_AT
        else:
            assert hand.sleep() > 0.0, "it wakes for nothing"
    raise AssertionError("it never ends")


@pytest.mark.parametrize("proven", [True, False])
def test_creates_that_are_refused_for_ever_end_with_the_run_timeout(proven: bool) -> None:
    hand = ManualEngine(unsent(3), SETTINGS, proven=proven)
    assert 600.0 <= refuse_for_ever(hand) <= 620.0
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert "refused every request for its rate for 10m" in hand.notices[-1]
    assert all(known.state is RunState.UNSENT for known in hand.runs.values())


def test_reads_that_are_refused_for_ever_end_with_the_run_timeout() -> None:
    hand = ManualEngine([run(RunState.PENDING, take("old"), at=STARTED_AT - 60)], SETTINGS)
    assert 600.0 <= refuse_for_ever(hand) <= 620.0
    assert hand.exit_codes() == [ExitCode.UNFINISHED]


def test_an_answer_between_refusals_begins_the_time_again() -> None:
    hand = ManualEngine(unsent(2), SETTINGS)
    first, second = hand.creates()
    refuse(hand, first)
    hand.now += 590.0
    hand.created(second)
    hand.sleep()
    (again,) = hand.creates()
    refuse(hand, again)
    hand.decide(100.0)
    assert hand.exit_codes() == []


def test_a_wait_that_the_api_names_is_reported_and_kept_to_and_speaks_of_nobody_else() -> None:
    hand = ManualEngine(unsent(3), Settings(run_timeout_s=3600.0))
    for create in hand.creates():
        refuse(hand, create, 3600.0)
    assert len(hand.notices) == 1
    assert "takes no requests for the next 1h" in hand.notices[0]
    assert "omebody else" not in hand.notices[0]
    assert hand.sleep() == pytest.approx(3600.0, abs=1.0)
    assert len(hand.creates()) == 3
    assert hand.exit_codes() == []


def test_a_wait_that_is_named_counts_also_where_a_shorter_one_came_first() -> None:
    hand = ManualEngine(unsent(3))
    first, second, _ = hand.creates()
    refuse(hand, first)
    refuse(hand, second, 120.0)
    assert hand.sleep() == pytest.approx(120.0)


@pytest.mark.parametrize("retry_after_s", [None, 3.0, 10.0])
def test_a_wait_within_the_window_is_that_of_a_full_one(retry_after_s: float | None) -> None:
    hand = ManualEngine(unsent(1))
    (create,) = hand.creates()
    refuse(hand, create, retry_after_s)
    assert "Somebody else uses this API key" in hand.notices[0]


def test_a_wait_that_is_longer_than_any_run_is_waited_for_ends_at_once() -> None:
    hand = ManualEngine(unsent(1), SETTINGS)
    assert refuse_for_ever(hand, 3600.0) < 1.0
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert "takes no requests for the next 1h, and this apply waits for at most 10m" in hand.notices[-1]
    assert "Nothing was paid" in hand.notices[-1]


def test_waits_that_are_named_again_and_again_end_as_well() -> None:
    hand = ManualEngine(unsent(1), SETTINGS)
    assert 590.0 <= refuse_for_ever(hand, 250.0) <= 760.0
    assert hand.exit_codes() == [ExitCode.UNFINISHED]

"""Waiting ends once no run has finished for so long, and not before each has been asked about since."""

import string

from hypothesis import example, given, settings
from hypothesis import strategies as some

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.states import RunState
from tests.core.engine.by_hand import SUCCESS, ManualEngine
from tests.helpers.snapshots import STARTED_AT, run, take

EARLIER = STARTED_AT - 50.0


@settings(max_examples=50)
@example(timeout_s=2.3)
@given(some.floats(0.1, 2.9))
def test_the_last_questions_are_asked_at_the_time_that_the_engine_asked_to_be_woken_for_it(timeout_s: float) -> None:
    hand = ManualEngine([run(RunState.PENDING, at=1_760_000_000.0)], Settings(run_timeout_s=timeout_s))
    timed_out_at = hand.now + timeout_s
    while hand.now < timed_out_at:
        hand.decide()
        assert hand.sleep() > 0.0
    assert hand.now == timed_out_at
    assert hand.engine.windows_to_share(hand.now)
    while hand.decide() or hand.under_way:  # one may have been under way already
        hand.answer(hand.under_way[0], ev.RunStarted(), after_s=0.0)
    assert hand.engine.stop_reasons
    assert hand.now == timed_out_at


def waiting_for(shots: str) -> ManualEngine:
    """One open run of each shot."""
    return ManualEngine(
        [run(RunState.PENDING, take(shot), at=EARLIER) for shot in shots], Settings(run_timeout_s=100.0)
    )


def test_after_a_sleep_each_open_run_is_asked_about_before_waiting_ends() -> None:
    hand = waiting_for("abc")
    for read in hand.reads():
        hand.answer(read, ev.RunStarted())
    asked = hand.reads(after_s=5000.0)
    assert hand.engine.stop_reasons == []
    assert {read.run.take_id for read in asked} == set("abc")
    for read in asked:
        hand.answer(read, ev.RunStarted())
    hand.decide()
    assert "no run has finished for 1m 40s, and 3 runs are still open" in hand.engine.stop_reasons[0].text


def test_a_run_that_finished_during_the_sleep_grants_the_others_the_whole_time_again() -> None:
    hand = waiting_for("ab")
    done, other = hand.reads(after_s=5000.0)
    hand.answer(done, SUCCESS)
    hand.answer(other, ev.RunStarted())
    hand.decide(50.0)
    assert hand.engine.stop_reasons == []


def test_questions_that_are_not_answered_do_not_keep_it_waiting() -> None:
    hand = waiting_for("ab")
    hand.now += 5000.0
    for _ in range(2):
        for read in hand.reads(after_s=5.0):
            hand.answer(read, ev.ReadUnanswered("reset"))
    hand.decide(5.0)
    assert "no run has finished" in hand.engine.stop_reasons[0].text


def test_a_key_that_is_refused_for_ever_does_not_keep_it_waiting() -> None:
    hand = waiting_for(string.ascii_lowercase)
    while not hand.engine.stop_reasons:
        assert hand.now < STARTED_AT + 1000.0
        for read in hand.reads():
            hand.answer(read, ev.ReadRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait"))
        hand.sleep()
    assert "refused every request for its rate for 1m 40s" in hand.engine.stop_reasons[0].text

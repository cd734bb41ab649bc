"""The engine sees a time-out at the very moment for which it asked to be woken."""

from hypothesis import example, given, settings
from hypothesis import strategies as some

from hailuo_batch.core.engine import Settings
from hailuo_batch.core.lifecycle import RunState
from tests.core.by_hand import Hand
from tests.helpers.snapshots import run


@settings(max_examples=50)
@example(timeout_s=2.3)
@given(some.floats(0.1, 2.9))
def test_a_time_out_is_seen_at_the_time_that_the_engine_asked_to_be_woken_for_it(timeout_s: float) -> None:
    hand = Hand([run(RunState.PENDING, at=1_760_000_000.0)], Settings(run_timeout_s=timeout_s))
    timed_out_at = hand.now + timeout_s
    while hand.now < timed_out_at:
        hand.decide()
        assert hand.sleep() > 0.0
    hand.decide()
    assert hand.engine.halts
    assert hand.now == timed_out_at

"""Creates that are refused for the rate hold the key for longer each time."""

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.states import RunState
from tests.core.engine.by_hand import ManualEngine, unsent
from tests.helpers.snapshots import STARTED_AT, run

RATE = ev.CreateRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait")


def test_creates_that_are_refused_for_the_rate_hold_the_key_for_longer_each_time() -> None:
    hand = ManualEngine(unsent(1), Settings(rate_limit=400))
    holds = []
    for _ in range(4):
        (create,) = hand.creates()
        hand.answer(create, RATE)
        assert hand.creates() == []
        holds.append(round(hand.sleep(), 3))
    assert holds == [1.0, 2.0, 4.0, 8.0]


def test_the_user_is_notified_once_that_somebody_else_uses_the_key() -> None:
    hand = ManualEngine(unsent(3))
    for create in hand.creates():
        hand.answer(create, RATE)
    seen = [text for text in hand.notices if "Somebody else uses this API key" in text]
    assert len(seen) == 1


def test_after_a_refusal_fewer_requests_are_under_way_until_windows_have_passed() -> None:
    hand = ManualEngine([run(RunState.PENDING, at=STARTED_AT - 1000.0)], Settings(rate_limit=20))
    hand.answer(hand.wait_for_read(), ev.ReadRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait"))
    assert hand.engine.windows[1].per_second(hand.now) == 1.4
    assert hand.engine.windows[1].per_second(hand.now + 30.0) == 1.7
    assert hand.engine.windows[1].per_second(hand.now + 60.0) == 2.0

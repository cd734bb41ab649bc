"""Creates that are refused for the rate hold the key for longer each time."""

from hailuo_batch.core import events as ev
from tests.core.by_hand import Hand, unsent

RATE = ev.CreateRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait")


def test_creates_that_are_refused_for_the_rate_hold_the_key_for_longer_each_time() -> None:
    hand = Hand(unsent(1))
    holds = []
    for _ in range(4):
        (create,) = hand.creates()
        hand.answer(create, RATE)
        assert hand.creates() == []
        holds.append(round(hand.sleep(), 3))
    assert holds == [1.0, 2.0, 4.0, 8.0]

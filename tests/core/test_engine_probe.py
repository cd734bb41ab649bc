"""A new key is tried on one run until it is answered, before anything else is asked."""

import pytest

from hailuo_batch.core import events as ev
from hailuo_batch.core.engine import Settings
from hailuo_batch.core.events import Outcome
from hailuo_batch.core.lifecycle import RunState
from tests.core.by_hand import Hand
from tests.helpers.snapshots import STARTED_AT, run, take


@pytest.mark.parametrize(
    "outcome", [ev.ReadUnanswered("timed out"), ev.ReadRefused(ev.Refusal.RATE, "RATE_LIMITED", "")]
)
def test_a_probe_that_was_not_answered_is_asked_again(outcome: Outcome) -> None:
    hand = Hand([run(RunState.PENDING, take(shot), at=STARTED_AT - 600) for shot in "abc"], Settings(key_is_new=True))
    (probe,) = hand.reads()
    hand.answer(probe, outcome)
    assert hand.wait_for_read().run.key == probe.run.key


def test_a_run_that_is_lost_already_is_no_probe_while_another_is_open() -> None:
    lost, going = run(RunState.LOST, take("a"), at=STARTED_AT - 600), run(RunState.PENDING, take("b"), at=STARTED_AT)
    hand = Hand([lost, going], Settings(key_is_new=True))
    (probe,) = hand.reads()
    assert probe.run.key == going.key

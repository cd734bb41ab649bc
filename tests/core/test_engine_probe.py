"""A new key must know a run that is under way, before anything else is asked."""

import pytest

from hailuo_batch.core import events as ev
from hailuo_batch.core.engine import Settings
from hailuo_batch.core.events import Outcome
from hailuo_batch.core.lifecycle import RunState
from hailuo_batch.errors import ExitCode
from tests.core.by_hand import Hand, unsent
from tests.helpers.snapshots import STARTED_AT, run, take


@pytest.mark.parametrize(
    "outcome", [ev.ReadUnanswered("timed out"), ev.ReadRefused(ev.Refusal.RATE, "RATE_LIMITED", "")]
)
def test_a_probe_that_was_not_answered_is_asked_again(outcome: Outcome) -> None:
    hand = Hand([run(RunState.PENDING, take(shot), at=STARTED_AT - 600) for shot in "abc"], Settings(key_is_new=True))
    (probe,) = hand.reads()
    hand.answer(probe, outcome)
    assert hand.wait_for_read().run.key == probe.run.key


def test_one_run_that_vanished_does_not_speak_against_the_key() -> None:
    hand = Hand([run(RunState.PENDING, take(shot), at=STARTED_AT - 600) for shot in "abcd"], Settings(key_is_new=True))
    (first,) = hand.reads()
    hand.answer(first, ev.RunMissing())
    (second,) = hand.reads()
    assert second.run.key != first.run.key
    hand.answer(second, ev.RunQueued())
    assert not hand.engine.probing
    assert hand.exit_codes() == []


def test_a_key_that_knows_none_of_the_newest_three_is_refused() -> None:
    runs = [run(RunState.PENDING, take(shot), at=STARTED_AT - 100 * age) for age, shot in enumerate("abcd", 1)]
    hand = Hand(runs, Settings(key_is_new=True))
    for expected in "abc":
        (read,) = hand.decide()
        assert read.run.take_id == expected
        hand.answer(read, ev.RunMissing())
    assert hand.engine.key_refused
    assert hand.exit_codes() == [ExitCode.ACCOUNT]
    assert all(known.run_id in hand.said[0] for known in runs[:3] if known.run_id)
    assert all(hand.runs[known.key] == known for known in runs)


def test_what_this_apply_does_not_follow_is_asked_about_too() -> None:
    elsewhere = run(RunState.PENDING, take("elsewhere"), at=STARTED_AT - 600)
    hand = Hand([*unsent(1), elsewhere], Settings(key_is_new=True), collected={"shot-0"})
    (probe,) = hand.decide()
    assert probe.run.key == elsewhere.key
    hand.answer(probe, ev.RunStarted())
    (create,) = hand.decide()
    assert create.run.take_id == "shot-0"


def test_a_lost_run_proves_nothing_about_a_key() -> None:
    hand = Hand([*unsent(1), run(RunState.LOST, take("gone"), at=STARTED_AT - 600)], Settings(key_is_new=True))
    assert not hand.engine.probing
    assert len(hand.decide()) == 2

"""What is asked before anything else: whether a new key knows a run under way, and whether the API answers at all."""

from dataclasses import replace

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome, Responder
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import NEW_KEY, ManualEngine, unsent
from tests.helpers.snapshots import COST, STARTED_AT, run, take


@pytest.mark.parametrize(
    "outcome", [ev.ReadUnanswered("timed out"), ev.ReadRefused(ev.Refusal.RATE, "RATE_LIMITED", "")]
)
def test_a_key_check_that_was_not_answered_is_asked_again(outcome: Outcome) -> None:
    hand = ManualEngine([run(RunState.PENDING, take(shot), at=STARTED_AT - 600) for shot in "abc"], NEW_KEY)
    (check,) = hand.reads()
    hand.answer(check, outcome)
    assert hand.wait_for_read().run.key == check.run.key


def test_one_run_that_vanished_does_not_speak_against_the_key() -> None:
    hand = ManualEngine([run(RunState.PENDING, take(shot), at=STARTED_AT - 600) for shot in "abcd"], NEW_KEY)
    (first,) = hand.reads()
    hand.answer(first, ev.RunMissing())
    (second,) = hand.reads()
    assert second.run.key != first.run.key
    hand.answer(second, ev.RunQueued())
    assert hand.exit_codes() == []


def test_a_key_that_knows_none_of_the_newest_three_is_refused() -> None:
    runs = [replace(run(RunState.PENDING, take(shot)), create_number=9 - age) for age, shot in enumerate("abcd", 1)]
    hand = ManualEngine(runs, NEW_KEY)
    for expected in "abc":
        (read,) = hand.decide()
        assert read.run.take_id == expected
        hand.answer(read, ev.RunMissing())
    assert hand.engine.is_finished
    assert hand.exit_codes() == [ExitCode.ACCOUNT]
    assert all(known.run_id in hand.notices[0] for known in runs[:3] if known.run_id)
    assert all(hand.runs[known.key] == known for known in runs)


def test_what_this_apply_does_not_follow_is_asked_about_too() -> None:
    elsewhere = run(RunState.PENDING, take("elsewhere"), at=STARTED_AT - 600)
    hand = ManualEngine([*unsent(1), elsewhere], NEW_KEY, collected={"shot-0"})
    (check,) = hand.decide()
    assert check.run.key == elsewhere.key
    hand.answer(check, ev.RunStarted())
    (create,) = hand.decide()
    assert create.run.take_id == "shot-0"


def test_a_lost_run_proves_nothing_about_a_key() -> None:
    hand = ManualEngine([*unsent(1), run(RunState.LOST, take("gone"), at=STARTED_AT - 600)], NEW_KEY)
    assert len(hand.decide()) == 2


# --- who answers at all, before the first create ---

PAGE = ev.ReadUnanswered("HTTP 403 with an HTML page", Responder.OTHER)
AWAY = ev.ReadUnanswered("HTTP 503 with an HTML page", Responder.GATEWAY)


def test_before_the_first_create_a_run_that_cannot_exist_is_read_and_counts_in_the_window() -> None:
    hand = ManualEngine(unsent(3), Settings(rate_limit=2, rate_window_s=10.0), proven=False)
    assert hand.decide() == [act.ReadRun(NONEXISTENT_RUN)]
    assert hand.decide(5.0) == []
    hand.answer(act.ReadRun(NONEXISTENT_RUN), ev.RunMissing())
    (create,) = hand.creates()
    assert create.run.take_id == "shot-0"
    assert hand.notices == []


def test_an_open_run_is_read_instead_and_answers_for_the_key_as_well() -> None:
    hand = ManualEngine([*unsent(3), run(RunState.PENDING, take("old"), at=STARTED_AT - 600)], NEW_KEY, proven=False)
    (read,) = hand.reads()
    assert read.run.take_id == "old"
    hand.answer(read, ev.RunStarted())
    assert len(hand.creates()) == 3


@pytest.mark.parametrize(
    "outcome",
    [
        ev.ReadUnanswered("timed out"),
        ev.ReadUnanswered("HTTP 500: broken"),
        ev.ReadNotSent("connection refused"),
        AWAY,
    ],
)
def test_where_nobody_could_answer_it_is_asked_again_and_nothing_is_created(outcome: Outcome) -> None:
    hand = ManualEngine(unsent(3), proven=False)
    hand.answer(hand.wait_for_read(), outcome)
    again = hand.wait_for_read()
    assert again.run is NONEXISTENT_RUN
    assert hand.exit_codes() == []
    hand.answer(again, ev.RunMissing())
    assert len(hand.creates()) == 3


@pytest.mark.parametrize(
    "outcome",
    [
        ev.ReadUnanswered("HTTP 400: not a run ID", Responder.API),
        ev.ReadRefused(ev.Refusal.RATE, "RATE_LIMITED", "too many requests"),
    ],
)
def test_an_error_body_of_the_apis_own_is_an_answer_too(outcome: Outcome) -> None:
    hand = ManualEngine(unsent(3), proven=False)
    hand.answer(hand.wait_for_read(), outcome)
    assert hand.decide() == []
    hand.sleep()
    assert len(hand.creates()) == 3


def test_a_stranger_in_place_of_the_api_stops_it_at_once() -> None:
    hand = ManualEngine(unsent(3), proven=False)
    hand.answer(hand.wait_for_read(), PAGE)
    assert hand.decide(1000.0) == []
    assert hand.engine.is_finished
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert "https://runbase.net/api/v1 does not answer like the API" in hand.notices[0]
    assert PAGE.reason in hand.notices[0]


def test_a_gateway_that_states_three_times_that_the_api_is_away_stops_it() -> None:
    hand = ManualEngine(unsent(3), proven=False)
    for _ in range(3):
        assert hand.exit_codes() == []
        hand.answer(hand.wait_for_read(), AWAY)
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert hand.decide(1000.0) == []


def test_a_stranger_after_the_api_is_no_answer_and_is_waited_out() -> None:
    hand = ManualEngine([*unsent(1), run(RunState.PENDING, take("old"), at=STARTED_AT - 600)], proven=False)
    hand.answer(hand.wait_for_read(), ev.RunStarted())
    (create,) = hand.creates()
    hand.created(create)
    hand.answer(hand.wait_for_read(), PAGE)
    assert hand.exit_codes() == []
    hand.wait_for_read()


def test_a_key_that_the_api_refuses_is_reported_before_anything_is_created() -> None:
    hand = ManualEngine(unsent(3), proven=False)
    hand.answer(hand.wait_for_read(), ev.ReadRefused(ev.Refusal.ACCOUNT, "invalid_api_key", "no such key"))
    assert hand.exit_codes() == [ExitCode.ACCOUNT]
    assert hand.engine.is_finished


def test_an_attempt_that_follows_a_failed_run_needs_no_further_question() -> None:
    hand = ManualEngine([run(RunState.PENDING, take("a"), at=STARTED_AT - 600)], Settings(max_attempts=2), proven=False)
    hand.answer(hand.wait_for_read(), ev.RunFailed("the model broke"))
    (create,) = hand.creates()
    assert create.run.attempt == 2


def test_where_nothing_can_be_paid_for_nothing_is_asked() -> None:
    before = run(of=take("paid"), cost=COST)
    hand = ManualEngine([*unsent(1), before], Settings(cap_micro_usd=COST), proven=False)
    assert hand.decide() == []
    assert hand.exit_codes() == [ExitCode.ACCOUNT]

"""What the engine creates, and what stops it from creating."""

import pytest

from hailuo_batch.core.engine.counters import Counters
from hailuo_batch.core.engine.create_queue import CircuitBreaker, CreateQueue
from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.engine.stop_reasons import StopScope, signalled
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Refusal
from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.cap import Cap
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import ManualEngine, unsent
from tests.helpers.snapshots import COST, STARTED_AT, run, take

SILENCE = ev.CreateUnanswered("timed out")


def refused(refusal: Refusal, retry_after_s: float | None = None) -> ev.CreateRefused:
    return ev.CreateRefused(refusal, "some_code", "some message", retry_after_s)


def test_takes_are_created_in_order_and_each_once() -> None:
    hand, made = ManualEngine(unsent(8)), []
    while creates := hand.creates():
        made += [create.run.take_id for create in creates]
        for create in creates:
            hand.created(create)
    assert made == [f"shot-{n}" for n in range(8)]


def test_nothing_is_created_beyond_what_was_asked_for() -> None:
    hand = ManualEngine(unsent(3), collected={"shot-1"})
    assert [create.run.take_id for create in hand.creates()] == ["shot-1"]


def test_a_superseded_attempt_is_never_created() -> None:
    waiting = run(RunState.UNSENT, take("a"), superseded_by=Supersession.EDIT)
    assert ManualEngine([waiting]).creates() == []


def test_no_more_requests_start_than_the_window_has_places() -> None:
    hand = ManualEngine(unsent(10), Settings(rate_limit=2, rate_window_s=10.0))
    for create in hand.creates():
        hand.created(create)
    assert hand.decide(9.8) == []
    assert len(hand.decide(0.3)) == 2


def test_a_storm_of_three_unanswered_creates_stops_creating() -> None:
    hand = ManualEngine(unsent(10))
    creates = hand.creates()
    assert len(creates) == 3
    for create in creates:
        assert hand.answer(create, SILENCE).state is RunState.IN_DOUBT
    assert hand.creates(100.0) == []
    assert hand.engine.stop_scope is StopScope.CREATES
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert "3 requests in a row got no answer" in hand.engine.stop_reasons[0].text
    assert hand.engine.is_finished
    assert sum("in doubt" in text for text in hand.notices) >= 3


def test_a_storm_leaves_what_runs_to_be_collected() -> None:
    hand = ManualEngine([*unsent(3), run(RunState.PENDING, take("old"), at=STARTED_AT - 600)])
    creates = [action for action in hand.decide() if action.run.take_id != "old"]
    (read,) = [action for action in hand.under_way if action.run.take_id == "old"]
    for create in creates:
        hand.answer(create, SILENCE)
    hand.answer(read, ev.RunStarted())
    assert not hand.engine.is_finished
    assert hand.wait_for_read().run.take_id == "old"


def test_after_an_unanswered_create_the_api_is_left_alone_for_a_moment() -> None:
    hand = ManualEngine(unsent(3), Settings(max_in_flight=1))
    (create,) = hand.creates()
    hand.answer(create, SILENCE)
    assert hand.creates() == []
    assert hand.sleep() == pytest.approx(1.0)
    (following,) = hand.creates()
    assert following.run.take_id == "shot-1", "what is in doubt is not repeated"


def test_an_answered_create_breaks_the_row_of_silences() -> None:
    hand = ManualEngine(unsent(10), Settings(max_in_flight=1))
    for n in range(10):
        (create,) = hand.creates(60.0)
        hand.answer(create, ev.InputRejected("invalid_input", "no prompt") if n % 3 == 2 else SILENCE)
    assert hand.engine.stop_scope is StopScope.NONE


def test_a_create_that_was_not_sent_is_repeated_when_the_network_is_back() -> None:
    hand = ManualEngine(unsent(1))
    (create,) = hand.creates()
    assert hand.answer(create, ev.CreateNotSent("connection refused")).state is RunState.UNSENT
    assert hand.creates() == []
    hand.sleep()
    (again,) = hand.creates()
    assert again.run.take_id == create.run.take_id
    assert again.run.create_id != create.run.create_id


def test_a_network_that_stays_away_ends_the_apply() -> None:
    hand = ManualEngine(unsent(1))
    while not hand.engine.is_finished:
        for create in hand.creates():
            hand.answer(create, ev.CreateNotSent("connection refused"))
        assert hand.now < STARTED_AT + 600
        hand.sleep()
    assert hand.now >= STARTED_AT + 180
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert "connection refused" in hand.engine.stop_reasons[0].text


@pytest.mark.parametrize(
    ("refusal", "scope", "exit_code"),
    [
        (Refusal.BALANCE, StopScope.CREATES, ExitCode.ACCOUNT),
        (Refusal.KEY_SPEND, StopScope.CREATES, ExitCode.ACCOUNT),
        (Refusal.ACCOUNT, StopScope.REQUESTS, ExitCode.ACCOUNT),
        (Refusal.ADDRESS, StopScope.REQUESTS, ExitCode.UNFINISHED),
        (Refusal.PROTOCOL, StopScope.REQUESTS, ExitCode.UNFINISHED),
    ],
)
def test_a_refusal_stops_as_much_as_it_touches(refusal: Refusal, scope: StopScope, exit_code: ExitCode) -> None:
    hand = ManualEngine([*unsent(5), run(RunState.PENDING, take("old"))])
    create = hand.creates()[0]
    assert hand.answer(create, refused(refusal)).state is RunState.UNSENT
    assert (hand.engine.stop_scope, hand.exit_codes()) == (scope, [exit_code])
    assert "some message" in hand.engine.stop_reasons[0].text
    later = hand.decide(60.0)
    assert [action.run.take_id for action in later] == (["old"] if scope is StopScope.CREATES else [])


def test_a_refusal_for_the_rate_holds_and_repeats() -> None:
    hand = ManualEngine(unsent(1))
    (create,) = hand.creates()
    hand.answer(create, refused(Refusal.RATE))
    assert hand.creates() == []
    assert hand.sleep() == pytest.approx(1.0)
    assert [again.run.take_id for again in hand.creates()] == ["shot-0"]
    assert hand.engine.stop_reasons == []


def test_a_refusal_for_the_rate_waits_as_long_as_the_server_asks() -> None:
    hand = ManualEngine(unsent(1))
    (create,) = hand.creates()
    hand.answer(create, refused(Refusal.RATE, retry_after_s=33.0))
    assert hand.sleep() == pytest.approx(33.0)


def test_an_unknown_model_stops_only_its_own_takes() -> None:
    other = run(RunState.UNSENT, take("other", model="other/model"))
    hand = ManualEngine([*unsent(3, "no/such"), other])
    creates = hand.creates()
    for create in creates:
        hand.answer(create, refused(Refusal.MODEL))
    assert [create.run.take_id for create in hand.creates()] == ["other"]
    assert hand.engine.stop_reasons == []
    assert any("no/such" in text for text in hand.notices)


def test_a_rejected_input_touches_no_other_take() -> None:
    hand = ManualEngine(unsent(2), Settings(max_in_flight=1))
    (create,) = hand.creates()
    hand.answer(create, ev.InputRejected("invalid_input", "no prompt"))
    assert [create.run.take_id for create in hand.creates()] == ["shot-1"]
    assert any(text.startswith("shot-0: rejected") for text in hand.notices)


def test_an_answer_with_the_id_of_another_run_is_held_in_doubt() -> None:
    hand = ManualEngine([*unsent(1), run(run_id="run_old", of=take("old"))])
    (create,) = hand.creates()
    assert hand.answer(create, ev.RunCreated("run_old", COST)).state is RunState.IN_DOUBT


def test_no_more_runs_are_open_than_allowed() -> None:
    hand = ManualEngine([*unsent(5), run(RunState.PROCESSING, take("old"))], Settings(max_in_flight=3))
    creates = hand.creates()
    assert len(creates) == 2
    for create in creates:
        hand.created(create)
    assert hand.creates() == []


def test_a_run_that_was_made_again_holds_no_place_of_those_in_flight() -> None:
    wanted = take("stuck")
    stuck = run(RunState.PROCESSING, wanted, superseded_by=Supersession.RESUBMIT)
    edited = run(RunState.PROCESSING, take("edited"), superseded_by=Supersession.EDIT)
    again = run(RunState.UNSENT, wanted, attempt=2)
    assert len(ManualEngine([stuck, again], Settings(max_in_flight=1)).creates()) == 1
    assert not ManualEngine([edited, again], Settings(max_in_flight=1)).creates()


def test_the_cap_stops_creating_and_leaves_what_runs_to_be_collected() -> None:
    hand = ManualEngine([*unsent(5), run(of=take("old"))], Settings(cap_micro_usd=3 * COST))
    creates = hand.creates()
    assert len(creates) == 2
    for create in creates:
        hand.created(create)
    hand.decide()
    assert (hand.engine.stop_scope, hand.exit_codes()) == (StopScope.CREATES, [ExitCode.ACCOUNT])
    assert hand.wait_for_read().run.take_id.startswith("shot-")


def test_with_a_cap_and_no_known_price_the_first_create_goes_alone() -> None:
    hand = ManualEngine(unsent(5), Settings(cap_micro_usd=100 * COST))
    (first,) = hand.creates()
    assert hand.creates(5.0) == []
    assert hand.engine.stop_reasons == []
    hand.created(first)
    assert len(hand.creates()) > 1


def test_with_a_cap_nothing_follows_a_first_create_in_doubt() -> None:
    hand = ManualEngine(unsent(5), Settings(cap_micro_usd=100 * COST))
    (first,) = hand.creates()
    hand.answer(first, SILENCE)
    assert hand.creates(60.0) == []
    assert hand.exit_codes() == [ExitCode.ACCOUNT]
    assert "price of a run is unknown" in hand.engine.stop_reasons[0].text


@pytest.mark.parametrize(("cost", "stops"), [(110, False), (111, True), (90, False)])
def test_a_price_that_is_clearly_higher_than_shown_stops_creating(cost: int, stops: bool) -> None:
    hand = ManualEngine(unsent(5), Settings(shown_prices={"hailuo/pro": 100}))
    hand.created(hand.creates()[0], cost)
    assert (hand.engine.stop_scope is StopScope.CREATES) is stops


def test_creates_that_wait_for_runs_that_are_not_followed_are_reported() -> None:
    hand = ManualEngine(
        [*unsent(1), run(RunState.PENDING, take("old"))], Settings(max_in_flight=1), collected={"shot-0"}
    )
    assert hand.decide() == []
    assert hand.engine.is_finished
    assert hand.exit_codes() == [ExitCode.UNFINISHED]


def test_a_failed_run_is_made_again_at_once_up_to_the_attempts_allowed() -> None:
    hand = ManualEngine(unsent(1), Settings(max_attempts=2))
    for attempt in (1, 2):
        (create,) = hand.creates()
        assert create.run.attempt == attempt
        hand.created(create)
        hand.answer(hand.wait_for_read(), ev.RunFailed("the model broke"))
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished
    assert "attempt 2 follows" in hand.notices[0]
    assert "to allow one more attempt: `hailuo-batch retry MANIFEST shot-0`" in hand.notices[1]


def test_a_run_whose_input_is_sensitive_is_not_made_again() -> None:
    hand = ManualEngine(unsent(1), Settings(max_attempts=3))
    (create,) = hand.creates()
    hand.created(create)
    hand.answer(hand.wait_for_read(), ev.RunFailed("the input is sensitive (1026)"))
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished
    [notice] = hand.notices
    assert notice.endswith("sensitive (1026); the same prompt and images would fail again, so change them first.")


def test_a_failed_run_is_not_made_again_where_the_plan_that_is_applied_only_holds_it() -> None:
    hand = ManualEngine(unsent(2), Settings(max_attempts=2), retried=frozenset({"shot-1"}))
    for create in hand.creates():
        hand.created(create)
    for _ in range(2):
        hand.answer(hand.wait_for_read(), ev.RunFailed("the model broke"))
    (again,) = hand.creates()
    assert again.run.take_id == "shot-1"
    assert sorted(text.rsplit("; ", 1)[1] for text in hand.notices) == [
        "another attempt is not in the plan that is applied.",
        "attempt 2 follows.",
    ]


@pytest.mark.parametrize("code", [ExitCode.SIGINT, ExitCode.SIGTERM])
def test_a_signal_starts_nothing_new_and_waits_only_for_what_is_under_way(code: ExitCode) -> None:
    hand = ManualEngine(unsent(5))
    creates = hand.creates()
    hand.engine.stop(signalled(code))
    assert hand.decide(60.0) == []
    for create in creates:
        assert not hand.engine.is_finished
        hand.created(create)
    assert hand.engine.is_finished
    assert hand.decide(60.0) == []
    assert hand.exit_codes() == [code]


def test_of_a_failed_run_that_was_superseded_no_attempt_is_offered() -> None:
    older = run(RunState.PENDING, take("hero"), superseded_by=Supersession.EDIT)
    hand = ManualEngine([older, run(of=take("hero"), attempt=2)])
    hand.answer(hand.wait_for_read(), ev.RunFailed("the model broke"))
    hand.decide()
    assert "another attempt has taken its place" in hand.notices[0]


def test_a_failed_run_of_a_take_that_was_not_asked_for_is_followed_and_not_made_again() -> None:
    hand = ManualEngine([run(RunState.PENDING, take("old"))], Settings(max_attempts=2), scope=set())
    hand.answer(hand.wait_for_read(), ev.RunFailed("the model broke"))
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished
    assert "an apply that includes this take repeats it" in hand.notices[0]


def test_a_failed_run_is_not_made_again_where_another_that_is_paid_for_can_take_its_place() -> None:
    spare = run(RunState.PENDING, take("hero"), superseded_by=Supersession.EDIT)
    live = run(RunState.PENDING, take("hero"), attempt=2)
    hand = ManualEngine([spare, live], Settings(max_attempts=3))
    while hand.runs[live.key].state is RunState.PENDING:
        read = hand.wait_for_read()
        hand.answer(read, ev.RunFailed("the model broke") if read.run.key == live.key else ev.RunQueued())
    assert "the next apply uses another run in its place" in hand.notices[-1]
    assert hand.creates() == []
    assert len(hand.runs) == 2


def test_no_cap_stops_what_nobody_waits_for() -> None:
    nothing = CreateQueue({}, Counters(frozenset()), Cap(0), CircuitBreaker(2.0), None)
    assert nothing.cap_stop_reason() is None

"""What answers mean for a run: the events worth recording, and none that the table does not admit."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.engine.interpret import Interpreter
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event, Outcome
from hailuo_batch.core.model.runs import Run, fold
from hailuo_batch.core.model.states import RUNNING, TRANSITIONS, RunState
from tests.helpers.snapshots import STARTED_AT, run

URLS = ("https://runbase.net/files/generated/0.mp4",)
CREATE_OUTCOMES: list[Outcome] = [
    ev.CreateNotSent("connection refused"),
    ev.CreateRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait", 3.0),
    ev.InputRejected("invalid_input", "no prompt"),
    ev.CreateUnanswered("timed out"),
    ev.RunCreated("run_new", 280_000),
    ev.RunCreated("run_taken", 280_000),
]
READ_OUTCOMES: list[Outcome] = [
    ev.RunQueued(),
    ev.RunStarted(),
    ev.RunSucceeded(URLS),
    ev.RunSucceeded(()),
    ev.RunFailed("broke"),
    ev.StatusUnknown("dreaming"),
    ev.RunMissing(),
    ev.ReadRefused(ev.Refusal.ACCOUNT, "invalid_api_key", "go away"),
    ev.ReadUnanswered("timed out"),
    ev.ReadNotSent("connection refused"),
]
FILE_OUTCOMES: list[Outcome] = [
    ev.FileSaved(0, "hero.mp4", 5, "0" * 64),
    ev.FetchFailed("HTTP 404", gone=True),
    ev.DiskFull("no space left on device"),
    ev.FetchCancelled(),
    ev.FileMoved(0, "hero.mp4"),
    ev.MoveFailed("no such file"),
]


def interpreter() -> Interpreter:
    made = Interpreter()
    made.on_run_changed(run(run_id="run_taken"))
    return made


def misses(known: Run, *times: float) -> list[tuple[Event, ...]]:
    made = interpreter()
    return [made.events(known, ev.RunMissing(), STARTED_AT + at) for at in times]


@pytest.mark.parametrize("outcome", [*READ_OUTCOMES, *FILE_OUTCOMES], ids=repr)
@pytest.mark.parametrize("state", list(RunState))
def test_no_answer_gives_an_event_that_the_table_does_not_admit(state: RunState, outcome: Outcome) -> None:
    known, made = run(state), interpreter()
    for n in range(8):
        for event in made.events(known, outcome, STARTED_AT + 3.0 * n):
            assert (state, type(event)) in TRANSITIONS
            fold(known, event, STARTED_AT)


@pytest.mark.parametrize("outcome", CREATE_OUTCOMES, ids=repr)
def test_every_answer_to_a_create_gives_one_event_that_resolves_it(outcome: Outcome) -> None:
    known = run(RunState.SUBMITTING)
    (event,) = interpreter().events(known, outcome, STARTED_AT)
    assert fold(known, event, STARTED_AT).state is not RunState.SUBMITTING


@given(
    some.lists(some.sampled_from(READ_OUTCOMES), max_size=30), some.lists(some.floats(0, 5), min_size=30, max_size=30)
)
def test_whatever_a_server_answers_in_whatever_order_a_run_can_take_it(
    answers: list[Outcome], pauses: list[float]
) -> None:
    known, made, now = run(RunState.PENDING), interpreter(), STARTED_AT
    for answer, pause_s in zip(answers, pauses, strict=False):
        now += pause_s
        for event in made.events(known, answer, now):
            known = fold(known, event, now)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (RunState.PENDING, ev.RunQueued()),
        (RunState.PROCESSING, ev.RunStarted()),
        (RunState.PROCESSING, ev.RunQueued()),
        (RunState.PENDING, ev.ReadUnanswered("timed out")),
        (RunState.SUCCEEDED, ev.RunFailed("broke")),
        (RunState.SUCCEEDED, ev.RunQueued()),
        (RunState.FAILED, ev.RunSucceeded(URLS)),
    ],
)
def test_an_answer_that_changes_nothing_gives_no_event(state: RunState, outcome: Outcome) -> None:
    assert interpreter().events(run(state), outcome, STARTED_AT) == ()


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (RunState.PENDING, ev.RunStarted()),
        (RunState.PENDING, ev.RunSucceeded(URLS)),
        (RunState.PROCESSING, ev.RunFailed("broke")),
        (RunState.LOST, ev.RunQueued()),
        (RunState.SUCCEEDED, ev.RunSucceeded(URLS)),
    ],
)
def test_an_answer_that_changes_something_is_the_event_itself(state: RunState, outcome: Outcome) -> None:
    assert interpreter().events(run(state), outcome, STARTED_AT) == (outcome,)


@pytest.mark.parametrize("state", [RunState.PENDING, RunState.PROCESSING, RunState.LOST])
def test_an_unknown_status_is_an_event_when_it_is_new_and_not_at_every_poll(state: RunState) -> None:
    made, known = interpreter(), run(state)
    for outcome in (ev.StatusUnknown("paused", "the queue is full"), ev.StatusUnknown("paused"), ev.StatusUnknown("x")):
        (event,) = made.events(known, outcome, STARTED_AT)
        known = fold(known, event, STARTED_AT)
        assert known.state in RUNNING
        assert all(part in (known.reason or "") for part in (outcome.status, outcome.error))
        assert made.events(known, outcome, STARTED_AT) == ()
    assert made.events(known, ev.RunQueued(), STARTED_AT) == (ev.RunQueued(),), "the status is known again"


@pytest.mark.parametrize("outcome", [ev.RunQueued(), ev.RunStarted()])
def test_an_answer_clears_a_reason_that_no_longer_holds(outcome: Outcome) -> None:
    known = run(RunState.PROCESSING, reason="the API answers that it does not know this run")
    assert interpreter().events(known, outcome, STARTED_AT) == (outcome,)


@pytest.mark.parametrize("state", sorted(RUNNING))
def test_five_times_unknown_over_ten_seconds_is_lost(state: RunState) -> None:
    assert misses(run(state), 0, 2.5, 5, 7.5, 10) == [(), (), (), (), (ev.RunLost(),)]


def test_five_times_unknown_in_a_hurry_is_not_lost_before_ten_seconds_have_passed() -> None:
    assert misses(run(RunState.PENDING), 0, 1, 2, 3, 4, 9.9, 10) == [(), (), (), (), (), (), (ev.RunLost(),)]


def test_four_times_unknown_is_not_lost_however_long_it_takes() -> None:
    assert misses(run(RunState.PENDING), 0, 1000, 2000, 3000) == [(), (), (), ()]


@pytest.mark.parametrize("between", [ev.RunQueued(), ev.ReadUnanswered("timed out"), ev.StatusUnknown("dreaming")])
def test_any_other_answer_breaks_the_row_of_unknowns(between: Outcome) -> None:
    made, known = interpreter(), run(RunState.PENDING)
    for n in range(4):
        made.events(known, ev.RunMissing(), STARTED_AT + 5.0 * n)
    made.events(known, between, STARTED_AT + 20)
    for n in range(4):
        assert made.events(known, ev.RunMissing(), STARTED_AT + 21 + 5.0 * n) == ()
    assert made.events(known, ev.RunMissing(), STARTED_AT + 60) == (ev.RunLost(),)


def test_each_run_has_its_own_row_of_unknowns() -> None:
    made, one, other = interpreter(), run(RunState.PENDING), run(RunState.PENDING)
    for n in range(8):
        known = one if n % 2 else other
        assert made.events(known, ev.RunMissing(), STARTED_AT + 5.0 * n) == ()


@pytest.mark.parametrize("state", [RunState.LOST, RunState.SUCCEEDED])
def test_what_is_lost_already_or_succeeded_is_not_lost_again(state: RunState) -> None:
    assert misses(run(state), 0, 5, 10, 15, 20, 25) == [()] * 6


def test_an_answer_with_the_id_of_another_run_is_no_answer() -> None:
    (event,) = interpreter().events(run(RunState.SUBMITTING), ev.RunCreated("run_taken", 280_000), STARTED_AT)
    assert event == ev.CreateUnanswered("the API answered with the ID of another run, run_taken")


def test_two_creates_answered_with_one_new_id_are_one_run_and_one_doubt() -> None:
    made, answer = interpreter(), ev.RunCreated("run_new", 280_000)
    one, other = run(RunState.SUBMITTING), run(RunState.SUBMITTING)
    assert made.events(one, answer, STARTED_AT) == (answer,)
    assert isinstance(made.events(other, answer, STARTED_AT)[0], ev.CreateUnanswered)
    assert made.events(one, answer, STARTED_AT) == (answer,), "the same run's answer, told again"


def test_the_reason_of_a_refusal_and_its_wait_are_kept_as_they_came() -> None:
    refusal = ev.CreateRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait", 3.0)
    assert interpreter().events(run(RunState.SUBMITTING), refusal, STARTED_AT) == (refusal,)

"""What the ledger takes over from the receipts: every run ID known there is a run, every create without one a doubt."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome
from hailuo_batch.core.model.runs import NO_ANSWER, Run, Supersession, fold
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.recovery import (
    CreateIntent,
    CreateResult,
    MissedEvent,
    MissingAttempt,
    Receipt,
    parse_at,
    parse_result,
    recover,
    supersession_by_restored,
)
from hailuo_batch.values import MAX_COST_MICRO_USD, MAX_EPOCH_S
from tests.helpers.snapshots import COST, STARTED_AT, record, run, snapshot, take

NOW = STARTED_AT + 1000
ANSWERED_AT = STARTED_AT + 5
CREATED = ev.RunCreated("run_x", COST)
NOT_SENT = ev.CreateNotSent("connection refused")
REFUSED = ev.CreateRefused(ev.Refusal.BALANCE, "insufficient_balance", "top up")
REJECTED = ev.InputRejected("invalid_input", "no prompt")
UNANSWERED = ev.CreateUnanswered("timed out")
NO_RECORD = ev.CreateUnanswered(NO_ANSWER)
OUTCOMES: list[CreateOutcome] = [CREATED, NOT_SENT, REFUSED, REJECTED, UNANSWERED]


def intent(create_id: str, at: float = STARTED_AT, of: str = "hero") -> CreateIntent:
    wanted = take(of)
    return CreateIntent(create_id, at, of, 1, wanted.model, wanted.input_json, None)


def result(create_id: str, outcome: CreateOutcome, at: float = ANSWERED_AT) -> CreateResult:
    return CreateResult(create_id, at, outcome)


def missed_by(known: Run, *outcomes: CreateOutcome) -> CreateOutcome | None:
    """What a run of the ledger learns where the receipts hold its create and these results."""
    assert known.create_id is not None
    receipts: list[Receipt] = [intent(known.create_id), *(result(known.create_id, outcome) for outcome in outcomes)]
    missed, forgotten = recover(snapshot(record(take(), known)), receipts, NOW)
    assert forgotten == ()
    for item in missed:
        assert item.key == known.key
        assert item.at == (ANSWERED_AT if outcomes else NOW)
        fold(known, item.event, item.at)
    return next((item.event for item in missed), None)  # type: ignore[return-value]


def put_back(*outcomes: CreateOutcome) -> CreateOutcome | None:
    """What comes back of a create that only the receipts know of."""
    receipts: list[Receipt] = [intent("create-x"), *(result("create-x", outcome) for outcome in outcomes)]
    missed, forgotten = recover(snapshot(record(take(), run())), receipts, NOW)
    assert missed == ()
    for item in forgotten:
        assert item.at == (ANSWERED_AT if outcomes else STARTED_AT)
    return next((item.outcome for item in forgotten), None)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_create_under_way_learns_its_answer(outcome: CreateOutcome) -> None:
    assert missed_by(run(RunState.SUBMITTING), outcome) == outcome


def test_a_create_under_way_without_an_answer_is_in_doubt() -> None:
    assert missed_by(run(RunState.SUBMITTING)) == NO_RECORD


def test_a_create_under_way_that_the_receipts_do_not_know_is_in_doubt_too() -> None:
    sending = run(RunState.SUBMITTING)
    missed, _ = recover(snapshot(record(take(), sending)), [], NOW)
    assert missed == (MissedEvent(sending.key, NO_RECORD, NOW),)


@pytest.mark.parametrize(
    ("outcome", "learnt"),
    [(CREATED, CREATED), (NOT_SENT, NOT_SENT), (REFUSED, REFUSED), (REJECTED, REJECTED), (UNANSWERED, None)],
)
def test_a_create_in_doubt_learns_an_answer_that_resolves_it(
    outcome: CreateOutcome, learnt: CreateOutcome | None
) -> None:
    assert missed_by(run(RunState.IN_DOUBT), outcome) == learnt


def test_a_create_in_doubt_without_an_answer_stays_so() -> None:
    assert missed_by(run(RunState.IN_DOUBT)) is None


FINAL = sorted(set(RunState) - {RunState.UNSENT, RunState.SUBMITTING, RunState.IN_DOUBT, RunState.ABANDONED})


@pytest.mark.parametrize("outcome", [None, *OUTCOMES])
@pytest.mark.parametrize("state", FINAL)
def test_a_run_that_is_resolved_learns_nothing(state: RunState, outcome: CreateOutcome | None) -> None:
    known = run(state, run_id="run_x" if state is not RunState.REJECTED else None)
    assert missed_by(known, *([] if outcome is None else [outcome])) is None


def test_a_run_given_up_with_its_id_known_stays_given_up() -> None:
    assert missed_by(run(RunState.ABANDONED, run_id="run_x"), CREATED) is None


@pytest.mark.parametrize("outcome", [None, NOT_SENT, REFUSED, REJECTED])
def test_an_attempt_whose_last_create_made_nothing_stays_unsent(outcome: CreateOutcome | None) -> None:
    known = replace(run(RunState.UNSENT), create_id="create-1")
    assert missed_by(known, *([] if outcome is None else [outcome])) is None


@pytest.mark.parametrize("state", [RunState.SUBMITTING, RunState.IN_DOUBT])
@pytest.mark.parametrize("outcomes", [(CREATED, UNANSWERED), (CREATED, CREATED), (UNANSWERED, CREATED)])
def test_a_run_id_beats_whatever_else_is_written_of_its_create(
    state: RunState, outcomes: tuple[CreateOutcome, ...]
) -> None:
    assert missed_by(run(state), *outcomes) == CREATED


@pytest.mark.parametrize(("state", "learnt"), [(RunState.SUBMITTING, ev.CreateUnanswered), (RunState.IN_DOUBT, None)])
def test_an_answer_with_the_id_of_another_run_is_no_answer(state: RunState, learnt: type | None) -> None:
    known, other = run(state), run(run_id="run_x")
    receipts: list[Receipt] = [intent(known.create_id or ""), result(known.create_id or "", CREATED)]
    missed, _ = recover(snapshot(record(take(), other, known)), receipts, NOW)
    assert [type(item.event) for item in missed] == ([] if learnt is None else [learnt])


@pytest.mark.parametrize("outcome", [CREATED, UNANSWERED])
def test_a_forgotten_create_that_may_have_been_paid_for_comes_back(outcome: CreateOutcome) -> None:
    assert put_back(outcome) == outcome


def test_a_forgotten_create_without_an_answer_comes_back_in_doubt() -> None:
    assert put_back() == NO_RECORD


@pytest.mark.parametrize("outcome", [NOT_SENT, REFUSED, REJECTED])
def test_a_forgotten_create_that_made_nothing_stays_forgotten(outcome: CreateOutcome) -> None:
    assert put_back(outcome) is None


def test_a_forgotten_create_answered_with_the_id_of_a_known_run_comes_back_in_doubt() -> None:
    known = run(run_id="run_x")
    _, (item,) = recover(snapshot(record(take(), known)), [intent("create-x"), result("create-x", CREATED)], NOW)
    assert item.outcome == ev.CreateUnanswered("the API answered with the ID of another run, run_x")


@pytest.mark.parametrize("known", [0, 1, 2])
def test_two_creates_answered_with_one_id_are_one_run_and_one_doubt(known: int) -> None:
    runs = [replace(run(RunState.SUBMITTING), create_id=f"create-{n}") for n in range(known)]
    receipts: list[Receipt] = [
        *(intent(f"create-{n}") for n in range(2)),
        *(result(f"create-{n}", CREATED) for n in range(2)),
    ]
    missed, forgotten = recover(snapshot(record(take(), *runs)), receipts, NOW)
    learnt = [*(item.event for item in missed), *(item.outcome for item in forgotten)]
    assert learnt.count(CREATED) == 1
    assert sum(isinstance(outcome, ev.CreateUnanswered) for outcome in learnt) == 1


def test_forgotten_creates_come_back_in_the_order_in_which_they_were_sent() -> None:
    receipts = [intent(f"create-{n}", STARTED_AT + n) for n in (3, 4, 5)]
    _, forgotten = recover(snapshot(), receipts, NOW)
    assert [item.intent.create_id for item in forgotten] == ["create-3", "create-4", "create-5"]


@pytest.mark.parametrize(
    ("state", "keeps"), [(RunState.SUCCEEDED, True), (RunState.LOST, True), (RunState.FAILED, False)]
)
@pytest.mark.parametrize("ago", [-400 * 86_400, 400 * 86_400])
def test_of_two_runs_that_nothing_orders_the_one_that_is_paid_for_speaks(
    state: RunState, keeps: bool, ago: float
) -> None:
    """Whatever the time of day was: the receipts know nothing of the live run."""
    known = run(state, run_id="run_known", at=STARTED_AT - ago)
    _, (item,) = recover(snapshot(record(take(), known)), [intent("create-x"), result("create-x", CREATED)], NOW)
    assert item.is_outdated is keeps


def test_a_result_without_its_intent_is_passed_over() -> None:
    assert recover(snapshot(), [result("create-x", CREATED)], NOW) == ((), ())


def test_runs_of_forgotten_takes_are_known() -> None:
    gone = run(run_id="run_x")
    held = replace(snapshot(), forgotten=(gone,))
    assert recover(held, [intent(gone.create_id or ""), result(gone.create_id or "", CREATED)], NOW) == ((), ())


def test_superseded_runs_learn_what_they_missed_too() -> None:
    assert missed_by(run(RunState.IN_DOUBT, superseded_by=Supersession.EDIT), CREATED) == CREATED


@given(some.data())
def test_taking_over_twice_changes_nothing(data: some.DataObject) -> None:
    states = data.draw(some.lists(some.sampled_from(sorted(set(RunState) - {RunState.UNSENT})), max_size=5))
    runs = [run(state) for state in states]
    receipts: list[Receipt] = []
    for n, known in enumerate(runs):
        assert known.create_id is not None
        receipts.append(intent(known.create_id))
        for outcome in data.draw(some.lists(some.sampled_from([NOT_SENT, UNANSWERED, "created"]), max_size=2)):
            reported = ev.RunCreated(f"run_new{n}", COST) if outcome == "created" else outcome
            receipts.append(result(known.create_id, reported))  # type: ignore[arg-type]
    held = snapshot(record(take(), *runs))
    missed, forgotten = recover(held, receipts, NOW)
    assert forgotten == ()
    events = {item.key: item for item in missed}
    after = [fold(known, events[known.key].event, NOW) if known.key in events else known for known in runs]
    assert recover(snapshot(record(take(), *after)), receipts, NOW) == ((), ())
    assert all(known.state is not RunState.SUBMITTING for known in after)


@pytest.mark.parametrize(
    ("before", "by"),
    [
        (RunState.FAILED, Supersession.RETRY),
        (RunState.REJECTED, Supersession.RETRY),
        (RunState.SUCCEEDED, Supersession.REPLACE),
        (RunState.IN_DOUBT, Supersession.RESUBMIT),
        (RunState.LOST, Supersession.RESUBMIT),
        (RunState.PENDING, Supersession.RESUBMIT),
        (RunState.ABANDONED, Supersession.RESUBMIT),
    ],
)
def test_what_is_put_back_after_a_run_supersedes_it_for_the_reason_that_its_state_reports(
    before: RunState, by: Supersession
) -> None:
    assert supersession_by_restored(run(before), intent("create-x")) is by
    assert supersession_by_restored(run(before, take(prompt="older")), intent("create-x")) is Supersession.EDIT


LINE: dict[str, Any] = {
    "create": "create-x",
    "at": STARTED_AT,
    "take": "hero",
    "attempt": 2,
    "model": "hailuo/pro",
    "input": {"prompt": "a lamp on a table"},
    "images_sha256": None,
}


def test_an_intent_reports_all_that_was_asked() -> None:
    read = CreateIntent.parse(json.loads(json.dumps(LINE)))
    assert (read.take_id, read.attempt, read.at) == ("hero", 2, STARTED_AT)
    assert read.fingerprint == take().fingerprint


@pytest.mark.parametrize("missing", sorted(LINE))
def test_a_line_that_lacks_something_is_no_intent(missing: str) -> None:
    with pytest.raises(KeyError):
        CreateIntent.parse({name: value for name, value in LINE.items() if name != missing})


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_is_read_back_as_it_was_written(outcome: CreateOutcome) -> None:
    fields = {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}
    line = json.loads(json.dumps({"result": type(outcome).__name__, **fields}))
    assert parse_result(line) == outcome


@pytest.mark.parametrize(
    "cost", ["280", True, 280.0, 1e30, -1, 10**30, MAX_COST_MICRO_USD + 1, float("inf"), float("nan"), [280], {}]
)
def test_a_cost_that_no_run_can_have_is_unknown_and_that_is_reported(cost: object) -> None:
    created = parse_result({"result": "RunCreated", "run_id": "run_x", "cost_micro_usd": cost})
    assert isinstance(created, ev.RunCreated)
    assert (created.run_id, created.cost_micro_usd) == ("run_x", None)
    assert "the cost in its receipt" in created.cost_note


def test_the_highest_cost_is_believed_and_one_that_is_not_named_is_not_spoken_of() -> None:
    line = {"result": "RunCreated", "run_id": "run_x", "cost_micro_usd": MAX_COST_MICRO_USD}
    assert parse_result(line) == ev.RunCreated("run_x", MAX_COST_MICRO_USD)
    assert parse_result(line | {"cost_micro_usd": None}) == ev.RunCreated("run_x", None)
    del line["cost_micro_usd"]
    assert parse_result(line) == ev.RunCreated("run_x", None)


def test_an_unknown_result_is_none() -> None:
    assert parse_result({"result": "Celebrated"}) is None


@pytest.mark.parametrize("at", ["soon", -1, 10**30, float("nan"), float("inf"), True, None, MAX_EPOCH_S])
def test_a_time_that_cannot_be_read_is_that_of_the_line_before(at: object) -> None:
    assert CreateIntent.parse(LINE | {"at": at}, STARTED_AT).at == STARTED_AT
    assert parse_at(at, STARTED_AT) == STARTED_AT


@pytest.mark.parametrize("attempt", ["first", 0, -1, 10**30, 2.5, float("inf"), True, None])
def test_a_create_is_not_forgotten_for_the_number_of_its_attempt(attempt: object) -> None:
    assert CreateIntent.parse(LINE | {"attempt": attempt}).take_id == "hero"


def test_a_forgotten_create_carries_its_intent() -> None:
    _, (item,) = recover(snapshot(), [intent("create-x"), result("create-x", CREATED)], NOW)
    assert item == MissingAttempt(intent("create-x"), CREATED, ANSWERED_AT)


# --- the run that a user named ---


@pytest.mark.parametrize("state", [RunState.LOST, RunState.ABANDONED])
def test_a_run_that_the_user_named_after_the_backup_is_named_again(state: RunState) -> None:
    known = run(state, run_id="run_first")
    first = result(known.create_id or "", ev.RunCreated("run_first", COST))
    second = result(known.create_id or "", CREATED)
    held = snapshot(record(take(), known))
    named = MissedEvent(known.key, ev.RunNamed("run_x", COST), ANSWERED_AT)
    assert recover(held, [intent(known.create_id or ""), first, second], NOW) == ((named,), ())
    assert recover(held, [intent(known.create_id or ""), first], NOW) == ((), ())


def test_a_name_that_another_run_bears_is_not_given_a_second_time() -> None:
    lost, other = run(RunState.LOST, run_id="run_first"), run(RunState.PENDING, take("desk"), run_id="run_x")
    receipts: list[Receipt] = [intent(lost.create_id or ""), result(lost.create_id or "", CREATED)]
    assert recover(snapshot(record(take(), lost), record(take("desk"), other)), receipts, NOW) == ((), ())

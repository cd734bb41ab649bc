"""What becomes of the runs that only the files beside a ledger know of."""

import dataclasses

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Output
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.adoption import adopt, merge_traces
from hailuo_batch.core.planning.recovery import ADOPTED_PREFIX, CreateIntent, CreateResult, Receipt, recover
from hailuo_batch.core.planning.traces import KnownIds, Trace
from tests.helpers.snapshots import STARTED_AT, record, run, snapshot, take

NOW = STARTED_AT + 1000
SHA = "ab" * 32


def trace(run_id: str | None = "run_1", **changes: object) -> Trace:
    """A finished run of `hero`, its video found."""
    of = take()
    result = Trace(
        source="hero.mp4.json",
        take_id="hero",
        attempt=1,
        state=RunState.SUCCEEDED,
        model=of.model,
        fingerprint=of.fingerprint,
        input_json=of.input_json,
        run_id=run_id,
        cost_micro_usd=280_000,
        submitted_at=STARTED_AT,
        completed_at=STARTED_AT + 90,
        outputs=(Output(0, "", "hero.mp4", 10, SHA),),
    )
    return dataclasses.replace(result, **changes)  # type: ignore[arg-type]


def test_a_finished_run_comes_with_its_video() -> None:
    [attempt] = adopt(snapshot(), [trace()], {}, NOW).attempts
    assert attempt.outcome == ev.RunCreated("run_1", 280_000)
    assert attempt.intent.create_id == f"{ADOPTED_PREFIX}run_1"
    assert [type(event) for event in attempt.later_events] == [ev.RunSucceeded, ev.FileSaved]
    assert (attempt.intent.at, attempt.ended_at) == (STARTED_AT, STARTED_AT + 90)


def test_a_run_of_which_an_output_is_missing_is_asked_for_again() -> None:
    part = trace(outputs=(Output(1, "", "hero.out2.mp4", 10, SHA),))
    [attempt] = adopt(snapshot(), [part], {}, NOW).attempts
    assert attempt.later_events == ()


def test_what_several_files_report_one_run_is_put_together() -> None:
    first = trace(outputs=(Output(0, "", "hero.mp4", 10, SHA),))
    second = trace(outputs=(Output(1, "", "hero.out2.mp4", 10, SHA),))
    listed = trace(
        state=RunState.PENDING,
        input_json="{}",
        create_id="create-1",
        outputs=(Output(0, "https://x.test/0"), Output(1, "https://x.test/1")),
    )
    [whole] = merge_traces([listed, first, second])
    assert (whole.state, whole.create_id, whole.is_whole) == (RunState.SUCCEEDED, "create-1", True)
    assert whole.outputs == (
        Output(0, "https://x.test/0", "hero.mp4", 10, SHA),
        Output(1, "https://x.test/1", "hero.out2.mp4", 10, SHA),
    )


def test_a_create_in_doubt_is_answered_and_not_doubled() -> None:
    for result, doubtful in (
        (trace(), run(RunState.IN_DOUBT)),
        (trace(create_id="create-x", attempt=7), dataclasses.replace(run(RunState.IN_DOUBT), create_id="create-x")),
    ):
        adoption = adopt(snapshot(record(take(), doubtful)), [result], {}, NOW)
        assert adoption.attempts == ()
        assert {item.key for item in adoption.events} == {doubtful.key}
        assert adoption.events[0].event == ev.RunCreated("run_1", 280_000)


def test_a_create_in_doubt_for_something_else_stays_in_doubt() -> None:
    doubtful = run(RunState.IN_DOUBT, take(prompt="another"))
    adoption = adopt(snapshot(record(take(), doubtful)), [trace()], {}, NOW)
    assert adoption.events == ()
    assert len(adoption.attempts) == 1


def test_two_runs_never_answer_one_create() -> None:
    doubtful = run(RunState.IN_DOUBT)
    adoption = adopt(snapshot(record(take(), doubtful)), [trace(), trace("run_2")], {}, NOW)
    assert (len({item.key for item in adoption.events}), len(adoption.attempts)) == (1, 1)


def test_a_lost_run_that_the_user_named_since_is_named() -> None:
    known = dataclasses.replace(run(RunState.LOST, run_id="run_0"), create_id="create-x")
    adoption = adopt(snapshot(record(take(), known)), [trace(create_id="create-x")], {}, NOW)
    assert adoption.events[0].event == ev.RunNamed("run_1", 280_000)


def test_a_create_that_belongs_to_another_run_is_not_taken_twice() -> None:
    known = dataclasses.replace(run(RunState.PENDING, run_id="run_0"), create_id="create-x")
    [attempt] = adopt(snapshot(record(take(), known)), [trace(create_id="create-x")], {}, NOW).attempts
    assert attempt.intent.create_id == f"{ADOPTED_PREFIX}run_1"


def test_an_older_attempt_does_not_take_the_place_of_a_newer_one() -> None:
    newer = run(run_id="run_9", attempt=2, at=STARTED_AT + 500)
    [attempt] = adopt(snapshot(record(take(), newer)), [trace()], {}, NOW).attempts
    assert attempt.is_outdated
    in_the_past = run(run_id="run_9", attempt=2, at=STARTED_AT - 500)
    [attempt] = adopt(snapshot(record(take(), in_the_past)), [trace()], {}, NOW).attempts
    assert attempt.is_outdated
    older = run(run_id="run_0", at=STARTED_AT - 500)
    [attempt] = adopt(snapshot(record(take(), older)), [trace()], {}, NOW).attempts
    assert not attempt.is_outdated
    [attempt] = adopt(snapshot(record(take(), older)), [trace(is_superseded=True)], {}, NOW).attempts
    assert attempt.is_outdated


def test_a_clock_that_was_set_back_makes_no_failed_attempt_the_newest() -> None:
    failed = trace(state=RunState.FAILED, is_superseded=True, outputs=())
    doubtful = trace(
        None, state=RunState.IN_DOUBT, attempt=2, create_id="create-2", submitted_at=STARTED_AT - 4000, outputs=()
    )
    attempts = adopt(snapshot(), [doubtful, failed], {}, NOW).attempts
    assert [attempt.intent.create_id for attempt in attempts] == [f"{ADOPTED_PREFIX}run_1", "create-2"]


def test_a_failed_attempt_never_speaks_in_the_place_of_one_that_may_be_paid_for() -> None:
    doubtful = run(RunState.IN_DOUBT, attempt=2, at=STARTED_AT - 4000)
    [failed] = adopt(snapshot(record(take(), doubtful)), [trace(state=RunState.FAILED)], {}, NOW).attempts
    assert failed.is_outdated
    of_another_file = trace(None, state=RunState.IN_DOUBT, create_id="create-2", submitted_at=STARTED_AT - 4000)
    known = run(RunState.FAILED, run_id="run_9")
    [paid] = adopt(snapshot(record(take(), known)), [of_another_file], {}, NOW).attempts
    assert not paid.is_outdated
    result = adopt(snapshot(), [of_another_file, trace(state=RunState.FAILED, attempt=3)], {}, NOW).attempts
    assert [attempt.intent.create_id for attempt in result] == [f"{ADOPTED_PREFIX}run_1", "create-2"]


def test_an_input_that_is_shown_in_part_is_made_whole_or_known_by_its_fingerprint() -> None:
    part = trace(input_json='{"prompt":"a lamp"}')
    [attempt] = adopt(snapshot(), [part], {part.fingerprint: take().input_json}, NOW).attempts
    assert (attempt.intent.input_json, attempt.intent.known_fingerprint) == (take().input_json, None)
    [attempt] = adopt(snapshot(), [part], {}, NOW).attempts
    assert attempt.intent.fingerprint == part.fingerprint


def test_failed_given_up_and_in_doubt_stay_what_they_are() -> None:
    failed, given_up, doubt = (
        trace(state=RunState.FAILED, error="the filter"),
        trace("run_2", state=RunState.ABANDONED, outputs=()),
        trace(None, state=RunState.IN_DOUBT, create_id="create-1", outputs=()),
    )
    result = {
        attempt.intent.create_id: attempt for attempt in adopt(snapshot(), [failed, given_up, doubt], {}, NOW).attempts
    }
    assert isinstance(result[f"{ADOPTED_PREFIX}run_1"].later_events[0], ev.RunFailed)
    assert isinstance(result[f"{ADOPTED_PREFIX}run_2"].later_events[0], ev.RunAbandoned)
    assert isinstance(result["create-1"].outcome, ev.CreateUnanswered)


def test_a_state_that_nobody_expects_is_asked_for() -> None:
    for state in (RunState.UNSENT, RunState.REJECTED, RunState.SUBMITTING, RunState.LOST):
        [attempt] = adopt(snapshot(), [trace(state=state), trace(state=state)], {}, NOW).attempts
        assert attempt.later_events == ()


def test_the_true_receipt_of_an_adopted_run_is_no_second_run() -> None:
    adopted = dataclasses.replace(run(run_id="run_1"), create_id=f"{ADOPTED_PREFIX}run_1")
    receipts: list[Receipt] = [
        CreateIntent("create-1", STARTED_AT, "hero", 1, "hailuo/pro", take().input_json, None),
        CreateResult("create-1", STARTED_AT, ev.RunCreated("run_1", 280_000)),
    ]
    assert recover(snapshot(record(take(), adopted)), receipts, NOW) == ((), ())


def test_a_run_is_known_by_its_id_and_a_create_without_one_by_its_own() -> None:
    names = KnownIds(frozenset({"run_1"}), frozenset({"create-1"}))
    doubt = trace(None, state=RunState.IN_DOUBT, create_id="create-2", outputs=())
    rejected = trace(None, state=RunState.REJECTED, create_id="create-3", outputs=())
    known = dataclasses.replace(doubt, create_id="create-1")
    assert names.unknown([trace(), trace("run_2", create_id="create-1"), doubt, rejected, known]) == (
        trace("run_2", create_id="create-1"),
        doubt,
    )

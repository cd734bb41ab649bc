"""What each event makes of a run, and how takes and snapshots are read off their runs."""

from dataclasses import replace

import pytest

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Output, Run, Supersession, fold, in_doubt_if_submitting
from hailuo_batch.core.model.states import IllegalTransition, RunState, TakeState
from tests.helpers.snapshots import COST, STARTED_AT, output, record, run, snapshot, take

LATER = STARTED_AT + 60.0
URL = "https://runbase.net/files/generated/fresh.mp4"


def after(before: Run, *events: Event) -> Run:
    for event in events:
        before = fold(before, event, LATER)
    return before


def test_a_create_that_starts_notes_its_id_and_time_and_forgets_the_last_refusal() -> None:
    started = after(run(RunState.UNSENT, reason="top up"), ev.CreateStarted("create-x"))
    assert (started.state, started.create_id, started.submitted_at) == (RunState.SUBMITTING, "create-x", LATER)
    assert started.reason is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ev.CreateNotSent("connection refused"), "connection refused"),
        (ev.CreateUnanswered("timed out"), "timed out"),
        (ev.CreateRefused(ev.Refusal.BALANCE, "insufficient_balance", "top up"), "top up (insufficient_balance)"),
        (ev.CreateRefused(ev.Refusal.ACCOUNT, "", "go away"), "go away"),
        (ev.InputRejected("invalid_input", "no prompt"), "no prompt (invalid_input)"),
    ],
)
def test_a_create_without_a_run_leaves_its_reason_and_no_cost(event: Event, reason: str) -> None:
    before = run(RunState.SUBMITTING)
    assert after(before, event) == replace(before, state=after(before, event).state, reason=reason)


def test_a_created_run_has_its_id_and_cost() -> None:
    before = run(RunState.SUBMITTING)
    created = after(before, ev.RunCreated("run_x", 40_000))
    assert created == replace(before, state=RunState.PENDING, run_id="run_x", cost_micro_usd=40_000)


def test_an_answer_without_a_cost_leaves_it_unknown_and_a_later_one_teaches_it() -> None:
    created = after(run(RunState.SUBMITTING), ev.RunCreated("run_x", None, "costUsd is missing"))
    assert created.cost_micro_usd is None
    assert after(created, ev.RunSucceeded((URL,), cost_micro_usd=40_000)).cost_micro_usd == 40_000


def test_a_later_answer_without_a_cost_does_not_unlearn_it() -> None:
    assert after(run(RunState.PENDING), ev.RunSucceeded((URL,))).cost_micro_usd == COST
    assert after(run(RunState.PENDING), ev.RunFailed("broke")).cost_micro_usd == COST
    assert after(run(RunState.LOST), ev.RunNamed("run_y", None)).cost_micro_usd == COST


def test_polls_move_a_run_along_and_clear_what_no_longer_holds() -> None:
    lost = run(RunState.LOST, reason="the API answers that it does not know this run")
    found = after(lost, ev.RunStarted())
    assert (found.state, found.reason) == (RunState.PROCESSING, None)
    assert after(run(RunState.PENDING), ev.RunStarted(), ev.RunQueued()).state is RunState.PROCESSING


def test_a_success_notes_its_links_and_when_it_was_completed() -> None:
    done = after(run(RunState.PROCESSING), ev.RunSucceeded((URL, URL + "2"), completed_at=STARTED_AT + 50))
    assert done.outputs == (Output(0, URL), Output(1, URL + "2"))
    assert done.completed_at == STARTED_AT + 50
    assert done.take_state is TakeState.DOWNLOADING


def test_without_a_time_from_the_api_a_run_is_completed_when_it_was_received() -> None:
    assert after(run(RunState.PROCESSING), ev.RunSucceeded((URL,))).completed_at == LATER
    assert after(run(RunState.PROCESSING), ev.RunFailed("broke")).completed_at == LATER


def test_fresh_links_keep_the_files_that_are_saved() -> None:
    before = run(outputs=(output("hero.mp4"), output(None, 1)))
    renewed = after(before, ev.RunSucceeded((URL, URL + "2", URL + "3"), completed_at=LATER))
    assert renewed.outputs == (
        replace(before.outputs[0], url=URL),
        replace(before.outputs[1], url=URL + "2"),
        Output(2, URL + "3"),
    )
    assert renewed.completed_at == before.completed_at


def test_an_answer_with_fewer_links_forgets_no_output() -> None:
    before = run(outputs=(output("hero.mp4"), output("hero.out2.mp4", 1)))
    assert after(before, ev.RunSucceeded(())).outputs == before.outputs
    assert after(before, ev.RunSucceeded((URL,))).outputs == (replace(before.outputs[0], url=URL), before.outputs[1])


def test_a_failure_states_why() -> None:
    failed = after(run(RunState.PENDING), ev.RunFailed("the model broke", cost_micro_usd=40_000))
    assert (failed.state, failed.reason, failed.cost_micro_usd) == (RunState.FAILED, "the model broke", 40_000)


def test_a_lost_run_keeps_its_id_and_reports_it() -> None:
    before = run(RunState.PENDING)
    lost = after(before, ev.RunLost())
    assert lost.run_id == before.run_id
    assert lost.reason == "the API answers that it does not know this run"


def test_the_user_names_a_run_in_doubt_or_gives_it_up() -> None:
    doubtful = run(RunState.IN_DOUBT, reason="timed out")
    named = after(doubtful, ev.RunNamed("run_y", 40_000))
    assert (named.state, named.run_id, named.cost_micro_usd, named.reason) == (RunState.PENDING, "run_y", 40_000, None)
    abandoned = after(doubtful, ev.RunAbandoned("nowhere to be seen"))
    assert (abandoned.state, abandoned.reason) == (RunState.ABANDONED, "nowhere to be seen")


def test_a_file_is_saved_moved_and_missed() -> None:
    before = run(outputs=(output(None), output("hero.out2.mp4", 1)))
    saved = after(before, ev.FileSaved(0, "hero.mp4", 5, "a" * 64))
    assert saved.outputs == (Output(0, before.outputs[0].url, "hero.mp4", 5, "a" * 64), before.outputs[1])
    assert saved.take_state is TakeState.DONE
    moving = after(saved, ev.FileMoving(0, "teal.mp4"))
    assert (moving.outputs[0].path, moving.outputs[0].moving_to) == ("hero.mp4", "teal.mp4")
    moved = after(moving, ev.FileMoved(0, "teal.mp4"))
    assert (moved.outputs[0].path, moved.outputs[0].moving_to) == ("teal.mp4", None)
    missed = after(moving, ev.FileMissed(0))
    assert missed.outputs[0] == replace(saved.outputs[0], path=None)
    assert missed.take_state is TakeState.DOWNLOADING


@pytest.mark.parametrize(
    ("outputs", "state"),
    [
        ((), TakeState.DOWNLOADING),
        ((output("hero.mp4"), output(None, 1)), TakeState.DOWNLOADING),
        ((output("hero.mp4"), output("hero.out2.mp4", 1)), TakeState.DONE),
    ],
)
def test_a_take_is_done_when_at_least_one_output_and_every_one_is_saved(
    outputs: tuple[Output, ...], state: TakeState
) -> None:
    assert record(take(), run(outputs=outputs)).state is state


def test_a_take_speaks_through_the_run_that_is_not_superseded() -> None:
    old = run(attempt=1, superseded_by=Supersession.EDIT)
    new = run(RunState.PENDING, attempt=2)
    assert record(take(), old, new).live == new
    assert record(take(), old, new).state is TakeState.RUNNING


def test_a_revived_older_attempt_speaks_for_its_take() -> None:
    old, new = run(attempt=1), run(RunState.FAILED, attempt=2, superseded_by=Supersession.EDIT)
    assert record(take(), old, new).live == old


def test_a_take_with_no_live_run_is_reported_by_its_newest_and_one_with_no_run_waits() -> None:
    runs = [
        run(state, attempt=n, superseded_by=Supersession.EDIT)
        for n, state in enumerate((RunState.SUCCEEDED, RunState.FAILED), 1)
    ]
    assert record(take(), *runs).live is None
    assert record(take(), *runs).state is TakeState.FAILED
    assert record(take()).state is TakeState.WAITING


def test_a_reader_without_an_apply_takes_a_create_under_way_for_in_doubt() -> None:
    sending, done = run(RunState.SUBMITTING), run()
    seen = in_doubt_if_submitting(snapshot(record(take(), done, sending)))
    assert list(seen.runs) == [
        done,
        replace(sending, state=RunState.IN_DOUBT, reason="the program ended before an answer was recorded"),
    ]


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.SUBMITTING])
def test_a_reader_takes_every_other_run_as_it_stands(state: RunState) -> None:
    known = snapshot(record(take(), run(state)))
    assert in_doubt_if_submitting(known) is known


@pytest.mark.parametrize(
    "event",
    [
        ev.FileSaved(1, "hero.out2.mp4", 1000, "0" * 64),
        ev.FileMoving(1, "lamp.out2.mp4"),
        ev.FileMoved(1, "lamp.out2.mp4"),
        ev.FileMissed(1),
    ],
)
def test_nothing_happens_to_a_file_that_the_run_does_not_have(event: Event) -> None:
    with pytest.raises(IllegalTransition):
        after(run(), event)


@pytest.mark.parametrize("event", [ev.FileMoving(0, "lamp.mp4"), ev.FileMoved(0, "lamp.mp4")])
def test_only_a_file_that_is_there_is_renamed(event: Event) -> None:
    with pytest.raises(IllegalTransition):
        after(run(outputs=(output(None),)), event)

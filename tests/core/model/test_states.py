"""The transition table, against a table of its own: the whole grid of states and events."""

from typing import get_args

import pytest

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import fold
from hailuo_batch.core.model.states import IllegalTransition, RunState, TakeState, next_state, take_state
from tests.helpers.snapshots import STARTED_AT, output, run

# Where the event leads from each state, `.` where it may not come.
GRID = """
-                 unsent     submitting in_doubt  pending    processing succeeded failed rejected lost abandoned
CreateStarted     submitting .         .         .          .          .         . . .          .
CreateNotSent     .          unsent    unsent    .          .          .         . . .          .
CreateRefused     .          unsent    unsent    .          .          .         . . .          .
InputRejected     .          rejected  rejected  .          .          .         . . .          .
CreateUnanswered  .          in_doubt  .         .          .          .         . . .          .
RunCreated        .          pending   pending   .          .          .         . . .          .
RunTakenOver      .          .         .         pending    processing succeeded . . lost       .
RunQueued         .          .         .         pending    processing .         . . pending    .
RunStarted        .          .         .         processing processing .         . . processing .
StatusUnknown     .          .         .         pending    processing .         . . pending    .
RunSucceeded      .          .         .         succeeded  succeeded  succeeded . . succeeded  .
RunFailed         .          .         .         failed     failed     .         . . failed     .
RunLost           .          .         .         lost       lost       .         . . lost       .
RunNamed          .          .         pending   .          .          .         . . pending    pending
RunAbandoned      .          .         abandoned abandoned  abandoned  abandoned . . abandoned  .
FileSaved         .          .         .         .          .          succeeded . . .          .
FileMoving        .          .         .         .          .          succeeded . . .          abandoned
FileMoved         .          .         .         .          .          succeeded . . .          abandoned
FileMissed        .          .         .         .          .          succeeded . . .          abandoned
"""
(_, *COLUMNS), *ROWS = map(str.split, GRID.strip().splitlines())
EXPECTED = {
    (RunState(column), name): None if cell == "." else RunState(cell)
    for name, *cells in ROWS
    for column, cell in zip(COLUMNS, cells, strict=True)
}
EVENTS: tuple[Event, ...] = (
    ev.CreateStarted("create-x"),
    ev.CreateNotSent("connection refused"),
    ev.CreateRefused(ev.Refusal.BALANCE, "insufficient_balance", "top up"),
    ev.InputRejected("invalid_input", "no prompt"),
    ev.CreateUnanswered("timed out"),
    ev.RunCreated("run_x", 280_000),
    ev.RunTakenOver(2),
    ev.RunQueued(),
    ev.RunStarted(),
    ev.StatusUnknown("paused", "the queue is full"),
    ev.RunSucceeded(("https://runbase.net/files/generated/0.mp4",)),
    ev.RunFailed("the model broke"),
    ev.RunLost(),
    ev.RunNamed("run_y", None),
    ev.RunAbandoned("given up"),
    ev.FileSaved(0, "hero.mp4", 1000, "0" * 64),
    ev.FileMoving(0, "hero.mp4"),
    ev.FileMoved(0, "hero.mp4"),
    ev.FileMissed(0),
)
PAIRS = [pytest.param(state, event, id=f"{state}-{type(event).__name__}") for state in RunState for event in EVENTS]


def test_the_grid_names_every_state_and_every_event() -> None:
    assert {RunState(column) for column in COLUMNS} == set(RunState)
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert EXPECTED.keys() == {(state, type(event).__name__) for state in RunState for event in EVENTS}


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_event_leads_where_the_grid_states_or_moves_nothing(state: RunState, event: Event) -> None:
    expected = EXPECTED[state, type(event).__name__]
    before = run(state, outputs=(output(),))
    if expected is not None:
        assert next_state(state, event) is expected
        assert fold(before, event, STARTED_AT).state is expected
        return
    untouched = repr(before)
    with pytest.raises(IllegalTransition) as caught:
        fold(before, event, STARTED_AT)
    assert (caught.value.state, caught.value.event) == (state, event)
    assert f"a run that is {state} " in str(caught.value)
    assert type(event).__name__ in str(caught.value)
    assert repr(before) == untouched


def test_nothing_leads_out_of_failed_and_rejected() -> None:
    ends = {RunState.FAILED, RunState.REJECTED}
    assert not [pair for pair, to in EXPECTED.items() if pair[0] in ends and to is not None]


def test_a_run_that_may_be_paid_for_is_unsent_again_only_where_nothing_was_made() -> None:
    assert {name for (_, name), to in EXPECTED.items() if to is RunState.UNSENT} == {"CreateNotSent", "CreateRefused"}


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (RunState.UNSENT, TakeState.WAITING),
        (RunState.SUBMITTING, TakeState.WAITING),
        (RunState.IN_DOUBT, TakeState.IN_DOUBT),
        (RunState.PENDING, TakeState.RUNNING),
        (RunState.PROCESSING, TakeState.RUNNING),
        (RunState.FAILED, TakeState.FAILED),
        (RunState.REJECTED, TakeState.REJECTED),
        (RunState.LOST, TakeState.LOST),
        (RunState.ABANDONED, TakeState.ABANDONED),
    ],
)
def test_a_take_is_reported_as_its_run_stands(state: RunState, shown: TakeState, saved: bool) -> None:
    assert take_state(state, saved) is shown


def test_a_take_is_done_only_with_every_output_on_disk() -> None:
    assert take_state(RunState.SUCCEEDED, outputs_saved=False) is TakeState.DOWNLOADING
    assert take_state(RunState.SUCCEEDED, outputs_saved=True) is TakeState.DONE

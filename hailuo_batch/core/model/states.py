"""The states of runs and takes, and the one transition table.

A run is one attempt at a take; it begins `unsent` and moves only along TRANSITIONS. A take has no state of its own: it
is derived from its live run, so the two can never disagree. Nothing here knows how states are stored.
"""

from enum import StrEnum

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event


class RunState(StrEnum):
    """The state of one attempt."""

    UNSENT = "unsent"  # nothing was ever sent for it, or what was sent provably made nothing
    SUBMITTING = "submitting"  # its create is being sent
    IN_DOUBT = "in_doubt"  # its create may have gone out, and no answer is recorded
    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # refunded
    REJECTED = "rejected"  # nothing paid
    LOST = "lost"
    ABANDONED = "abandoned"


class TakeState(StrEnum):
    """The state of a take, as users see it."""

    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    LOST = "lost"
    ABANDONED = "abandoned"


S = RunState
RUNNING = frozenset({S.PENDING, S.PROCESSING})
WITH_RUN_ID = RUNNING | {S.SUCCEEDED, S.FAILED, S.LOST}
"""States of a run that has a run ID."""
MAYBE_PAID = RUNNING | {S.SUBMITTING, S.IN_DOUBT, S.SUCCEEDED, S.LOST}
"""States of a run that is paid for, or may be, and not refunded."""

TRANSITIONS: dict[tuple[RunState, type[Event]], RunState] = {
    (S.UNSENT, ev.CreateStarted): S.SUBMITTING,
    (S.SUBMITTING, ev.CreateNotSent): S.UNSENT,
    (S.SUBMITTING, ev.CreateRefused): S.UNSENT,
    (S.SUBMITTING, ev.InputRejected): S.REJECTED,
    (S.SUBMITTING, ev.CreateUnanswered): S.IN_DOUBT,
    (S.SUBMITTING, ev.RunCreated): S.PENDING,
    # an answer found in the receipts, after a crash or a restored backup
    (S.IN_DOUBT, ev.RunCreated): S.PENDING,
    # an answer found in the receipts: nothing was made after all
    (S.IN_DOUBT, ev.CreateNotSent): S.UNSENT,
    (S.IN_DOUBT, ev.CreateRefused): S.UNSENT,
    (S.IN_DOUBT, ev.InputRejected): S.REJECTED,
    # another key knows it
    **{(state, ev.RunTakenOver): state for state in (S.PENDING, S.PROCESSING, S.SUCCEEDED, S.LOST)},
    (S.PENDING, ev.RunQueued): S.PENDING,
    (S.PENDING, ev.RunStarted): S.PROCESSING,
    (S.PENDING, ev.StatusUnknown): S.PENDING,
    (S.PENDING, ev.RunSucceeded): S.SUCCEEDED,
    (S.PENDING, ev.RunFailed): S.FAILED,
    (S.PENDING, ev.RunLost): S.LOST,
    (S.PROCESSING, ev.RunQueued): S.PROCESSING,
    (S.PROCESSING, ev.RunStarted): S.PROCESSING,
    (S.PROCESSING, ev.StatusUnknown): S.PROCESSING,
    (S.PROCESSING, ev.RunSucceeded): S.SUCCEEDED,
    (S.PROCESSING, ev.RunFailed): S.FAILED,
    (S.PROCESSING, ev.RunLost): S.LOST,
    # the API knows the run after all
    (S.LOST, ev.RunQueued): S.PENDING,
    (S.LOST, ev.RunStarted): S.PROCESSING,
    (S.LOST, ev.StatusUnknown): S.PENDING,
    (S.LOST, ev.RunSucceeded): S.SUCCEEDED,
    (S.LOST, ev.RunFailed): S.FAILED,
    (S.LOST, ev.RunLost): S.LOST,
    # read again for fresh links
    (S.SUCCEEDED, ev.RunSucceeded): S.SUCCEEDED,
    (S.SUCCEEDED, ev.FileSaved): S.SUCCEEDED,
    (S.SUCCEEDED, ev.FileMoving): S.SUCCEEDED,
    (S.SUCCEEDED, ev.FileMoved): S.SUCCEEDED,
    (S.SUCCEEDED, ev.FileMissed): S.SUCCEEDED,
    # abandoned, while some of its files are on disk
    (S.ABANDONED, ev.FileMoving): S.ABANDONED,
    (S.ABANDONED, ev.FileMoved): S.ABANDONED,
    (S.ABANDONED, ev.FileMissed): S.ABANDONED,
    # the user's decision
    (S.IN_DOUBT, ev.RunNamed): S.PENDING,
    (S.LOST, ev.RunNamed): S.PENDING,
    (S.ABANDONED, ev.RunNamed): S.PENDING,
    (S.IN_DOUBT, ev.RunAbandoned): S.ABANDONED,
    (S.PENDING, ev.RunAbandoned): S.ABANDONED,
    (S.PROCESSING, ev.RunAbandoned): S.ABANDONED,
    (S.SUCCEEDED, ev.RunAbandoned): S.ABANDONED,
    (S.LOST, ev.RunAbandoned): S.ABANDONED,
}

_TAKE_STATES: dict[RunState, TakeState] = {
    S.UNSENT: TakeState.WAITING,
    S.SUBMITTING: TakeState.WAITING,
    S.IN_DOUBT: TakeState.IN_DOUBT,
    S.PENDING: TakeState.RUNNING,
    S.PROCESSING: TakeState.RUNNING,
    S.SUCCEEDED: TakeState.DOWNLOADING,
    S.FAILED: TakeState.FAILED,
    S.REJECTED: TakeState.REJECTED,
    S.LOST: TakeState.LOST,
    S.ABANDONED: TakeState.ABANDONED,
}


class IllegalTransition(Exception):  # noqa: N818 - named for what it is, not for being an error
    """An event came to a run whose state does not allow it, which is a bug of this program. Nothing was changed."""

    def __init__(self, state: RunState, event: Event) -> None:
        super().__init__(f"a run that is {state} cannot take {event}")
        self.state = state
        self.event = event


def next_state(state: RunState, event: Event) -> RunState:
    """State of the run after the event. Raises IllegalTransition where the table has no row for it."""
    try:
        return TRANSITIONS[state, type(event)]
    except KeyError:
        raise IllegalTransition(state, event) from None


def take_state(state: RunState, outputs_saved: bool) -> TakeState:
    """State of a take, given its live run's state and whether all of that run's outputs (at least one) are on disk."""
    if state is RunState.SUCCEEDED and outputs_saved:
        return TakeState.DONE
    return _TAKE_STATES[state]

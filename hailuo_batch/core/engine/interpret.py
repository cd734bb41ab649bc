"""What an answer means for its run: from outcomes to the events that are worth recording.

An answer that changes nothing gives no event, and no answer of a server gives an event that the transition table does
not allow.
"""

from dataclasses import dataclass
from typing import TypeGuard, get_args

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event, Outcome
from hailuo_batch.core.model.runs import Run, doubt_for_taken_id, unknown_status_reason
from hailuo_batch.core.model.states import RUNNING, TRANSITIONS, RunState

# A run that is lost is read only once in each later apply, so a moment's confusion of the API must not be enough.
LOST_AFTER_MISSES = 5
LOST_AFTER_S = 10.0

_EVENTS: tuple[type, ...] = get_args(Event)


@dataclass(slots=True)
class _Misses:
    count: int
    since: float


class Interpreter:
    """Turns outcomes into events. It remembers which run IDs are taken, and how many 404s in a row a run had."""

    def __init__(self) -> None:
        self._owners: dict[str, int] = {}
        self._misses: dict[int, _Misses] = {}

    def on_run_changed(self, run: Run) -> None:
        """Remember that this run's ID is taken."""
        if run.run_id is not None:
            self._owners.setdefault(run.run_id, run.key)

    def events(self, run: Run, outcome: Outcome, now: float) -> tuple[Event, ...]:
        """The events to record for this run, in order; empty where nothing changed."""
        if isinstance(outcome, ev.RunMissing):
            return self._on_missing(run, now)
        self._misses.pop(run.key, None)
        if isinstance(outcome, ev.RunCreated):
            owner = self._owners.setdefault(outcome.run_id, run.key)
            outcome = outcome if owner == run.key else doubt_for_taken_id(outcome.run_id)
        if not _is_event(outcome) or (run.state, type(outcome)) not in TRANSITIONS:
            return ()
        if isinstance(outcome, ev.FileSaved | ev.FileMoved) and outcome.index >= len(run.outputs):
            return ()
        return () if _changes_nothing(run, outcome) else (outcome,)

    def _on_missing(self, run: Run, now: float) -> tuple[Event, ...]:
        if run.state is RunState.LOST:
            return ()
        misses = self._misses.setdefault(run.key, _Misses(0, now))
        misses.count += 1
        is_lost = misses.count >= LOST_AFTER_MISSES and now - misses.since >= LOST_AFTER_S
        return (ev.RunLost(),) if is_lost and (run.state, ev.RunLost) in TRANSITIONS else ()


def _is_event(outcome: Outcome) -> TypeGuard[Event]:
    return isinstance(outcome, _EVENTS)


def _changes_nothing(run: Run, outcome: Event) -> bool:
    match outcome:
        case ev.RunQueued():
            return run.state in RUNNING and run.reason is None
        case ev.RunStarted():
            return run.state is RunState.PROCESSING and run.reason is None
        case ev.StatusUnknown():
            return run.state in RUNNING and run.reason == unknown_status_reason(outcome)
        case _:
            return False

"""What the ledger knows, as frozen values, and the one way a run changes: `fold`.

A snapshot is what plans, engines and reports are made from; it can be built by hand in a test. Times are seconds
since the epoch, UTC; money is integer micro-USD; None means unknown or not yet, as each field says.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from itertools import chain
from typing import assert_never

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.states import IllegalTransition, RunState, TakeState, next_state, take_state
from hailuo_batch.values import Take

OutputKey = tuple[int, int]  # a run's key, and the index of its output


class Supersession(StrEnum):
    """Why a run no longer speaks for its take."""

    EDIT = "edit"  # the manifest asks for something else; changed back, the run speaks again
    REPLACE = "replace"  # the user asked for another one
    RETRY = "retry"  # it failed or was rejected, and another attempt was made
    RESUBMIT = "resubmit"  # it was in doubt, lost or stuck, and the user had it made again


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a run. `path` is relative to the output folder, None until the file is whole on disk.

    `moving_to` is set while a rename is under way. `bytes` and `sha256` are those of the file as it was saved, and
    stay when the file is missed. `flaw` says in words what is wrong with the file as it was saved, None where nothing
    is known to be: such a file was paid for, and is no whole video.
    """

    index: int
    url: str
    path: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    moving_to: str | None = None
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at a take. `key` is the ledger's own number for it and never changes.

    `create_id` is that of its newest create, None while none was started, and `create_number` says which creates the
    ledger has on record before and after it: the time of day may jump. `run_id` is None until the API named it.
    `superseded_by` is None while it speaks for its take. `reason` says in words why it stands where it stands.
    """

    key: int
    take_id: str
    attempt: int
    state: RunState
    model: str
    input_json: str
    fingerprint: str
    images_sha256: str | None = None
    superseded_by: Supersession | None = None
    create_id: str | None = None
    create_number: int | None = None
    run_id: str | None = None
    cost_micro_usd: int | None = None
    reason: str | None = None
    submitted_at: float | None = None
    completed_at: float | None = None
    outputs: tuple[Output, ...] = ()

    @property
    def is_superseded(self) -> bool:
        """Whether another run has taken its place."""
        return self.superseded_by is not None

    @property
    def outputs_saved(self) -> bool:
        """Whether there is at least one output and every one is on disk."""
        for output in self.outputs:  # a loop, for plans and reports ask this of every run several times
            if output.path is None:
                return False
        return bool(self.outputs)

    @property
    def flaws(self) -> tuple[str, ...]:
        """What is known to be wrong with its files that are on disk: `hero.mp4: it is no whole MP4: ...`."""
        return tuple(f"{o.path}: {o.flaw}" for o in self.outputs if o.path is not None and o.flaw is not None)

    @property
    def take_state(self) -> TakeState:
        """What this run makes of its take while it is the live one."""
        return take_state(self.state, self.outputs_saved)


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """A take as the ledger has it: what is wanted of it, and every run ever made for it, oldest attempt first."""

    take: Take
    in_manifest: bool
    runs: tuple[Run, ...]

    @property
    def live(self) -> Run | None:
        """The run that speaks for the take, None only where all are superseded."""
        for run in reversed(self.runs):
            if run.superseded_by is None:
                return run
        return None

    @property
    def state(self) -> TakeState:
        """The take's state: that of its live run, else of its newest."""
        speaker = self.live or (self.runs[-1] if self.runs else None)
        return TakeState.WAITING if speaker is None else speaker.take_state


@dataclass(frozen=True, slots=True)
class Replacement:
    """A `--replace` that is under way: its patterns, the takes that it is about, and the patterns of `--only`.

    Those takes are the ones that it makes anew, and any that fit its patterns and were still to be made when it began.
    """

    patterns: tuple[str, ...]
    take_ids: frozenset[str]
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole ledger at one moment, takes in the manifest's order, then those that left it.

    `endpoint` is the API's base URL, or the word `sandbox`. `replacements` are those under way, oldest first.
    `forgotten` are runs of takes that the user had forgotten: only their money, and their run IDs, still count.
    `restored` says that this is a backup put back: files may have been renamed since it was made.
    """

    campaign: str
    endpoint: str
    takes: tuple[TakeRecord, ...] = ()
    manifest_sha256: str = ""
    description: str = ""
    replacements: tuple[Replacement, ...] = ()
    forgotten: tuple[Run, ...] = ()
    restored: bool = False

    @property
    def runs(self) -> Iterator[Run]:
        """Every run that is told of, take by take."""
        return (run for record in self.takes for run in record.runs)

    @property
    def paid_runs(self) -> Iterator[Run]:
        """Every run whose money counts."""
        return chain(self.runs, self.forgotten)


def in_doubt_if_submitting(snapshot: Snapshot) -> Snapshot:
    """What a reader must believe when no apply holds the lock: a create that was being sent is in doubt."""
    event = ev.CreateUnanswered("the program ended before an answer was recorded")
    return with_events(snapshot, ((run.key, event) for run in snapshot.runs if run.state is RunState.SUBMITTING))


def with_events(snapshot: Snapshot, events: Iterable[tuple[int, Event]]) -> Snapshot:
    """The snapshot as it will be once these events, each with its run's key, are recorded. None of them is timed."""
    events_by_key: dict[int, list[Event]] = {}
    for key, event in events:
        events_by_key.setdefault(key, []).append(event)
    if not events_by_key:
        return snapshot

    def apply_events(run: Run) -> Run:
        return reduce(lambda known, event: fold(known, event, 0.0), events_by_key.get(run.key, ()), run)

    takes = (replace(record, runs=tuple(map(apply_events, record.runs))) for record in snapshot.takes)
    return replace(snapshot, takes=tuple(takes), forgotten=tuple(map(apply_events, snapshot.forgotten)))


def unknown_status_reason(event: ev.StatusUnknown) -> str:
    """Why a run stands where it stands whose status nobody knows: the API's own words first, for they may be cut."""
    status = f"the API gives it the status {event.status!r}, which is not documented"
    return f"{event.error} ({status})" if event.error else status


_FILE_EVENTS = (ev.FileSaved, ev.FileMoving, ev.FileMoved, ev.FileMissed)


def fold(run: Run, event: Event, at: float) -> Run:
    """The run after the event, which happened at `at`. Raises IllegalTransition and changes nothing otherwise."""
    if isinstance(event, _FILE_EVENTS) and event.index >= len(run.outputs):
        raise IllegalTransition(run.state, event)
    if isinstance(event, ev.FileMoving | ev.FileMoved) and run.outputs[event.index].path is None:
        raise IllegalTransition(run.state, event)  # only what is there can be renamed
    moved = replace(run, state=next_state(run.state, event))
    return _apply(moved, event, at)


def _apply(run: Run, event: Event, at: float) -> Run:  # noqa: C901 - one arm for each event
    match event:
        case ev.CreateStarted():
            return replace(run, create_id=event.create_id, submitted_at=at, reason=None)
        case ev.CreateNotSent() | ev.CreateUnanswered() | ev.RunAbandoned():
            return replace(run, reason=event.reason)
        case ev.CreateRefused() | ev.InputRejected():
            return replace(run, reason=f"{event.message} ({event.code})" if event.code else event.message)
        case ev.RunCreated():
            cost = run.cost_micro_usd if event.cost_micro_usd is None else event.cost_micro_usd
            return replace(run, run_id=event.run_id, cost_micro_usd=cost, reason=None)
        case ev.RunNamed():
            cost = run.cost_micro_usd if event.cost_micro_usd is None else event.cost_micro_usd
            named = replace(run, run_id=event.run_id, cost_micro_usd=cost, reason=None)
            return replace(named, completed_at=None, outputs=())
        case ev.RunQueued() | ev.RunStarted():
            return replace(run, reason=None) if run.reason is not None else run
        case ev.StatusUnknown():
            return replace(run, reason=unknown_status_reason(event))
        case ev.RunSucceeded():
            return replace(
                _finished(run, event, at), reason=event.error or None, outputs=_outputs(run.outputs, event.urls)
            )
        case ev.RunFailed():
            return replace(_finished(run, event, at), reason=event.error)
        case ev.RunLost():
            return replace(run, reason="the API answers that it does not know this run")
        case ev.FileSaved():
            return _with_output(run, event.index, lambda output: _saved(output, event))
        case ev.FileMoving():
            return _with_output(run, event.index, lambda output: replace(output, moving_to=event.path))
        case ev.FileMoved():
            return _with_output(run, event.index, lambda output: replace(output, path=event.path, moving_to=None))
        case ev.FileMissed():
            return _with_output(run, event.index, lambda output: replace(output, path=None, moving_to=None))
        case _:
            assert_never(event)


def _finished(run: Run, event: ev.RunSucceeded | ev.RunFailed, at: float) -> Run:
    completed_at = run.completed_at or event.completed_at or at
    cost = run.cost_micro_usd if event.cost_micro_usd is None else event.cost_micro_usd
    return replace(run, completed_at=completed_at, cost_micro_usd=cost)


def _outputs(known: tuple[Output, ...], urls: tuple[str, ...]) -> tuple[Output, ...]:
    """Fresh links for the outputs that are known, and those that are new."""
    fresh = tuple(
        replace(known[index], url=url) if index < len(known) else Output(index, url) for index, url in enumerate(urls)
    )
    return fresh + known[len(urls) :]


def _saved(output: Output, event: ev.FileSaved) -> Output:
    return replace(
        output, path=event.path, bytes=event.bytes, sha256=event.sha256, moving_to=None, flaw=event.flaw or None
    )


def _with_output(run: Run, index: int, change: Callable[[Output], Output]) -> Run:
    outputs = list(run.outputs)
    outputs[index] = change(outputs[index])
    return replace(run, outputs=tuple(outputs))

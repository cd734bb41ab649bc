"""The ledger's content as frozen values, and `fold`, the only way in which a run changes.

Plans, engines and reports are made from a snapshot; a test can build one by hand. Times are seconds since the epoch,
UTC; money is integer micro-USD; None means unknown or not yet, as each field says.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from itertools import chain
from typing import Any, assert_never

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.states import IllegalTransition, RunState, TakeState, next_state, take_state
from hailuo_batch.values import Take

OutputKey = tuple[int, int]
"""A run's key, and the index of one of its outputs."""


class Supersession(StrEnum):
    """Why a run is not the live one of its take."""

    EDIT = "edit"  # the manifest asks for something else; if it is changed back, the run is live again
    REPLACE = "replace"  # the user asked for another one
    RETRY = "retry"  # it failed or was rejected, and another attempt follows
    RESUBMIT = "resubmit"  # it was in doubt, lost or stuck, and the user had it repeated


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a run. `path` is relative to the output folder, None until the file is complete on disk.

    `moving_to` is set while a rename is under way. `bytes` and `sha256` describe the file as it was saved, and stay
    when the file goes missing. `flaw` describes what is wrong with the saved file, None where nothing is known: such a
    file was paid for and is not a complete video.
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

    `create_id` is that of its newest create, None while none was started. `create_number` orders creates by when the
    ledger recorded them, because the time of day may jump. `run_id` is None until the API gave one. `superseded_by` is
    None while this is the live run of its take. `reason` explains the state in words. `api_key` is the number of the
    key that it is read with: the one that made it, or one that took it over; None where that is not on record.
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
    api_key: int | None = None

    @property
    def is_superseded(self) -> bool:
        """Whether it is not the live run of its take."""
        return self.superseded_by is not None

    @property
    def outputs_saved(self) -> bool:
        """Whether there is at least one output and every one is on disk."""
        for output in self.outputs:  # faster than all(): plans and reports ask this of every run several times
            if output.path is None:
                return False
        return bool(self.outputs)

    @property
    def prompt(self) -> str:
        """The prompt that was sent, empty for a model whose input has none."""
        prompt = json.loads(self.input_json).get("prompt")
        return prompt if isinstance(prompt, str) else ""

    @property
    def flaws(self) -> tuple[str, ...]:
        """Known flaws of its files on disk, each as `hero.mp4: what is wrong`."""
        return tuple(f"{o.path}: {o.flaw}" for o in self.outputs if o.path is not None and o.flaw is not None)

    @property
    def take_state(self) -> TakeState:
        """State of its take while this is the live run."""
        return take_state(self.state, self.outputs_saved)


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """A take in the ledger: what the manifest asks for, and every run ever made for it, oldest attempt first.

    `knows_variables` is whether the ledger ever recorded the take's variables: older versions did not, nor do receipts.
    """

    take: Take
    in_manifest: bool
    runs: tuple[Run, ...]
    knows_variables: bool = True

    @property
    def live(self) -> Run | None:
        """The run that is not superseded, None where all are."""
        for run in reversed(self.runs):
            if run.superseded_by is None:
                return run
        return None

    @property
    def state(self) -> TakeState:
        """The take's state: that of its live run, or else of its newest."""
        run = self.live or (self.runs[-1] if self.runs else None)
        return TakeState.WAITING if run is None else run.take_state


@dataclass(frozen=True, slots=True)
class Replacement:
    """A `--replace` that is under way: its patterns, its takes, and the patterns of `--only`.

    Its takes are those being replaced, and those that match its patterns and were unfinished when it began.
    """

    patterns: tuple[str, ...]
    take_ids: frozenset[str]
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole ledger at one moment: takes in the manifest's order, then those that left the manifest.

    `endpoint` is the API's base URL, or the word `sandbox`. `replacements` are those under way, oldest first.
    `forgotten` are runs of takes removed with `state rm`: only their money and their run IDs still count.
    `restored` means that this is a restored backup: files may have been renamed since it was made. `api_keys` are all
    that were ever used for the campaign, by their numbers.
    """

    campaign: str
    endpoint: str
    takes: tuple[TakeRecord, ...] = ()
    manifest_sha256: str = ""
    description: str = ""
    replacements: tuple[Replacement, ...] = ()
    forgotten: tuple[Run, ...] = ()
    restored: bool = False
    api_keys: tuple[ApiKey, ...] = ()

    @property
    def runs(self) -> Iterator[Run]:
        """Every run of a take that is not forgotten, take by take."""
        return (run for record in self.takes for run in record.runs)

    @property
    def paid_runs(self) -> Iterator[Run]:
        """Every run whose money counts, forgotten ones included."""
        return chain(self.runs, self.forgotten)


NO_ANSWER = "the program ended before an answer was recorded"
"""Why a create is in doubt whose intent is the last that is on record."""


def doubt_for_taken_id(run_id: str) -> ev.CreateUnanswered:
    """What becomes of a create whose answer names a run that another create has made already.

    One run answers one create: counting it for two would hide that one of them may have been charged as well.
    """
    return ev.CreateUnanswered(f"the API answered with the ID of another run, {run_id}")


def in_doubt_if_submitting(snapshot: Snapshot) -> Snapshot:
    """The snapshot as a reader must take it when no apply holds the lock: a create being sent is then in doubt."""
    event = ev.CreateUnanswered(NO_ANSWER)
    return with_events(snapshot, ((run.key, event) for run in snapshot.runs if run.state is RunState.SUBMITTING))


def with_events(snapshot: Snapshot, events: Iterable[tuple[int, Event]]) -> Snapshot:
    """The snapshot as it will be once these events, each with its run's key, are recorded, all at time 0."""
    events_by_key: dict[int, list[Event]] = {}
    for key, event in events:
        events_by_key.setdefault(key, []).append(event)
    if not events_by_key:
        return snapshot

    def apply_events(run: Run) -> Run:
        return reduce(lambda known, event: fold(known, event, 0.0), events_by_key.get(run.key, ()), run)

    takes = tuple(replace(record, runs=tuple(map(apply_events, record.runs))) for record in snapshot.takes)
    return replace(snapshot, takes=takes, forgotten=tuple(map(apply_events, snapshot.forgotten)))


def unknown_status_reason(event: ev.StatusUnknown) -> str:
    """The reason of a run with an undocumented status. The API's own words come first, in case the text is cut."""
    status = f"the API gives it the status {event.status!r}, which is not documented"
    return f"{event.error} ({status})" if event.error else status


_FILE_EVENTS = (ev.FileSaved, ev.FileMoving, ev.FileMoved, ev.FileMissed)


def fold(run: Run, event: Event, at: float) -> Run:
    """The run after the event, which happened at `at`. Raises IllegalTransition where the state does not allow it."""
    if isinstance(event, _FILE_EVENTS) and event.index >= len(run.outputs):
        raise IllegalTransition(run.state, event)
    if isinstance(event, ev.FileMoving | ev.FileMoved) and run.outputs[event.index].path is None:
        raise IllegalTransition(run.state, event)  # only a saved file can be renamed
    return _apply(replace(run, state=next_state(run.state, event)), event, at)


def _apply(run: Run, event: Event, at: float) -> Run:  # noqa: C901 - one arm for each event
    match event:
        case ev.CreateStarted():
            return replace(run, create_id=event.create_id, submitted_at=at, reason=None, api_key=event.api_key)
        case ev.CreateNotSent() | ev.CreateUnanswered() | ev.RunAbandoned():
            return replace(run, reason=event.reason)
        case ev.CreateRefused() | ev.InputRejected():
            return replace(run, reason=f"{event.message} ({event.code})" if event.code else event.message)
        case ev.RunCreated():
            return replace(run, run_id=event.run_id, cost_micro_usd=_cost(run, event), reason=None)
        case ev.RunNamed():
            # it may be another run than the one known so far, whose end and files are then not this one's
            named = replace(run, run_id=event.run_id, cost_micro_usd=_cost(run, event), reason=None)
            return replace(named, completed_at=None, outputs=())
        case ev.RunTakenOver():
            return replace(run, api_key=event.api_key)
        case ev.RunQueued() | ev.RunStarted():
            return replace(run, reason=None) if run.reason is not None else run
        case ev.StatusUnknown():
            return replace(run, reason=unknown_status_reason(event))
        case ev.RunSucceeded():
            outputs = _with_links(run.outputs, event.urls)
            return replace(_finished(run, event, at), reason=event.error or None, outputs=outputs)
        case ev.RunFailed():
            return replace(_finished(run, event, at), reason=event.error)
        case ev.RunLost():
            return replace(run, reason="the API answers that it does not know this run")
        case ev.FileSaved():
            saved = {"path": event.path, "bytes": event.bytes, "sha256": event.sha256, "flaw": event.flaw or None}
            return _with_output(run, event.index, **saved, moving_to=None)
        case ev.FileMoving():
            return _with_output(run, event.index, moving_to=event.path)
        case ev.FileMoved():
            return _with_output(run, event.index, path=event.path, moving_to=None)
        case ev.FileMissed():
            return _with_output(run, event.index, path=None, moving_to=None)
        case _:
            assert_never(event)


def _cost(run: Run, event: ev.RunCreated | ev.RunNamed | ev.RunSucceeded | ev.RunFailed) -> int | None:
    """The cost after the event. One that is known is never replaced by an unknown one."""
    return run.cost_micro_usd if event.cost_micro_usd is None else event.cost_micro_usd


def _finished(run: Run, event: ev.RunSucceeded | ev.RunFailed, at: float) -> Run:
    completed_at = run.completed_at or event.completed_at or at
    return replace(run, completed_at=completed_at, cost_micro_usd=_cost(run, event))


def _with_links(known: tuple[Output, ...], urls: tuple[str, ...]) -> tuple[Output, ...]:
    """The known outputs with fresh links, and new ones. A known output is never dropped: its file may be on disk."""
    fresh = (
        replace(known[index], url=url) if index < len(known) else Output(index, url) for index, url in enumerate(urls)
    )
    return (*fresh, *known[len(urls) :])


def _with_output(run: Run, index: int, **changes: Any) -> Run:
    changed = replace(run.outputs[index], **changes)
    return replace(run, outputs=(*run.outputs[:index], changed, *run.outputs[index + 1 :]))

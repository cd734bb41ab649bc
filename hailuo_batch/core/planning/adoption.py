"""Taking runs into a ledger that only the files beside it know: which event or attempt each of them becomes.

Pure. Adopting a run never pays: a finished one is recorded as finished, and the next apply asks the API about the
others by their run IDs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome, Event
from hailuo_batch.core.model.runs import NO_ANSWER, Output, Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.recovery import ADOPTED_PREFIX, CreateIntent, MissedEvent, MissingAttempt
from hailuo_batch.core.planning.traces import Trace

_FURTHEST = (RunState.LOST, RunState.FAILED, RunState.SUCCEEDED, RunState.ABANDONED)
"""Where several files show one run in different states, the last of these counts."""
_ENDED = frozenset({RunState.SUCCEEDED, RunState.ABANDONED})


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the ledger takes in: events of runs that it has, and attempts that it lacks."""

    events: tuple[MissedEvent, ...] = ()
    attempts: tuple[MissingAttempt, ...] = ()


def adopt(snapshot: Snapshot, unknown: Sequence[Trace], inputs: Mapping[str, str], now: float) -> Adoption:
    """What becomes of the traces of runs that the ledger lacks.

    A path in a trace is that of a file that was found there with the right bytes. `inputs` holds whole inputs by
    fingerprint, for traces that show only a part. `now` is seconds since the epoch, UTC.
    """
    events: list[MissedEvent] = []
    attempts: list[MissingAttempt] = []
    doubtful = {run.key: run for run in snapshot.runs if run.state is RunState.IN_DOUBT}
    by_create = {run.create_id: run for run in snapshot.paid_runs if run.create_id is not None}
    live_runs = {record.take.id: record.live for record in snapshot.takes}
    for trace in sorted(merge_traces(unknown), key=_order):
        known = by_create.get(trace.create_id) if trace.create_id else _find_in_doubt(trace, doubtful.values())
        ended_at = trace.completed_at or trace.submitted_at or now
        naming = _naming_event(known, trace)
        if known is not None and naming is not None:
            doubtful.pop(known.key, None)  # one create made one run: the next trace must find another create
            events += (MissedEvent(known.key, event, ended_at) for event in (naming, *later_events(trace)))
            continue
        whole = trace if trace.is_whole else replace(trace, input_json=inputs.get(trace.fingerprint, trace.input_json))
        intent = _intent(whole, now, create_id=None if known is not None else trace.create_id)
        outcome: CreateOutcome = ev.CreateUnanswered(trace.error or NO_ANSWER)
        if trace.run_id is not None:
            outcome = ev.RunCreated(trace.run_id, trace.cost_micro_usd)
        is_outdated = _is_outdated(trace, live_runs.get(trace.take_id))
        attempts.append(MissingAttempt(intent, outcome, intent.at, is_outdated, later_events(trace), ended_at))
    return Adoption(tuple(events), tuple(attempts))


def _order(trace: Trace) -> tuple[str, bool, bool, int, float]:
    """The order of adoption: the last one of a take becomes its live run.

    That is never a superseded run, nor a failed one where another may be paid for, because the next apply would repeat
    it. Attempt numbers come before times, because the time of day may have jumped.
    """
    is_failed = trace.state is RunState.FAILED
    return trace.take_id, not trace.is_superseded, not is_failed, trace.attempt, trace.submitted_at or 0.0


def merge_traces(traces: Iterable[Trace]) -> tuple[Trace, ...]:
    """One trace for each run, or for each create without a run ID."""
    by_id: dict[str, Trace] = {}
    for trace in traces:
        id_ = trace.run_id or trace.create_id or ""
        by_id[id_] = trace if id_ not in by_id else _merge(by_id[id_], trace)
    return tuple(by_id.values())


def _merge(one: Trace, other: Trace) -> Trace:
    first, second = sorted((one, other), key=_progress_rank, reverse=True)
    shown = first if first.is_whole else second
    return replace(
        first,
        input_json=shown.input_json if shown.fingerprint == first.fingerprint else first.input_json,
        create_id=first.create_id or second.create_id,
        cost_micro_usd=second.cost_micro_usd if first.cost_micro_usd is None else first.cost_micro_usd,
        submitted_at=first.submitted_at or second.submitted_at,
        completed_at=first.completed_at or second.completed_at,
        error=first.error or second.error,
        is_superseded=first.is_superseded or second.is_superseded,
        outputs=_merge_outputs(first.outputs, second.outputs),
    )


def _progress_rank(trace: Trace) -> int:
    return _FURTHEST.index(trace.state) if trace.state in _FURTHEST else -1


def _merge_outputs(first: Iterable[Output], second: Iterable[Output]) -> tuple[Output, ...]:
    """The outputs of both, by index, each with the file and the link that either of them has."""
    merged = {output.index: output for output in first}
    for output in second:
        mine = merged.get(output.index, output)
        merged[output.index] = replace(output if mine.path is None else mine, url=mine.url or output.url)
    return tuple(merged[index] for index in sorted(merged))


def _find_in_doubt(trace: Trace, doubtful: Iterable[Run]) -> Run | None:
    """The create in doubt that this run must be the answer to: of the same attempt at the same request."""
    wanted = (trace.take_id, trace.attempt, trace.fingerprint)
    return next((run for run in doubtful if (run.take_id, run.attempt, run.fingerprint) == wanted), None)


def _naming_event(known: Run | None, trace: Trace) -> Event | None:
    """The event that gives this run of the ledger its run ID, None where its state does not allow it."""
    if known is None or trace.run_id is None:
        return None
    if known.state is RunState.IN_DOUBT:
        return ev.RunCreated(trace.run_id, trace.cost_micro_usd)
    if known.state in {RunState.LOST, RunState.ABANDONED}:
        return ev.RunNamed(trace.run_id, trace.cost_micro_usd)
    return None


def later_events(trace: Trace) -> tuple[Event, ...]:
    """What happened to the run after its create, where the files show all of it and the API need not be asked."""
    given_up = (ev.RunAbandoned(trace.error or "given up"),) if trace.state is RunState.ABANDONED else ()
    if trace.run_id is None:
        return given_up
    if trace.state is RunState.FAILED:
        return (ev.RunFailed(trace.error or "the run failed", trace.cost_micro_usd, None, trace.completed_at),)
    outputs = {output.index: output for output in trace.outputs}
    saved = tuple(filter(None, map(file_saved_event, trace.outputs)))
    obtainable = {index for index, output in outputs.items() if output.url} | {file.index for file in saved}
    if trace.state not in _ENDED or not outputs or obtainable != set(range(max(outputs) + 1)):
        return given_up  # the next apply asks for the run and gets fresh links
    urls = tuple(outputs[index].url for index in sorted(outputs))
    return (ev.RunSucceeded(urls, trace.cost_micro_usd, None, trace.completed_at), *saved, *given_up)


def file_saved_event(output: Output) -> ev.FileSaved | None:
    """The event that records the file of this output, None where it has none."""
    if output.path is None or output.bytes is None or output.sha256 is None:
        return None
    return ev.FileSaved(output.index, output.path, output.bytes, output.sha256, flaw=output.flaw or "")


def _intent(trace: Trace, now: float, *, create_id: str | None) -> CreateIntent:
    return CreateIntent(
        create_id=create_id or f"{ADOPTED_PREFIX}{trace.run_id}",
        at=trace.submitted_at or trace.completed_at or now,
        take_id=trace.take_id,
        attempt=trace.attempt,
        model=trace.model,
        input_json=trace.input_json,
        images_sha256=None,
        known_fingerprint=None if trace.is_whole else trace.fingerprint,
    )


def _is_outdated(trace: Trace, live: Run | None) -> bool:
    """Whether the take's live run in the ledger stays live beside the adopted one."""
    if live is None or live.state is RunState.UNSENT:
        return False
    is_failed = trace.state is RunState.FAILED
    if trace.fingerprint == live.fingerprint and is_failed != (live.state is RunState.FAILED):
        # whichever is newer, the one that did not fail must be live: a failed one would be repeated and paid for
        return trace.is_superseded or is_failed
    return trace.is_superseded or (live.attempt, live.submitted_at or 0.0) > (trace.attempt, trace.submitted_at or 0.0)

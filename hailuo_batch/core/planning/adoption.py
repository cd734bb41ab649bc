"""Taking into a ledger the runs that only the files beside it know of: which event or attempt each of them becomes.

Pure. Nothing that is adopted is ever paid for by it: what is finished is on record as finished, and what is not is
asked for by the next apply, by its run ID.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome, Event
from hailuo_batch.core.model.runs import Output, Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.recovery import ADOPTED_PREFIX, NO_ANSWER, CreateIntent, MissedEvent, MissingAttempt
from hailuo_batch.core.planning.traces import Trace

_FURTHEST = (RunState.LOST, RunState.FAILED, RunState.SUCCEEDED, RunState.ABANDONED)
"""Where several files tell of one run, the one counts that has it furthest."""
_ENDED = frozenset({RunState.SUCCEEDED, RunState.ABANDONED})


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the ledger takes in: events of runs that it has, and attempts that it does not have."""

    events: tuple[MissedEvent, ...] = ()
    attempts: tuple[MissingAttempt, ...] = ()


def adopt(snapshot: Snapshot, unknown: Sequence[Trace], inputs: Mapping[str, str], now: float) -> Adoption:
    """What becomes of the traces of runs that the ledger does not know.

    A path in a trace is that of a file which was found there with its bytes. `inputs` are whole inputs by their
    fingerprints, for what a file shows in part. `now` is seconds since the epoch, UTC.
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
            doubtful.pop(known.key, None)
            events += (MissedEvent(known.key, event, ended_at) for event in (naming, *later_events(trace)))
            continue
        whole = trace if trace.is_whole else replace(trace, input_json=inputs.get(trace.fingerprint, trace.input_json))
        intent = _intent(whole, now, is_taken=known is not None)
        outcome: CreateOutcome = ev.CreateUnanswered(trace.error or NO_ANSWER)
        if trace.run_id is not None:
            outcome = ev.RunCreated(trace.run_id, trace.cost_micro_usd)
        outdated = _is_outdated(trace, live_runs.get(trace.take_id))
        attempts.append(MissingAttempt(intent, outcome, intent.at, outdated, later_events(trace), ended_at))
    return Adoption(tuple(events), tuple(attempts))


def _order(trace: Trace) -> tuple[str, bool, bool, int, float]:
    """The last of a take speaks for it. That is never one that was superseded, nor one that failed where another may be
    paid for: the next apply would make it again. Attempts tell the order, for the time of day may have jumped."""
    is_failed = trace.state is RunState.FAILED
    return trace.take_id, not trace.is_superseded, not is_failed, trace.attempt, trace.submitted_at or 0.0


def merge_traces(traces: Iterable[Trace]) -> tuple[Trace, ...]:
    """One trace for each run, or for each create without one."""
    by_name: dict[str, Trace] = {}
    for trace in traces:
        name = trace.run_id or trace.create_id or ""
        by_name[name] = trace if name not in by_name else _merge(by_name[name], trace)
    return tuple(by_name.values())


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
    """The outputs of both, by their numbers: each with its file and its link where one of them has it."""
    known = {output.index: output for output in first}
    for output in second:
        mine = known.get(output.index, output)
        saved = output if mine.path is None else mine
        known[output.index] = replace(saved, url=mine.url or output.url)
    return tuple(known[index] for index in sorted(known))


def _find_in_doubt(trace: Trace, doubtful: Iterable[Run]) -> Run | None:
    """The create in doubt of the ledger that this run must be the answer to: of the same attempt at the same thing."""
    mine = (trace.take_id, trace.attempt, trace.fingerprint)
    return next((run for run in doubtful if (run.take_id, run.attempt, run.fingerprint) == mine), None)


def _naming_event(known: Run | None, trace: Trace) -> Event | None:
    """What gives a run of the ledger its name, None where none can."""
    if known is None or trace.run_id is None:
        return None
    if known.state is RunState.IN_DOUBT:
        return ev.RunCreated(trace.run_id, trace.cost_micro_usd)
    if known.state in {RunState.LOST, RunState.ABANDONED}:
        return ev.RunNamed(trace.run_id, trace.cost_micro_usd)
    return None


def later_events(trace: Trace) -> tuple[Event, ...]:
    """What happened to the run after it was made, as far as nobody needs to ask for it again."""
    given_up = (ev.RunAbandoned(trace.error or "given up"),) if trace.state is RunState.ABANDONED else ()
    if trace.run_id is None:
        return given_up
    if trace.state is RunState.FAILED:
        return (ev.RunFailed(trace.error or "the run failed", trace.cost_micro_usd, None, trace.completed_at),)
    outputs = {output.index: output for output in trace.outputs}
    saved = tuple(filter(None, map(file_saved_event, trace.outputs)))
    fetchable = {index for index, output in outputs.items() if output.url} | {file.index for file in saved}
    if trace.state not in _ENDED or not outputs or fetchable != set(range(max(outputs) + 1)):
        return given_up  # the next apply asks for it, and is given links
    urls = tuple(outputs[index].url for index in sorted(outputs))
    return (ev.RunSucceeded(urls, trace.cost_micro_usd, None, trace.completed_at), *saved, *given_up)


def file_saved_event(output: Output) -> ev.FileSaved | None:
    """The event that puts a file on record, None where the output has none."""
    if output.path is None or output.bytes is None or output.sha256 is None:
        return None
    return ev.FileSaved(output.index, output.path, output.bytes, output.sha256, flaw=output.flaw or "")


def _intent(trace: Trace, now: float, *, is_taken: bool) -> CreateIntent:
    own = trace.create_id if not is_taken else None
    return CreateIntent(
        create_id=own or f"{ADOPTED_PREFIX}{trace.run_id}",
        at=trace.submitted_at or trace.completed_at or now,
        take_id=trace.take_id,
        attempt=trace.attempt,
        model=trace.model,
        input_json=trace.input_json,
        images_sha256=None,
        known_fingerprint=None if trace.is_whole else trace.fingerprint,
    )


def _is_outdated(trace: Trace, live: Run | None) -> bool:
    if live is None or live.state is RunState.UNSENT:
        return False
    is_failed = trace.state is RunState.FAILED
    if trace.fingerprint == live.fingerprint and is_failed != (live.state is RunState.FAILED):
        return trace.is_superseded or is_failed  # whenever each was made: the one that may be paid for speaks
    return trace.is_superseded or (live.attempt, live.submitted_at or 0.0) > (trace.attempt, trace.submitted_at or 0.0)

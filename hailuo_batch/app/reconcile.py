"""Bring the ledger up to date before anything is decided: with the receipts, with the disk, with files beside it.

For commands that write the ledger and hold its lock. Nothing is sent here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.local.output_files import FileMatch, OutputFiles
from hailuo_batch.core.model.events import Event, RunCreated
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.adoption import adopt, file_saved_event, later_events, merge_traces
from hailuo_batch.core.planning.recovery import CreateResult, MissedEvent, Receipt, recover, runs_without_receipt
from hailuo_batch.core.planning.traces import KnownIds, Trace
from hailuo_batch.core.scheduling.rate_window import RateWindow
from hailuo_batch.core.scheduling.shared_window import LONGEST_REQUEST_S
from hailuo_batch.report.folder_scan import FileStamp, stamp_of
from hailuo_batch.ui.text import name_some

_MOST_NAMED = 3


def reconcile_ledger(
    ledger: Ledger,
    receipts_path: Path,
    files: OutputFiles,
    wall: float,
    warn: Callable[[str], object] = lambda _: None,
    known_receipts: FileStamp | None = None,
) -> Snapshot:
    """Record what the receipts and the disk have and the ledger does not. Returns the ledger afterwards.

    Requests that an earlier apply left without an answer, in the receipts too, are in doubt afterwards. `wall` is
    seconds since the epoch, UTC. `warn` is called once if a reported cost cannot be believed. `known_receipts` is the
    stamp of receipts that are known to be in the ledger already: they are not read again. Raises LedgerError.
    """
    snapshot = ledger.snapshot()
    if known_receipts is None or stamp_of(receipts_path) != known_receipts:
        snapshot = _replay_receipts(ledger, snapshot, receipts_path, wall, warn)
    found = tuple(files.inspect(snapshot))
    if found:
        ledger.record(found, wall)
    if snapshot.restored:
        # only after the disk was compared: until then the files of a restored ledger may have other names
        ledger.clear_restored(wall)
    if found or snapshot.restored:
        snapshot = ledger.snapshot()
    return snapshot


def _replay_receipts(
    ledger: Ledger, snapshot: Snapshot, receipts_path: Path, wall: float, warn: Callable[[str], object]
) -> Snapshot:
    """Record what only the receipts have in the ledger, then what only the ledger has in the receipts."""
    receipts = load_receipts(receipts_path)
    recovered, forgotten = recover(snapshot, receipts, wall)
    # paid runs without an attempt in the ledger first: the events after it may be about them
    ledger.restore_runs(forgotten, wall)
    for item in recovered:
        ledger.record(((item.key, item.event),), item.at)
    if recovered or forgotten:
        snapshot = ledger.snapshot()
    _warn_of_costs([*(item.event for item in recovered), *(lost.outcome for lost in forgotten)], warn)
    _complete_receipts(snapshot, receipts, receipts_path, wall)
    return snapshot


def _warn_of_costs(events: Iterable[Event], warn: Callable[[str], object]) -> None:
    noted = [event for event in events if isinstance(event, RunCreated) and event.cost_note]
    if noted:
        named = name_some([event.run_id for event in noted], _MOST_NAMED)
        warn(
            f"The cost of {named} is not known: {noted[0].cost_note}. Each counts as paid for, at an unknown price, "
            "until the API reports its cost."
        )


def adopt_runs(
    ledger: Ledger,
    traces: Sequence[Trace],
    names: KnownIds,
    inputs: Mapping[str, str],
    receipts_path: Path,
    files: OutputFiles,
    wall: float,
) -> tuple[Snapshot, Snapshot]:
    """Add the runs that only the files beside the ledger name, each with those of its videos that are unchanged.

    For a ledger that was reconciled. Returns it before and after. `names` are all IDs that ledger and receipts ever
    had: a run that the user replaced with `resolve` does not come back. A video that an older ledger has under another
    name is found again, too. Raises LedgerError.
    """
    before = ledger.snapshot()
    found = tuple(_with_files_on_disk(traces, before, files))
    known = {run.run_id: run for run in before.paid_runs if run.run_id is not None}
    adoption = adopt(before, names.unknown(found), inputs, wall)
    _record_at_their_times(ledger, adoption.events)
    ledger.adopt_runs(adoption.attempts, wall)
    _record_at_their_times(ledger, _missed_ends(found, known))
    refound = tuple(_refound_files(found, known))
    if refound:
        ledger.record(refound, wall)
    after = ledger.snapshot()
    _complete_receipts(after, load_receipts(receipts_path), receipts_path, wall)
    return before, after


def _record_at_their_times(ledger: Ledger, events: Iterable[MissedEvent]) -> None:
    for at, items in groupby(events, lambda item: item.at):
        ledger.record([(item.key, item.event) for item in items], at)


def _with_files_on_disk(traces: Sequence[Trace], snapshot: Snapshot, files: OutputFiles) -> Iterator[Trace]:
    """The traces, each with only those files that are on disk unchanged and belong to no other run."""
    taken = {output.path for run in snapshot.runs for output in run.outputs}
    for trace in traces:
        outputs = []
        for output in trace.outputs:
            is_there = output.path not in taken and files.compare(output).match is FileMatch.SAME
            if is_there:
                taken.add(output.path)
            outputs.append(output if is_there else replace(output, path=None))
        yield replace(trace, outputs=tuple(outputs))


def _missed_ends(traces: Sequence[Trace], known: Mapping[str, Run]) -> Iterator[MissedEvent]:
    """The ends of runs that the ledger has as running, and whose finished videos are on disk.

    The receipts had only their creation. Asking the API could lose them: it does not keep runs for ever.
    """
    for trace in merge_traces(traces):
        run = known.get(trace.run_id or "")
        is_there = any(output.path is not None for output in trace.outputs)
        if run is not None and run.state in RUNNING and trace.state is RunState.SUCCEEDED and is_there:
            at = trace.completed_at or trace.submitted_at or 0.0
            yield from (MissedEvent(run.key, event, at) for event in later_events(trace))


def _refound_files(traces: Sequence[Trace], known: Mapping[str, Run]) -> Iterator[tuple[int, Event]]:
    """Files that belong to finished runs of the ledger, and that it has as missing."""
    for trace in traces:
        run = known.get(trace.run_id or "")
        if run is None or run.state is not RunState.SUCCEEDED:
            continue
        missed = {output.index: output.sha256 for output in run.outputs if output.path is None}
        for event in filter(None, map(file_saved_event, trace.outputs)):
            if event.sha256 == missed.pop(event.index, None):
                yield run.key, event


def _complete_receipts(snapshot: Snapshot, receipts: Sequence[Receipt], path: Path, wall: float) -> None:
    """Write receipts that could not be written in time: no run ID may be in the ledger alone, which can be damaged."""
    creates, answers = runs_without_receipt(snapshot, receipts)
    if not answers:
        return
    with closing(Receipts(path)) as file:
        if creates:
            file.write_intents(creates)
        named = [(run.create_id or "", RunCreated(run.run_id or "", run.cost_micro_usd)) for run in answers]
        file.write_results(named, wall)


def count_earlier_requests(
    windows: Mapping[int, RateWindow],
    receipts: Sequence[Receipt],
    makers: Mapping[str, int | None],
    now: float,
    wall: float,
) -> None:
    """Count the requests of an earlier apply that may still fill the API's windows, one for each key.

    `makers` are the numbers of the keys by create ID: a request whose key is not known counts in each window. `now` is
    on the windows' clock, `wall` the time of day at that moment. If the clock was set back, a whole window passes
    before those places are free.
    """
    newest: dict[str, float] = {}
    answered = {receipt.create_id for receipt in receipts if isinstance(receipt, CreateResult)}
    for receipt in receipts:
        if receipt.create_id not in answered and wall - receipt.at < LONGEST_REQUEST_S:
            newest[receipt.create_id] = wall  # without an answer it may have reached the API at any time since
            continue
        newest[receipt.create_id] = max(receipt.at, newest.get(receipt.create_id, receipt.at))
    for number, window in windows.items():
        sent_at = (at for create_id, at in newest.items() if makers.get(create_id) in {number, None})
        for at in sorted(sent_at)[-window.limit :]:
            age_s = max(0.0, wall - at)
            if age_s < window.window_s:
                window.assume_spent(1, now + window.window_s - age_s)

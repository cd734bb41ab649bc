"""The ledger as it will stand once the receipts are replayed into it, for readers, who must not write.

Pure, and the same as what a writer does: `recover` says what the ledger must take over, and a create that it knows
nothing of becomes an attempt at its take, which speaks for the take unless a newer one does.
"""

from collections.abc import Iterable
from dataclasses import replace

from hailuo_batch.core.model.events import CreateStarted
from hailuo_batch.core.model.runs import Run, Snapshot, Supersession, TakeRecord, fold, with_events
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.recovery import MissingAttempt, Receipt, recover, supersession_by_restored
from hailuo_batch.values import Take, mark_partial, split_take_id


def replay_receipts(snapshot: Snapshot, receipts: Iterable[Receipt], now: float) -> Snapshot:
    """The snapshot with all that the receipts know. `now` is seconds since the epoch, UTC.

    A run that is put back has a key below 0, for the ledger has not numbered it yet.
    """
    missed, forgotten = recover(snapshot, receipts, now)
    records = {record.take.id: record for record in snapshot.takes}
    newest: dict[str, int] = {}
    for run in snapshot.paid_runs:
        if run.state is not RunState.UNSENT:
            newest[run.take_id] = max(run.attempt, newest.get(run.take_id, 0))
    last = max((run.create_number or 0 for run in snapshot.paid_runs), default=0)
    for number, lost in enumerate(forgotten, start=1):
        take_id = lost.intent.take_id
        newest[take_id] = newest.get(take_id, 0) + 1
        mine = _restore_attempt(records.get(take_id), lost, -number, newest[take_id])
        records[take_id] = replace(mine, runs=(*mine.runs[:-1], replace(mine.runs[-1], create_number=last + number)))
    known = replace(snapshot, takes=tuple(records.values()))
    return with_events(known, ((item.key, item.event) for item in missed))


def _restore_attempt(record: TakeRecord | None, missing: MissingAttempt, key: int, attempt: int) -> TakeRecord:
    intent = missing.intent
    asked = intent.input_json if intent.known_fingerprint is None else mark_partial(intent.input_json)
    if record is None:
        shot, number = split_take_id(intent.take_id)
        take = Take(intent.take_id, shot, number, intent.model, asked, intent.fingerprint, (), intent.images_sha256)
        record = TakeRecord(take, False, ())
    sent = tuple(run for run in record.runs if run.state is not RunState.UNSENT)
    live = replace(record, runs=sent).live
    by = None
    if live is not None and missing.is_outdated:
        by = Supersession.EDIT
    elif live is not None:
        gone = replace(live, superseded_by=supersession_by_restored(live, intent))
        sent = tuple(gone if run is live else run for run in sent)
    unsent = Run(
        key=key,
        take_id=intent.take_id,
        attempt=attempt,
        state=RunState.UNSENT,
        model=intent.model,
        input_json=asked,
        fingerprint=intent.fingerprint,
        images_sha256=intent.images_sha256,
        superseded_by=by,
    )
    run = fold(fold(unsent, CreateStarted(intent.create_id), intent.at), missing.outcome, missing.at)
    for event in missing.later_events:
        run = fold(run, event, missing.ended_at)
    return replace(record, runs=(*sent, run))

"""The ledger as it will be once the receipts are replayed into it, for readers, who must not write.

Pure, and the same as what a writer does: `recover` says what the ledger must take over, and a create that it lacks
becomes an attempt at its take, which is the live one unless a newer one is.
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

    A restored run has a key below 0, because the ledger has not numbered it yet.
    """
    missed, missing = recover(snapshot, receipts, now)
    records = {record.take.id: record for record in snapshot.takes}
    attempts: dict[str, int] = {}  # the newest by take; those of unsent attempts are free again
    for run in snapshot.paid_runs:
        if run.state is not RunState.UNSENT:
            attempts[run.take_id] = max(run.attempt, attempts.get(run.take_id, 0))
    last = max((run.create_number or 0 for run in snapshot.paid_runs), default=0)
    for number, lost in enumerate(missing, start=1):
        take_id = lost.intent.take_id
        attempts[take_id] = attempts.get(take_id, 0) + 1
        unsent = _unsent_run(lost, -number, attempts[take_id])
        records[take_id] = _restore_attempt(records.get(take_id), unsent, lost, last + number)
    with_missing = replace(snapshot, takes=tuple(records.values()))
    return with_events(with_missing, ((item.key, item.event) for item in missed))


def _unsent_run(lost: MissingAttempt, key: int, attempt: int) -> Run:
    intent = lost.intent
    return Run(
        key=key,
        take_id=intent.take_id,
        attempt=attempt,
        state=RunState.UNSENT,
        model=intent.model,
        input_json=intent.input_json if intent.known_fingerprint is None else mark_partial(intent.input_json),
        fingerprint=intent.fingerprint,
        images_sha256=intent.images_sha256,
    )


def _restore_attempt(record: TakeRecord | None, run: Run, lost: MissingAttempt, create_number: int) -> TakeRecord:
    if record is None:
        shot, number = split_take_id(run.take_id)
        take = Take(run.take_id, shot, number, run.model, run.input_json, run.fingerprint, (), run.images_sha256)
        record = TakeRecord(take, False, (), knows_variables=False)
    sent = tuple(known for known in record.runs if known.state is not RunState.UNSENT)
    live = replace(record, runs=sent).live
    if live is not None and lost.is_outdated:
        run = replace(run, superseded_by=Supersession.EDIT)
    elif live is not None:
        older = replace(live, superseded_by=supersession_by_restored(live, lost.intent))
        sent = tuple(older if known is live else known for known in sent)
    run = fold(fold(run, CreateStarted(lost.intent.create_id), lost.intent.at), lost.outcome, lost.at)
    for event in lost.later_events:
        run = fold(run, event, lost.ended_at)
    return replace(record, runs=(*sent, replace(run, create_number=create_number)))

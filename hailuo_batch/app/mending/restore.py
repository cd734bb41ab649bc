"""The use case `state restore`: make a ledger from what is left of it, so that no paid run is forgotten.

The backup is older than the truth, and the receipts are the truth about payments: the backup is put back, the receipts
are replayed into it, and runs that only the files beside it name are added.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger, check_backup, copy_backup, place_copy, set_ledger_aside
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.ledger_access import back_up, campaign_lock
from hailuo_batch.app.older_ledger import check_files_beside, recorded_names, traces_in_files
from hailuo_batch.app.plan_guard import PLAN_FACT
from hailuo_batch.app.reconcile import adopt_runs, reconcile_ledger
from hailuo_batch.app.workspace import CampaignContext, check_outputs, ledger_exists, short_path
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import LedgerError, UsageError
from hailuo_batch.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What a restore did: the ledger as put back, with the receipts replayed, and with the runs of the files added.

    `source` is what it was made from: the ledger that was there, or the backup, which may not exist. `aside` is where
    the old ledger is kept, None if it was kept in place or there was none.
    """

    before: Snapshot
    replayed: Snapshot
    after: Snapshot
    source: Path
    aside: Path | None


def restore_ledger(context: CampaignContext, frontend: Frontend) -> RestoreResult:
    """Restore the campaign's ledger from its backup, or an empty one, and add what receipts and files know.

    A ledger that is intact and only older than those files stays: it has more than its backup. Raises UsageError if
    there is nothing to restore from, and LedgerError if the backup cannot be used; nothing is touched then.
    """
    paths, clock = context.paths, Clock()
    check_outputs(paths)
    _check_sources(context)  # before the lock file is made
    with campaign_lock(paths, "state restore", clock):
        _check_sources(context)
        keeps_ledger = _is_only_older(context)
        traces = tuple(traces_in_files(context))  # before the backup, one of these files, is moved into place
        aside = None if keeps_ledger else _put_backup_in_place(context, clock)
        with Ledger.open(paths.ledger, context.campaign.name, context.endpoint, clock.wall()) as ledger:
            if keeps_ledger:
                back_up(ledger, paths, frontend)
                ledger.mark_restored()
            ledger.record_fact(PLAN_FACT, "")
            files = OutputFiles(paths.outputs)
            before = ledger.snapshot()
            reconcile_ledger(ledger, paths.receipts, files, clock.wall(), frontend.warn)
            names, inputs = recorded_names(paths), _inputs(context, before)
            replayed, after = adopt_runs(ledger, traces, names, inputs, paths.receipts, files, clock.wall())
    return RestoreResult(before, replayed, after, paths.ledger if keeps_ledger else paths.backup, aside)


def _is_only_older(context: CampaignContext) -> bool:
    """Whether the ledger can be used, and only lacks runs that the files beside it name.

    If its backup is what names them, the backup is the newer of the two and is put back instead.
    """
    paths = context.paths
    try:
        if not ledger_exists(paths):
            return False
        check_backup(paths.ledger, context.campaign.name, context.endpoint)
        unknown = check_files_beside(context).unknown
    except LedgerError:
        return False
    return bool(unknown) and all(trace.source != paths.backup.name for trace in unknown)


def _put_backup_in_place(context: CampaignContext, clock: Clock) -> Path | None:
    """Move the ledger aside, and put its backup, or an empty ledger, in its place. Returns where the old one is."""
    paths = context.paths
    if not os.path.lexists(paths.backup):
        aside = set_ledger_aside(paths.ledger)
        Ledger.create(paths.ledger, context.campaign.name, context.endpoint, clock.wall())
        return aside
    # The whole copy first, then the ledger aside: a full disk must not leave the campaign without any ledger.
    copy = copy_backup(paths.backup, paths.ledger)
    aside = set_ledger_aside(paths.ledger)
    place_copy(copy, paths.ledger)
    return aside


def _inputs(context: CampaignContext, snapshot: Snapshot) -> dict[str, str]:
    """Every complete input that is known, by its fingerprint: a file beside the ledger may show only a part of it."""
    recorded = {run.fingerprint: run.input_json for run in snapshot.runs}
    return recorded | {take.fingerprint: take.input_json for take in context.campaign.takes}


def _check_sources(context: CampaignContext) -> None:
    """Raises UsageError or LedgerError if there is nothing to restore from, before anything is touched.

    Receipts without a request are no source, nor are files that name no run: from an empty ledger everything would be
    paid for again.
    """
    paths = context.paths
    if not os.path.lexists(paths.backup):
        named = any(trace.may_be_paid for trace in traces_in_files(context))
        if not named and not load_receipts(paths.receipts):
            raise UsageError(
                f"There is nothing to restore from: no backup at {paths.backup}, no receipt in {paths.receipts}, and "
                f"no file in {short_path(paths.outputs)} that names a run of this campaign. Nothing was touched."
            )
        return
    try:
        check_backup(paths.backup, context.campaign.name, context.endpoint)
    except LedgerError as error:
        raise LedgerError(
            f"The backup cannot be restored, and nothing was touched. {error} If {paths.receipts.name} is intact, move "
            f"{paths.backup.name} away and run this command again: it rebuilds the ledger from the receipts alone."
        ) from error

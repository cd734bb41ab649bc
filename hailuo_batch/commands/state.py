"""`state`: looks into the ledger, exports it, restores its backup, forgets a take. Sends nothing."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger, check_backup, restore_backup, set_ledger_aside
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.ledger_access import LedgerView, back_up, campaign_lock, open_for_changes, read_ledger
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import check_files_beside, recorded_names, traces_in_files
from hailuo_batch.app.plan_guard import PLAN_FACT
from hailuo_batch.app.reconcile import adopt_runs, reconcile_ledger
from hailuo_batch.app.workspace import (
    CampaignLocation,
    CampaignPaths,
    command_line,
    has_ledger,
    ledger_exists,
    locate,
    sandbox_hint,
    short_path,
)
from hailuo_batch.core.model.ledger_changes import ForgetRuns, ForgetTake
from hailuo_batch.core.model.runs import Snapshot, TakeRecord
from hailuo_batch.core.planning.spend import is_in_doubt, spend_of
from hailuo_batch.errors import ExitCode, LedgerError, UsageError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.in_doubt import render_in_doubt, risk_sentence
from hailuo_batch.ui.ledger import export_document, render_ledger
from hailuo_batch.ui.text import count
from hailuo_batch.values import CampaignSpec, format_usd


def show(where: CampaignLocation, console: Console) -> ExitCode:
    """Show every attempt at every take, also while an apply is at work."""
    reading, paths = _read_ledger(where, console)
    console.print_result(render_ledger(reading.recorded, paths.ledger, columns_of(sys.stdout)))
    return ExitCode.DONE


def export(where: CampaignLocation, console: Console) -> ExitCode:
    """Write the whole ledger, journal included, as one JSON document."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    if not has_ledger(paths):
        raise _no_ledger(paths, campaign, where)
    with Ledger.read(paths.ledger, campaign.name, endpoint) as ledger, ledger.consistent_view():
        document = export_document(ledger.snapshot(), ledger.journal(), Clock().wall())
    console.print_json(document)
    return ExitCode.DONE


def restore(where: CampaignLocation, console: Console) -> ExitCode:
    """Put the backup back, or begin an empty ledger where there is none, and replay the receipts into it; then take in
    the runs that only the files beside it know of.

    A ledger that is whole, and only older than those files, stays: it knows more than its backup. Raises UsageError
    where there is nothing to restore from, and LedgerError where the backup cannot be used; then nothing was touched.
    """
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths, clock = locate(where, campaign.name), Clock()
    _check_sources(paths, campaign, endpoint)
    with campaign_lock(paths, "state restore", clock):
        _check_sources(paths, campaign, endpoint)
        keeps_ledger = _is_only_older(paths, campaign, endpoint)
        traces = tuple(traces_in_files(paths, campaign.name, endpoint))
        aside = None if keeps_ledger else _restore_backup(paths, campaign, endpoint, clock)
        with Ledger.open(paths.ledger, campaign.name, endpoint, clock.wall()) as ledger:
            if keeps_ledger:
                back_up(ledger, paths, console)
                ledger.mark_restored()
            ledger.record_fact(PLAN_FACT, "")
            files = OutputFiles(paths.outputs)
            before = ledger.snapshot()
            reconcile_ledger(ledger, paths.receipts, files, clock.wall(), console.print_warning)
            names, inputs = recorded_names(paths), _inputs(campaign, before)
            replayed, after = adopt_runs(ledger, traces, names, inputs, paths.receipts, files, clock.wall())
    if aside is not None and aside.exists():
        console.print_info(f"The ledger that was there is kept as {short_path(aside)}.")
    damage = check_files_beside(paths, campaign.name, endpoint).damage_text(paths)
    if damage:
        console.print_warning(f"{damage} It was not read, and the next apply will say what to do with it.")
    source = paths.ledger if keeps_ledger else paths.backup
    _print_restored(_RestoreResult(before, replayed, after, source), paths, command_line("resolve", where), console)
    return ExitCode.DONE


@dataclass(frozen=True, slots=True)
class _RestoreResult:
    """What a restore did: the ledger as it was put back, with the receipts replayed, and with what the files know.

    `source` is what it was made from: the ledger that was there, or the backup, which there may be none of.
    """

    before: Snapshot
    replayed: Snapshot
    after: Snapshot
    source: Path


def _is_only_older(paths: CampaignPaths, campaign: CampaignSpec, endpoint: str) -> bool:
    """Whether the ledger that is there can be used, and only lacks runs that the files beside it name.

    Where its own backup is what knows them, that is put back instead.
    """
    try:
        if not ledger_exists(paths):
            return False
        check_backup(paths.ledger, campaign.name, endpoint)
        unknown = check_files_beside(paths, campaign.name, endpoint).unknown
    except LedgerError:
        return False
    return bool(unknown) and all(trace.source != paths.backup.name for trace in unknown)


def _restore_backup(paths: CampaignPaths, campaign: CampaignSpec, endpoint: str, clock: Clock) -> Path | None:
    """Set the ledger aside, and put its backup in its place, or an empty one. Returns where it is now."""
    aside = set_ledger_aside(paths.ledger)
    if os.path.lexists(paths.backup):
        restore_backup(paths.backup, paths.ledger)
    else:
        Ledger.create(paths.ledger, campaign.name, endpoint, clock.wall())
    return aside


def _inputs(campaign: CampaignSpec, snapshot: Snapshot) -> dict[str, str]:
    """Every whole input that is known, by its fingerprint: a file beside the ledger may show only a part."""
    recorded = {run.fingerprint: run.input_json for run in snapshot.runs}
    return recorded | {take.fingerprint: take.input_json for take in campaign.takes}


def remove(where: CampaignLocation, take_id: str, force: bool, console: Console) -> ExitCode:
    """Forget a take. One that was paid for, or may have been, only with `force`; its money still counts."""
    with open_for_changes(where, "state rm", console) as writing:
        record = next((record for record in writing.snapshot.takes if record.take.id == take_id), None)
        if record is None:
            raise UsageError(f"{take_id}: the ledger knows no such take. `hailuo-batch status MANIFEST` lists them.")
        if _may_have_cost(record) and not force:
            raise UsageError(
                f"{take_id} was paid for, or may have been: {_money_text(record)}. Nothing was changed. --force "
                "forgets it all the same; its money still counts."
            )
        writing.ledger.carry_out((ForgetRuns(take_id), ForgetTake(take_id)), writing.clock.wall())
    money = f" Its money still counts: {_money_text(record)}." if _may_have_cost(record) else ""
    again = " The manifest still asks for it: the next apply makes it, and pays for it." if record.in_manifest else ""
    console.print_info(f"{take_id} is forgotten. Its files stay where they are.{money}{again}")
    return ExitCode.DONE


def _read_ledger(where: CampaignLocation, console: Console) -> tuple[LedgerView, CampaignPaths]:
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    return _existing(paths, campaign, endpoint, where), paths


def _existing(paths: CampaignPaths, campaign: CampaignSpec, endpoint: str, where: CampaignLocation) -> LedgerView:
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise _no_ledger(paths, campaign, where)
    return reading


def _no_ledger(paths: CampaignPaths, campaign: CampaignSpec, where: CampaignLocation) -> UsageError:
    return UsageError(
        f"The campaign {campaign.name} has no ledger at {paths.ledger}: nothing was ever sent for it."
        f"{sandbox_hint(where, campaign.name)}"
    )


def _check_sources(paths: CampaignPaths, campaign: CampaignSpec, endpoint: str) -> None:
    """Raises where there is nothing to restore from, before anything is touched.

    Receipts that name no create are no source, nor are files that name no run: an empty ledger would have everything
    paid for again.
    """
    if not os.path.lexists(paths.backup):
        named = any(trace.may_be_paid for trace in traces_in_files(paths, campaign.name, endpoint))
        if not named and not load_receipts(paths.receipts):
            raise UsageError(
                f"There is neither a backup at {paths.backup} nor any receipt in {paths.receipts}, and no file in "
                f"{short_path(paths.outputs)} names a run of this campaign: nothing to restore from. "
                "Nothing was touched."
            )
        return
    try:
        check_backup(paths.backup, campaign.name, endpoint)
    except LedgerError as error:
        raise LedgerError(
            f"The backup cannot be restored, and nothing was touched. {error} Where {paths.receipts.name} is whole, "
            f"move {paths.backup.name} away and run this again: the ledger is then rebuilt from the receipts alone."
        ) from error


def _print_restored(result: _RestoreResult, paths: CampaignPaths, resolve: str, console: Console) -> None:
    what = f"Restored {short_path(paths.ledger)} from {result.source.name}"
    if result.source == paths.ledger:
        what = f"Kept {short_path(paths.ledger)}, which is whole"
    elif not result.source.exists():
        what = f"Restored {short_path(paths.ledger)} without a backup"
    known = {run.create_id for run in result.before.paid_runs}
    from_receipts = sum(run.create_id is not None and run.create_id not in known for run in result.replayed.paid_runs)
    creates = count(from_receipts, "create")
    named = {(run.create_id, run.run_id) for run in result.replayed.paid_runs}
    found = sum((run.create_id, run.run_id) not in named for run in result.after.paid_runs)
    taken = f", and {count(found, 'run')} that only the files beside it knew of" if found else ""
    known_takes = {record.take.id for record in result.before.takes}
    is_new = any(record.take.id not in known_takes for record in result.after.takes)
    later = " Which takes the manifest asks for is known again after the next apply." if is_new else ""
    console.print_info(
        f"{what}, with {creates} that only the receipts knew of{taken}. Nothing was sent, nothing was paid.{later}"
    )
    if risk := risk_sentence(spend_of(result.after.paid_runs)):
        console.print_info(risk)
        console.print_info_lines("\n".join(render_in_doubt(result.after, resolve, columns_of(sys.stderr))))


def _may_have_cost(record: TakeRecord) -> bool:
    return any(run.run_id is not None or is_in_doubt(run) for run in record.runs)


def _money_text(record: TakeRecord) -> str:
    spend = spend_of(record.runs)
    parts = [f"{format_usd(spend.net_micro_usd)} net"]
    if spend.in_doubt_takes:
        parts.append(f"{count(spend.in_doubt_takes, 'create')} in doubt")
    return ", ".join(parts)

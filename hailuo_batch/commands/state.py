"""`state`: looks into the ledger, exports it, restores its backup, forgets a take. Sends nothing."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger, check_backup, restore_backup, set_ledger_aside
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import Files
from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.ledger_access import Reading, back_up, campaign_lock, open_to_write, read_ledger
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import known_names, look_beside, traces_beside
from hailuo_batch.app.plan_guard import PLAN_FACT
from hailuo_batch.app.reconcile import put_in_order, take_in
from hailuo_batch.app.workspace import (
    CampaignPaths,
    Whereabouts,
    command_line,
    has_ledger,
    ledger_exists,
    locate,
    of_a_rehearsal,
    shown,
)
from hailuo_batch.core.model.ledger_changes import ForgetRuns, ForgetTake
from hailuo_batch.core.model.runs import Snapshot, TakeRecord
from hailuo_batch.core.planning.spend import is_in_doubt, spend_of
from hailuo_batch.errors import ExitCode, LedgerError, UsageError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.in_doubt import render_doubts, risk_sentence
from hailuo_batch.ui.ledger import export_document, render_ledger
from hailuo_batch.ui.text import count
from hailuo_batch.values import Campaign, format_usd


def show(where: Whereabouts, console: Console) -> ExitCode:
    """Show every attempt at every take, also while an apply is at work."""
    reading, paths = _read(where, console)
    console.result(render_ledger(reading.recorded, paths.ledger, columns_of(sys.stdout)))
    return ExitCode.DONE


def export(where: Whereabouts, console: Console) -> ExitCode:
    """Write the whole ledger, journal included, as one JSON document."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    if not has_ledger(paths):
        raise _no_ledger(paths, campaign, where)
    with Ledger.read(paths.ledger, campaign.name, endpoint) as ledger, ledger.moment():
        document = export_document(ledger.snapshot(), ledger.journal(), Clock().wall())
    console.document(document)
    return ExitCode.DONE


def restore(where: Whereabouts, console: Console) -> ExitCode:
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
        keeps = _is_only_older(paths, campaign, endpoint)
        traces = tuple(traces_beside(paths, campaign.name, endpoint))
        aside = None if keeps else _put_back(paths, campaign, endpoint, clock)
        with Ledger.open(paths.ledger, campaign.name, endpoint, clock.wall()) as ledger:
            if keeps:
                back_up(ledger, paths, console)
                ledger.doubt_files()
            ledger.remember(PLAN_FACT, "")
            files = Files(paths.outputs)
            before = ledger.snapshot()
            put_in_order(ledger, paths.receipts, files, clock.wall(), console.warn)
            names, inputs = known_names(paths), _inputs(campaign, before)
            replayed, after = take_in(ledger, traces, names, inputs, paths.receipts, files, clock.wall())
    if aside is not None and aside.exists():
        console.say(f"The ledger that was there is kept as {shown(aside)}.")
    left = look_beside(paths, campaign.name, endpoint).damage(paths)
    if left:
        console.warn(f"{left} It was not read, and the next apply will say what to do with it.")
    source = paths.ledger if keeps else paths.backup
    _tell_restored(_Restored(before, replayed, after, source), paths, command_line("resolve", where), console)
    return ExitCode.DONE


@dataclass(frozen=True, slots=True)
class _Restored:
    """What a restore did: the ledger as it was put back, with the receipts replayed, and with what the files know.

    `source` is what it was made from: the ledger that was there, or the backup, which there may be none of.
    """

    before: Snapshot
    replayed: Snapshot
    after: Snapshot
    source: Path


def _is_only_older(paths: CampaignPaths, campaign: Campaign, endpoint: str) -> bool:
    """Whether the ledger that is there can be used, and only lacks runs that the files beside it name.

    Where its own backup is what knows them, that is put back instead.
    """
    try:
        if not ledger_exists(paths):
            return False
        check_backup(paths.ledger, campaign.name, endpoint)
        unknown = look_beside(paths, campaign.name, endpoint).unknown
    except LedgerError:
        return False
    return bool(unknown) and all(trace.source != paths.backup.name for trace in unknown)


def _put_back(paths: CampaignPaths, campaign: Campaign, endpoint: str, clock: Clock) -> Path | None:
    """Set the ledger aside, and put its backup in its place, or an empty one. Returns where it is now."""
    aside = set_ledger_aside(paths.ledger)
    if os.path.lexists(paths.backup):
        restore_backup(paths.backup, paths.ledger)
    else:
        Ledger.create(paths.ledger, campaign.name, endpoint, clock.wall())
    return aside


def _inputs(campaign: Campaign, snapshot: Snapshot) -> dict[str, str]:
    """Every whole input that is known, by its fingerprint: a file beside the ledger may show only a part."""
    recorded = {run.fingerprint: run.input_json for run in snapshot.runs}
    return recorded | {take.fingerprint: take.input_json for take in campaign.takes}


def remove(where: Whereabouts, take_id: str, force: bool, console: Console) -> ExitCode:
    """Forget a take. One that was paid for, or may have been, only with `force`; its money still counts."""
    with open_to_write(where, "state rm", console) as writing:
        record = next((record for record in writing.snapshot.takes if record.take.id == take_id), None)
        if record is None:
            raise UsageError(f"{take_id}: the ledger knows no such take. `hailuo-batch status MANIFEST` lists them.")
        if _costs(record) and not force:
            raise UsageError(
                f"{take_id} was paid for, or may have been: {_money(record)}. Nothing was changed. --force "
                "forgets it all the same; its money still counts."
            )
        writing.ledger.carry_out((ForgetRuns(take_id), ForgetTake(take_id)), writing.clock.wall())
    money = f" Its money still counts: {_money(record)}." if _costs(record) else ""
    again = " The manifest still asks for it: the next apply makes it, and pays for it." if record.in_manifest else ""
    console.say(f"{take_id} is forgotten. Its files stay where they are.{money}{again}")
    return ExitCode.DONE


def _read(where: Whereabouts, console: Console) -> tuple[Reading, CampaignPaths]:
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    return _existing(paths, campaign, endpoint, where), paths


def _existing(paths: CampaignPaths, campaign: Campaign, endpoint: str, where: Whereabouts) -> Reading:
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise _no_ledger(paths, campaign, where)
    return reading


def _no_ledger(paths: CampaignPaths, campaign: Campaign, where: Whereabouts) -> UsageError:
    return UsageError(
        f"The campaign {campaign.name} has no ledger at {paths.ledger}: nothing was ever sent for it."
        f"{of_a_rehearsal(where, campaign.name)}"
    )


def _check_sources(paths: CampaignPaths, campaign: Campaign, endpoint: str) -> None:
    """Raises where there is nothing to restore from, before anything is touched.

    Receipts that name no create are no source, nor are files that name no run: an empty ledger would have everything
    paid for again.
    """
    if not os.path.lexists(paths.backup):
        named = any(trace.is_money for trace in traces_beside(paths, campaign.name, endpoint))
        if not named and not load_receipts(paths.receipts):
            raise UsageError(
                f"There is neither a backup at {paths.backup} nor any receipt in {paths.receipts}, and no file in "
                f"{shown(paths.outputs)} names a run of this campaign: nothing to restore from. Nothing was touched."
            )
        return
    try:
        check_backup(paths.backup, campaign.name, endpoint)
    except LedgerError as error:
        raise LedgerError(
            f"The backup cannot be restored, and nothing was touched. {error} Where {paths.receipts.name} is whole, "
            f"move {paths.backup.name} away and run this again: the ledger is then rebuilt from the receipts alone."
        ) from error


def _tell_restored(done: _Restored, paths: CampaignPaths, resolve: str, console: Console) -> None:
    what = f"Restored {shown(paths.ledger)} from {done.source.name}"
    if done.source == paths.ledger:
        what = f"Kept {shown(paths.ledger)}, which is whole"
    elif not done.source.exists():
        what = f"Restored {shown(paths.ledger)} without a backup"
    known = {run.create_id for run in done.before.paid_runs}
    fresh = sum(run.create_id is not None and run.create_id not in known for run in done.replayed.paid_runs)
    creates = count(fresh, "create")
    named = {(run.create_id, run.run_id) for run in done.replayed.paid_runs}
    found = sum((run.create_id, run.run_id) not in named for run in done.after.paid_runs)
    taken = f", and {count(found, 'run')} that only the files beside it knew of" if found else ""
    is_told = {record.take.id for record in done.before.takes}
    is_new = any(record.take.id not in is_told for record in done.after.takes)
    later = " Which takes the manifest asks for is known again after the next apply." if is_new else ""
    console.say(
        f"{what}, with {creates} that only the receipts knew of{taken}. Nothing was sent, nothing was paid.{later}"
    )
    if risk := risk_sentence(spend_of(done.after.paid_runs)):
        console.say(risk)
        console.lay_out("\n".join(render_doubts(done.after, resolve, columns_of(sys.stderr))))


def _costs(record: TakeRecord) -> bool:
    return any(run.run_id is not None or is_in_doubt(run) for run in record.runs)


def _money(record: TakeRecord) -> str:
    spend = spend_of(record.runs)
    parts = [f"{format_usd(spend.net_micro_usd)} net"]
    if spend.in_doubt_takes:
        parts.append(f"{count(spend.in_doubt_takes, 'create')} in doubt")
    return ", ".join(parts)

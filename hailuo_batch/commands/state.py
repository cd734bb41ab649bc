"""`state`: looks into the ledger, exports it, restores its backup, forgets a take. Sends nothing."""

import sys

from hailuo_batch.commands.books import put_in_order
from hailuo_batch.commands.console import Console, columns_of
from hailuo_batch.commands.loading import load_campaign
from hailuo_batch.commands.reading import Reading, read_ledger
from hailuo_batch.commands.settings import read_endpoint
from hailuo_batch.commands.state_view import export_document, render_ledger
from hailuo_batch.commands.text import count
from hailuo_batch.commands.workspace import CampaignPaths, Whereabouts, locate
from hailuo_batch.commands.writing import open_to_write
from hailuo_batch.core.lifecycle import RunState
from hailuo_batch.core.records import TakeRecord
from hailuo_batch.core.spend import is_in_doubt, spend_of
from hailuo_batch.core.steps import ForgetRuns, ForgetTake
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.shell.clock import Clock
from hailuo_batch.shell.files import Files
from hailuo_batch.shell.ledger import Ledger, restore_backup, set_ledger_aside
from hailuo_batch.shell.lock import Holder, Lock
from hailuo_batch.values import Campaign, format_usd


def show(where: Whereabouts, console: Console) -> ExitCode:
    """Show every attempt at every take, also while an apply is at work."""
    reading, paths = _read(where, console)
    console.result(render_ledger(reading.snapshot, paths, columns_of(sys.stdout)))
    return ExitCode.DONE


def export(where: Whereabouts, console: Console) -> ExitCode:
    """Write the whole ledger, journal included, as one JSON document."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    _existing(paths, campaign, endpoint)
    with Ledger.read(paths.ledger, campaign.name, endpoint) as ledger:
        console.document(export_document(ledger.snapshot(), ledger.journal(), Clock().wall()))
    return ExitCode.DONE


def restore(where: Whereabouts, console: Console) -> ExitCode:
    """Put the backup back, or begin an empty ledger where there is none, and replay the receipts into it."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths, clock = locate(where, campaign.name), Clock()
    with Lock(paths.lock, Holder.this_process("state restore", clock.wall())):
        if not (paths.backup.exists() or paths.receipts.exists()):
            raise UsageError(f"There is neither {paths.backup} nor {paths.receipts}: nothing to restore from.")
        aside = set_ledger_aside(paths.ledger)
        if paths.backup.exists():
            restore_backup(paths.backup, paths.ledger)
        else:
            Ledger.create(paths.ledger, campaign.name, endpoint, clock.wall())
        with Ledger.open(paths.ledger, campaign.name, endpoint, clock.wall()) as ledger:
            before = sum(run.create_id is not None for run in ledger.snapshot().paid_runs)
            snapshot = put_in_order(ledger, paths.receipts, Files(paths.outputs), clock.wall())
    if aside is not None:
        console.say(f"The ledger that was there is kept as {aside}.")
    _tell_restored(before, sum(run.create_id is not None for run in snapshot.paid_runs), paths, console)
    doubt = [record.take.id for record in snapshot.takes for run in record.runs if run.state is RunState.IN_DOUBT]
    if doubt:
        console.say(f"In doubt, because the receipts hold no answer: {', '.join(doubt)}. `resolve` settles them.")
    return ExitCode.DONE


def remove(where: Whereabouts, take_id: str, force: bool, console: Console) -> ExitCode:
    """Forget a take. One that was paid for, or may have been, only with `force`; its money still counts."""
    with open_to_write(where, "state rm", console) as writing:
        record = next((record for record in writing.snapshot.takes if record.take.id == take_id), None)
        if record is None:
            raise UsageError(f"{take_id}: the ledger knows no such take. `status` lists them.")
        if _costs(record) and not force:
            raise UsageError(
                f"{take_id} was paid for, or may have been: {_money(record)}. --force forgets it all the same."
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
    return _existing(paths, campaign, endpoint), paths


def _existing(paths: CampaignPaths, campaign: Campaign, endpoint: str) -> Reading:
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise UsageError(f"The campaign {campaign.name} has no ledger at {paths.ledger}: nothing was ever sent for it.")
    return reading


def _tell_restored(before: int, after: int, paths: CampaignPaths, console: Console) -> None:
    source = paths.backup.name if paths.backup.exists() else "the receipts alone"
    told = f"{count(after - before, 'create')} that only the receipts knew of"
    console.say(f"Restored {paths.ledger} from {source}, with {told}. Nothing was sent, nothing was paid.")


def _costs(record: TakeRecord) -> bool:
    return any(run.run_id is not None or is_in_doubt(run) for run in record.runs)


def _money(record: TakeRecord) -> str:
    spend = spend_of(record.runs)
    parts = [f"{format_usd(spend.net_micro_usd)} net"]
    if spend.in_doubt_takes:
        parts.append(f"{count(spend.in_doubt_takes, 'create')} in doubt")
    return ", ".join(parts)

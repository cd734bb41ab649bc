"""`state`: shows the ledger, exports it, restores its backup, forgets a take. Sends nothing."""

import sys

from hailuo_batch.app.ledger_access import open_for_changes, read_journal, require_ledger
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.mending.restore import RestoreResult, restore_ledger
from hailuo_batch.app.older_ledger import check_files_beside
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, short_path
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.core.model.ledger_changes import ForgetRuns, ForgetTake
from hailuo_batch.core.model.runs import Snapshot, TakeRecord
from hailuo_batch.core.planning.spend import is_in_doubt, spend_of
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.report.model import risk_sentence
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.in_doubt import render_in_doubt
from hailuo_batch.ui.ledger import export_document, render_ledger
from hailuo_batch.ui.text import count
from hailuo_batch.values import format_usd


def show(where: CampaignLocation, console: Console) -> ExitCode:
    """Show every attempt at every take, also while an apply runs. Raises UsageError if there is no ledger."""
    context = load_context(where, Terminal(console))
    recorded = require_ledger(context, "nothing to show").recorded
    console.print_result(render_ledger(recorded, context.paths.ledger, columns_of(sys.stdout)))
    return ExitCode.DONE


def export(where: CampaignLocation, console: Console) -> ExitCode:
    """Print the whole ledger, journal included, as one JSON document. Raises UsageError if there is no ledger."""
    snapshot, journal = read_journal(load_context(where, Terminal(console)))
    console.print_json(export_document(snapshot, journal, Clock().wall()))
    return ExitCode.DONE


def restore(where: CampaignLocation, console: Console) -> ExitCode:
    """Restore the ledger. Raises what `restore_ledger` raises."""
    context = load_context(where, Terminal(console))
    result = restore_ledger(context, Terminal(console))
    if result.aside is not None and result.aside.exists():
        console.print_info(f"The previous ledger is kept as {short_path(result.aside)}.")
    damage = check_files_beside(context).damage_text(context.paths)
    if damage:
        console.print_warning(f"{damage} It was not read; the next apply says what to do with it.")
    _print_restored(context, result, console)
    return ExitCode.DONE


def remove(where: CampaignLocation, take_id: str, force: bool, console: Console) -> ExitCode:
    """Forget a take. One that was or may have been paid for needs `force`; its money still counts."""
    with open_for_changes(where, "state rm", Terminal(console)) as session:
        record = next((record for record in session.snapshot.takes if record.take.id == take_id), None)
        if record is None:
            raise UsageError(
                f"{take_id}: the ledger has no such take. `hailuo-batch status MANIFEST --all` lists them."
            )
        if _may_have_cost(record) and not force:
            raise UsageError(
                f"{take_id} was paid for, or may have been: {_money_text(record)}. Nothing was changed. --force "
                "forgets it anyway; its money still counts."
            )
        session.ledger.carry_out((ForgetRuns(take_id), ForgetTake(take_id)), session.clock.wall())
    money = f" Its money still counts: {_money_text(record)}." if _may_have_cost(record) else ""
    again = " The manifest still has it: the next apply requests it, and pays for it." if record.in_manifest else ""
    console.print_info(f"{take_id} is forgotten. Its files stay where they are.{money}{again}")
    return ExitCode.DONE


def _print_restored(context: CampaignContext, result: RestoreResult, console: Console) -> None:
    ledger = short_path(context.paths.ledger)
    if result.source == context.paths.ledger:
        what = f"Kept {ledger}, which is intact"
    elif not result.source.exists():
        what = f"Restored {ledger} without a backup"
    else:
        what = f"Restored {ledger} from {result.source.name}"
    known = {run.create_id for run in result.before.paid_runs}
    from_receipts = sum(run.create_id is not None and run.create_id not in known for run in result.replayed.paid_runs)
    named = {(run.create_id, run.run_id) for run in result.replayed.paid_runs}
    found = sum((run.create_id, run.run_id) not in named for run in result.after.paid_runs)
    console.print_info(
        f"{what}. {_added_text(from_receipts, found)} Nothing was sent, nothing was paid. `hailuo-batch status "
        "MANIFEST` shows what the campaign has now, and what is left to do."
    )
    _print_risk(result.after, context.where.command_line("resolve"), console)


def _added_text(from_receipts: int, from_files: int) -> str:
    """What the ledger lacked, as a sentence. A receipt proves a request, and a file beside a video names its run."""
    added = [
        *([f"{count(from_receipts, 'request')} from the receipts"] if from_receipts else []),
        *([f"{count(from_files, 'run')} from the reports and the files beside the videos"] if from_files else []),
    ]
    if not added:
        return "It lacked nothing that the receipts or the files beside the videos have."
    return f"Added what was missing in it: {' and '.join(added)}."


def _print_risk(snapshot: Snapshot, resolve: str, console: Console) -> None:
    if risk := risk_sentence(spend_of(snapshot.paid_runs)):
        console.print_info(risk)
        console.print_info_lines("\n".join(render_in_doubt(snapshot, resolve, columns_of(sys.stderr))))


def _may_have_cost(record: TakeRecord) -> bool:
    return any(run.run_id is not None or is_in_doubt(run) for run in record.runs)


def _money_text(record: TakeRecord) -> str:
    spend = spend_of(record.runs)
    in_doubt = f", {count(spend.in_doubt_takes, 'request')} in doubt" if spend.in_doubt_takes else ""
    return f"{format_usd(spend.net_micro_usd)} net{in_doubt}"

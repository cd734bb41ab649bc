"""`status`: where a campaign stands, also while an apply runs. Sends and writes nothing."""

import shutil
import sys
from dataclasses import dataclass
from functools import partial

from hailuo_batch.app.keys.missing import missing_keys_note
from hailuo_batch.app.status.reading import StatusReading
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, sandbox_hint
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.commands.watching import watch
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.interface.work import CampaignWork
from hailuo_batch.report.render_json import report_document
from hailuo_batch.ui.console import Console, Verbosity, columns_of
from hailuo_batch.ui.in_doubt import render_in_doubt
from hailuo_batch.ui.screen.paint import paint
from hailuo_batch.ui.status.page import Detail, StatusPage, render_page
from hailuo_batch.ui.text import count


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """The options of `status`."""

    only: tuple[str, ...] = ()
    show_all: bool = False
    watch: bool = False


def run(where: CampaignLocation, options: StatusOptions, console: Console) -> ExitCode:
    """Show where the campaign stands, or how far the takes are that `only` chooses. Raises what reading a manifest or a
    ledger raises, and UsageError for a pattern that chooses no take."""
    if options.watch and console.as_json:
        raise UsageError("--watch shows a page for people, and --json one document: leave one of them out.")
    look = CampaignWork(where, Terminal(console)).status(options.only)
    context, reading = look.context, look.reading
    _print_remarks(reading, context, options, console)
    render = partial(_render, context=context, options=options, console=console)
    if options.watch:
        watch(look.look_again, render, console)
    elif console.as_json:
        console.print_json(report_document(reading.report))
    else:
        lines = paint(render(reading, columns_of(sys.stdout)), console.palette(sys.stdout))
        console.print_result_in_colour("\n".join(lines))
    if look.problem:  # an older ledger is shown all the same: the user needs to see what it has
        console.print_warning(look.problem)
        return ExitCode.LEDGER
    return ExitCode.DONE


def _print_remarks(reading: StatusReading, context: CampaignContext, options: StatusOptions, console: Console) -> None:
    """Print what is to be known about the ledger itself."""
    remark = _remark(reading, context)
    if remark and not options.watch:  # the page that is watched has it in itself, as long as it is true
        console.print_info(remark)
    reading.view.tell_receipts_ahead(Terminal(console))
    missing = missing_keys_note(context, reading.view)
    if missing:
        console.print_info(missing)
    if options.only:
        of_all = f"{len(reading.report.takes):,} of {count(reading.recorded, 'take')}"
        console.print_info(f"Shown: {of_all} (--only), and their money alone.")


def _remark(reading: StatusReading, context: CampaignContext) -> str:
    """Whether anything was ever sent, or who is at it now; empty where neither is to be said."""
    if not reading.has_ledger:
        return f"No ledger yet: nothing was ever sent for this campaign.{sandbox_hint(context)}"
    holder = reading.view.holder
    return "" if holder is None else f"{holder} is running on this campaign."


def _render(
    reading: StatusReading, columns: int | None, context: CampaignContext, options: StatusOptions, console: Console
) -> list[str]:
    detail, view = _detail(options, console), reading.view
    doubts = render_in_doubt(
        view.snapshot_with_doubts,
        context.where.command_line("resolve"),
        columns,
        show_all=detail in {Detail.UNFINISHED, Detail.ALL},
    )
    page = StatusPage(
        reading.report,
        doubts,
        reading.new,
        # the last page of a watch stays on the screen, where an apply that is just ending would be running for ever
        _remark(reading, context) if options.watch and not reading.is_done else "",
        reading.time,
        bool(options.only),
        reading.has_ledger,
        None if columns is None else shutil.get_terminal_size().lines,
        console.with_full_commands,
    )
    return render_page(page, detail, columns)


def _detail(options: StatusOptions, console: Console) -> Detail:
    if options.show_all:
        return Detail.ALL
    if console.verbosity is Verbosity.QUIET:
        return Detail.TOTALS
    return Detail.UNFINISHED if console.is_verbose else Detail.SHORT

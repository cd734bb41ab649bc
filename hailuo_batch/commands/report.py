"""`report`: rewrites the report and the sidecars from the ledger. Sends nothing, and leaves the ledger alone."""

import sys

from hailuo_batch.app.ledger_access import require_ledger
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.older_ledger import check_not_older, journal_mark
from hailuo_batch.app.reports import ReportFiles, report_of
from hailuo_batch.app.workspace import CampaignLocation, has_ledger, short_path
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.files import Format
from hailuo_batch.report.model import Report
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.text import one_line
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.screen.paint import paint_text
from hailuo_batch.ui.status.sentences import totals_line


def run(where: CampaignLocation, console: Console, *, formats: tuple[str, ...], no_sidecar: bool) -> ExitCode:
    """Write the files with these names of `Format`; none means all of them, and the sidecars.

    Raises UsageError if nothing was ever applied, OutputError if a file cannot be written.
    """
    context = load_context(where, Terminal(console))
    # before the ledger is read: whatever a running apply adds meanwhile is after this mark
    mark = journal_mark(context.paths) if has_ledger(context.paths) else (0, "")
    view = require_ledger(context, "nothing to report; `hailuo-batch apply MANIFEST` requests its videos")
    view.tell_receipts_ahead(Terminal(console))
    check_not_older(context)  # before the files that prove it are overwritten
    resume, state = view.resume_command, view.submitting_state
    report = report_of(context, view.snapshot, Clock().wall(), resume=resume, submitting_state=state)
    files = ReportFiles(context, mark)
    wanted = tuple(map(Format, formats) if formats else Format)
    try:
        written = files.update_reports(report, wanted)
        if not (formats or no_sidecar):
            files.update_sidecars(view.snapshot)
        if Format.HTML in wanted:
            _make_stills(files, report, view.snapshot, wanted, console)
    finally:
        files.save_verified()
    console.print_info_in_colour(paint_text(totals_line(report), console.palette(sys.stderr)))
    console.print_result("\n".join(one_line(short_path(path)) for path in written.values()))
    return ExitCode.DONE


def _make_stills(
    files: ReportFiles, report: Report, snapshot: Snapshot, formats: tuple[Format, ...], console: Console
) -> None:
    """Make the stills that are missing and show them. Ctrl-C breaks that off, and the page shows what was made."""
    made = True
    try:
        made = files.stills(report, snapshot).make_missing(Terminal(console), lambda: False)
    finally:
        if made:
            files.update_reports(report, formats)

"""The use case `report`: rewrite report and sidecars from the ledger. Sends nothing, and leaves the ledger alone."""

from pathlib import Path

from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.ledger_access import require_ledger
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.older_ledger import check_not_older, journal_mark
from hailuo_batch.app.reports import ReportFiles, report_of
from hailuo_batch.app.workspace import CampaignLocation, has_ledger
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.report.files import Format
from hailuo_batch.report.model import Report
from hailuo_batch.runtime.clock import Clock


def rewrite_report(
    where: CampaignLocation, formats: tuple[Format, ...], frontend: Frontend, *, no_sidecar: bool
) -> tuple[Report, dict[Format, Path]]:
    """Write the files of these formats; none means all of them, and the sidecars. Returns the report and the files.

    Raises UsageError if nothing was ever applied, OutputError if a file cannot be written.
    """
    context = load_context(where, frontend)
    # before the ledger is read: whatever a running apply adds meanwhile is after this mark
    mark = journal_mark(context.paths) if has_ledger(context.paths) else (0, "")
    view = require_ledger(context, "nothing to report; `hailuo-batch apply MANIFEST` requests its videos")
    view.tell_receipts_ahead(frontend)
    check_not_older(context)  # before the files that prove it are overwritten
    resume, state = view.resume_command, view.submitting_state
    report = report_of(context, view.snapshot, Clock().wall(), resume=resume, submitting_state=state)
    files = ReportFiles(context, mark)
    wanted = formats or tuple(Format)
    try:
        written = files.update_reports(report, wanted)
        if not (formats or no_sidecar):
            files.update_sidecars(view.snapshot)
        if Format.HTML in wanted:
            _make_stills(files, report, view.snapshot, wanted, frontend)
    finally:
        files.save_verified()
    return report, written


def _make_stills(
    files: ReportFiles, report: Report, snapshot: Snapshot, formats: tuple[Format, ...], frontend: Frontend
) -> None:
    """Make the stills that are missing and show them. Ctrl-C breaks that off, and the page shows what was made."""
    made = True
    try:
        made = files.stills(report, snapshot).make_missing(frontend, lambda: False)
    finally:
        if made:
            files.update_reports(report, formats)

"""`report`: rewrites the report from the ledger, and the sidecars beside the videos. Sends nothing and leaves the
ledger alone.
"""

from dataclasses import dataclass

from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.ledger_access import read_ledger
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import check_not_older, journal_mark
from hailuo_batch.app.reports import ReportFiles
from hailuo_batch.app.workspace import CampaignLocation, folder_options, has_ledger, locate, sandbox_hint, short_path
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.report.files import Format
from hailuo_batch.report.model import build_report
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.text import one_line
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.status import totals_line


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Which files are wanted, by the names of `Format`; none named means all of them, and the sidecars."""

    formats: tuple[str, ...] = ()
    no_sidecar: bool = False


def run(where: CampaignLocation, options: ReportOptions, console: Console) -> ExitCode:
    """Write the files. Raises UsageError where nothing was ever applied, OutputError where they cannot be."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    mark = journal_mark(paths) if has_ledger(paths) else (0, "")  # first: what an apply adds meanwhile is not in it
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise UsageError(
            f"There is nothing to report on yet: the campaign {campaign.name} has no ledger at {paths.ledger}. Nothing "
            "was ever sent for it. `hailuo-batch apply MANIFEST` makes its videos, and the report with them."
            f"{sandbox_hint(where, campaign.name)}"
        )
    reading.print_receipts_ahead(console)
    check_not_older(paths, campaign.name, endpoint, where)  # what shows it would be written over
    report = build_report(
        reading.snapshot,
        generated_at=Clock().wall(),
        manifest=str(where.manifest),
        options=folder_options(where),
        resume=reading.resume_command,
        submitting_state=reading.submitting_state,
        max_attempts=campaign.limits.max_attempts,
    )
    kept = ReportFiles(paths, mark)
    try:
        written = kept.update_reports(report, tuple(map(Format, options.formats) if options.formats else Format))
        if not (options.formats or options.no_sidecar):
            kept.update_sidecars(reading.snapshot)
    finally:
        kept.save_verified()
    console.print_info(totals_line(report))
    console.print_result("\n".join(one_line(short_path(path)) for path in written.values()))
    return ExitCode.DONE

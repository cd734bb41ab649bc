"""The report and the sidecars after a command that changed what they show: all brought in line with the ledger.

A disk that refuses them stops nothing: it is said, and it makes the exit code.
"""

from pathlib import Path

from hailuo_batch.commands.console import Console
from hailuo_batch.commands.workspace import Whereabouts, folder_options, shown
from hailuo_batch.core.records import Snapshot
from hailuo_batch.errors import ExitCode, OutputError
from hailuo_batch.report.files import Format, write_reports
from hailuo_batch.report.model import Report, build_report
from hailuo_batch.report.sidecars import keep_sidecars


def report_of(snapshot: Snapshot, where: Whereabouts, now: float, resume: str = "") -> Report:
    """The report of a ledger that nobody writes any more, `now` in seconds since the epoch.

    `resume` is the command that continues the apply, where one has just ended.
    """
    return build_report(
        snapshot, generated_at=now, manifest=str(where.manifest), options=folder_options(where), resume=resume
    )


def leave_report(
    report: Report, snapshot: Snapshot, folder: Path, no_sidecar: bool, console: Console
) -> tuple[str, tuple[ExitCode, ...]]:
    """Write every report file and the sidecars. Returns where the page lies, and what stopped the writing."""
    page = "not written"
    try:
        page = shown(write_reports(report, folder)[Format.HTML])
        if not no_sidecar:
            keep_sidecars(snapshot, folder)
    except OutputError as error:
        console.warn(str(error))
        return page, (error.exit_code,)
    return page, ()

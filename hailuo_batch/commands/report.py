"""`report`: rewrites the report and the sidecars from the ledger. Sends nothing, and leaves the ledger alone."""

import sys

from hailuo_batch.app.workspace import CampaignLocation, short_path
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.errors import ExitCode
from hailuo_batch.interface.work import CampaignWork
from hailuo_batch.report.files import Format
from hailuo_batch.text import one_line
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.screen.paint import paint_text
from hailuo_batch.ui.status.sentences import totals_line


def run(where: CampaignLocation, console: Console, *, formats: tuple[str, ...], no_sidecar: bool) -> ExitCode:
    """Write the files with these names of `Format`; none means all of them, and the sidecars. Raises
    UsageError if nothing was ever applied, OutputError if a file cannot be written."""
    wanted = tuple(map(Format, formats))
    report, written = CampaignWork(where, Terminal(console)).report(wanted, no_sidecar=no_sidecar)
    console.print_info_in_colour(paint_text(totals_line(report), console.palette(sys.stderr)))
    console.print_result("\n".join(one_line(short_path(path)) for path in written.values()))
    return ExitCode.DONE

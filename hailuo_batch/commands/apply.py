"""`apply`: requests the missing videos, follows running ones, downloads, and writes the report."""

from hailuo_batch.app.config import ApplyOptions
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.errors import ExitCode, ReaderGoneError
from hailuo_batch.interface.work import CampaignWork
from hailuo_batch.ui.console import Console


def run(where: CampaignLocation, options: ApplyOptions, console: Console) -> ExitCode:
    """Apply the manifest. Raises what reading a manifest, taking the lock or opening the ledger raises."""
    try:
        return CampaignWork(where, Terminal(console)).apply(options)
    except ReaderGoneError:
        return ExitCode.SIGTERM  # as on SIGHUP; nothing was sent yet

"""A campaign's ledger, opened to be changed by a command that sends nothing or next to nothing: its lock is held, the
receipts are taken over, and a backup is made before the first change.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.local.output_files import Files
from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.locking import campaign_lock
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.plan_guard import PLAN_FACT
from hailuo_batch.app.reconcile import put_in_order
from hailuo_batch.app.workspace import CampaignPaths, Whereabouts, has_ledger, locate, of_a_rehearsal, shown
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import UsageError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console
from hailuo_batch.values import Campaign


@dataclass(frozen=True, slots=True)
class Writing:
    """A ledger that may be changed. `snapshot` is as it stood when it was opened and put in order."""

    campaign: Campaign
    endpoint: str
    paths: CampaignPaths
    ledger: Ledger
    snapshot: Snapshot
    clock: Clock


def no_ledger(paths: CampaignPaths, campaign: Campaign, where: Whereabouts) -> UsageError:
    """The campaign has never been at work."""
    return UsageError(
        f"The campaign {campaign.name} has no ledger at {paths.ledger}: nothing was ever sent for it, and there is "
        f"nothing to change.{of_a_rehearsal(where, campaign.name)}"
    )


def back_up(ledger: Ledger, paths: CampaignPaths, console: Console) -> None:
    """Back the ledger up before its first change. Raises LedgerError."""
    aside = ledger.back_up(paths.backup)
    if aside is not None:
        console.warn(
            f"{shown(paths.backup)} was no earlier state of this ledger. It is kept as {aside.name}, and a new backup "
            "was made."
        )


@contextmanager
def open_to_write(where: Whereabouts, command: str, console: Console) -> Iterator[Writing]:
    """The ledger of a manifest's campaign, for `command`. Raises UsageError where the campaign has none yet."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    clock = Clock()
    if not has_ledger(paths):
        raise no_ledger(paths, campaign, where)
    with (
        campaign_lock(paths, command, clock),
        Ledger.open(paths.ledger, campaign.name, endpoint, clock.wall()) as ledger,
    ):
        check_not_older(paths, campaign.name, endpoint, where)  # the backup may be what shows it
        back_up(ledger, paths, console)
        ledger.remember(PLAN_FACT, "")
        snapshot = put_in_order(ledger, paths.receipts, Files(paths.outputs), clock.wall(), console.warn)
        yield Writing(campaign, endpoint, paths, ledger, snapshot, clock)

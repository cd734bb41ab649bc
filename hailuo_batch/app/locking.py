"""The lock of a campaign, as every command that writes its ledger takes it."""

from collections.abc import Callable

from hailuo_batch.adapters.ledger.lock import Holder, Lock, find_holder
from hailuo_batch.app.workspace import CampaignPaths
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console
from hailuo_batch.values import format_duration


def campaign_lock(paths: CampaignPaths, command: str, clock: Clock) -> Lock:
    """The campaign's lock, for this command of this process. The receipts are its guard."""
    return Lock(paths.lock, Holder.this_process(command, clock.wall()), paths.receipts)


def say_for_whom(wait_s: float, console: Console) -> Callable[[Holder], None]:
    """What tells the user whom a command waits for, and for how long at most."""
    return lambda holder: console.warn(
        f"Waiting up to {format_duration(wait_s)} for {holder} to finish. Press Ctrl-C to stop waiting."
    )


def find_writer(paths: CampaignPaths) -> Holder | None:
    """Who writes the campaign's ledger now, None where nobody does."""
    return find_holder(paths.lock, paths.receipts)

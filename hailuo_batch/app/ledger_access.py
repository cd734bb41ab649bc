"""A campaign's ledger, for a command that looks into it or changes it.

A reader, also while an apply is at work, sees what the next writer would find: the ledger of one moment with all that
the receipts know beyond it, as after a crash, or where an older ledger was put back beside newer receipts. Nothing of
that is written down. A writer that sends nothing, or next to nothing, holds the lock, takes the receipts over, and
makes a backup before its first change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hailuo_batch.adapters.ledger import Ledger, read_experience
from hailuo_batch.adapters.ledger.lock import Holder, Lock, find_holder
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import Files
from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.plan_file import LedgerState
from hailuo_batch.app.plan_guard import PLAN_FACT, ledger_state
from hailuo_batch.app.reconcile import put_in_order
from hailuo_batch.app.workspace import CampaignPaths, Whereabouts, has_ledger, locate, of_a_rehearsal, shown
from hailuo_batch.core.model.runs import Snapshot, TakeRecord, in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.history import Experience, experience_of, joined
from hailuo_batch.core.planning.replay import replayed
from hailuo_batch.errors import UsageError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.text import count
from hailuo_batch.values import Campaign, format_duration

RESUME_FACT = "resume"
"""The fact under which a ledger remembers the command that continues the last apply, without its yes."""

_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """The ledger at one moment, and who was writing it then.

    `snapshot` is with all that the receipts know, `recorded` as the ledger alone has it; `state` says where it stood.
    `resume` continues the last apply, empty before the first.
    """

    snapshot: Snapshot
    holder: Holder | None
    recorded: Snapshot
    state: LedgerState = field(default_factory=LedgerState)
    resume: str = ""

    @property
    def submitting_means(self) -> TakeState:
        """What a create on its way is: waiting for its answer while its sender lives, else in doubt."""
        return TakeState.IN_DOUBT if self.holder is None else TakeState.WAITING

    @property
    def settled(self) -> Snapshot:
        """The snapshot, with every create whose sender is gone in doubt."""
        return in_doubt_if_submitting(self.snapshot) if self.holder is None else self.snapshot

    def say_what_receipts_know(self, console: Console) -> None:
        """Say what is shown beyond the ledger, if anything."""
        known = {(run.create_id, run.run_id) for run in self.recorded.paid_runs}
        fresh = sum((run.create_id, run.run_id) not in known for run in self.snapshot.paid_runs)
        if fresh:
            console.say(
                f"The receipts know {count(fresh, 'create')} that the ledger does not know yet, as after a crash, or "
                "where an older ledger was put back. What is shown has them; the next apply records them."
            )


def read_ledger(paths: CampaignPaths, campaign: Campaign, endpoint: str) -> Reading | None:
    """The campaign's ledger; None where there is none yet. Raises LedgerError where there ought to be one."""
    if not has_ledger(paths):
        return None
    for _ in range(_LOOKS):
        before = find_writer(paths)
        with Ledger.read(paths.ledger, campaign.name, endpoint) as ledger, ledger.moment():
            recorded, state, resume = ledger.snapshot(), ledger_state(ledger), ledger.fact(RESUME_FACT)
        receipts = load_receipts(paths.receipts)
        holder = find_writer(paths)
        if (before is None) == (holder is None):
            break  # no apply began or ended while the ledger was read
    # a writer is ahead of what was read here, in the receipts before the ledger: it will take its own receipts over
    snapshot = recorded if holder is not None else replayed(recorded, receipts, Clock().wall())
    return Reading(snapshot, holder, recorded, state, resume)


def empty_snapshot(campaign: Campaign, endpoint: str) -> Snapshot:
    """The ledger of a campaign for which nothing was ever done."""
    return Snapshot(campaign.name, endpoint, (), campaign.manifest_sha256, campaign.description)


def untouched_snapshot(campaign: Campaign, endpoint: str) -> Snapshot:
    """The ledger that a campaign will begin with: every take waiting."""
    records = tuple(TakeRecord(take, True, ()) for take in campaign.takes)
    return Snapshot(campaign.name, endpoint, records, campaign.manifest_sha256, campaign.description)


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


def learn(paths: CampaignPaths, snapshot: Snapshot) -> Experience:
    """What the campaign's own runs were like, as this snapshot has them, and those of the ledgers beside its own."""
    try:
        beside = sorted(path for path in paths.ledger.parent.glob("*.db") if path != paths.ledger)
    except OSError:
        beside = []
    others = (read_experience(path, snapshot.endpoint) for path in beside)
    # rule workspace_costs
    return joined([experience_of(snapshot.paid_runs), *(other for other in others if other is not None)])

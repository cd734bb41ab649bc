"""A campaign's ledger, for a command that looks into it or changes it.

A reader, also while an apply is at work, sees what the next writer would find: the ledger of one moment with all that
the receipts know beyond it, as after a crash, or where an older ledger was put back beside newer receipts. Nothing of
that is written down. A writer that sends nothing, or next to nothing, holds the lock, takes the receipts over, and
makes a backup before its first change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hailuo_batch.adapters.ledger import Ledger, read_history
from hailuo_batch.adapters.ledger.lock import CampaignLock, LockHolder, find_holder
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.plan_file import LedgerState
from hailuo_batch.app.plan_guard import PLAN_FACT, ledger_state
from hailuo_batch.app.reconcile import reconcile_ledger
from hailuo_batch.app.workspace import CampaignLocation, CampaignPaths, has_ledger, locate, sandbox_hint, short_path
from hailuo_batch.core.model.runs import Snapshot, TakeRecord, in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.history import History, history_of, merge_histories
from hailuo_batch.core.planning.replay import replay_receipts
from hailuo_batch.errors import UsageError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.text import count
from hailuo_batch.values import CampaignSpec, format_duration

RESUME_FACT = "resume"
"""The fact under which a ledger remembers the command that continues the last apply, without its yes."""

_MOST_READS = 5


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The ledger at one moment, and who was writing it then.

    `snapshot` is with all that the receipts know, `recorded` as the ledger alone has it; `state` says where it stood.
    `resume` continues the last apply, empty before the first.
    """

    snapshot: Snapshot
    holder: LockHolder | None
    recorded: Snapshot
    state: LedgerState = field(default_factory=LedgerState)
    resume_command: str = ""

    @property
    def submitting_state(self) -> TakeState:
        """What a create on its way is: waiting for its answer while its sender lives, else in doubt."""
        return TakeState.IN_DOUBT if self.holder is None else TakeState.WAITING

    @property
    def snapshot_with_doubts(self) -> Snapshot:
        """The snapshot, with every create whose sender is gone in doubt."""
        return in_doubt_if_submitting(self.snapshot) if self.holder is None else self.snapshot

    def print_receipts_ahead(self, console: Console) -> None:
        """Say what is shown beyond the ledger, if anything."""
        known = {(run.create_id, run.run_id) for run in self.recorded.paid_runs}
        ahead = sum((run.create_id, run.run_id) not in known for run in self.snapshot.paid_runs)
        if ahead:
            console.print_info(
                f"The receipts know {count(ahead, 'create')} that the ledger does not know yet, as after a crash, or "
                "where an older ledger was put back. What is shown has them; the next apply records them."
            )


def read_ledger(paths: CampaignPaths, campaign: CampaignSpec, endpoint: str) -> LedgerView | None:
    """The campaign's ledger; None where there is none yet. Raises LedgerError where there ought to be one."""
    if not has_ledger(paths):
        return None
    for _ in range(_MOST_READS):
        before = find_writer(paths)
        with Ledger.read(paths.ledger, campaign.name, endpoint) as ledger, ledger.consistent_view():
            recorded, state, resume = ledger.snapshot(), ledger_state(ledger), ledger.fact(RESUME_FACT)
        receipts = load_receipts(paths.receipts)
        holder = find_writer(paths)
        if (before is None) == (holder is None):
            break  # no apply began or ended while the ledger was read
    # a writer is ahead of what was read here, in the receipts before the ledger: it will take its own receipts over
    snapshot = recorded if holder is not None else replay_receipts(recorded, receipts, Clock().wall())
    return LedgerView(snapshot, holder, recorded, state, resume)


def empty_snapshot(campaign: CampaignSpec, endpoint: str) -> Snapshot:
    """The ledger of a campaign for which nothing was ever done."""
    return Snapshot(campaign.name, endpoint, (), campaign.manifest_sha256, campaign.description)


def snapshot_before_first_apply(campaign: CampaignSpec, endpoint: str) -> Snapshot:
    """The ledger that a campaign will begin with: every take waiting."""
    records = tuple(TakeRecord(take, True, ()) for take in campaign.takes)
    return Snapshot(campaign.name, endpoint, records, campaign.manifest_sha256, campaign.description)


def campaign_lock(paths: CampaignPaths, command: str, clock: Clock) -> CampaignLock:
    """The campaign's lock, for this command of this process. The receipts are its guard."""
    return CampaignLock(paths.lock, LockHolder.this_process(command, clock.wall()), paths.receipts)


def waiting_notice(wait_s: float, console: Console) -> Callable[[LockHolder], None]:
    """What tells the user whom a command waits for, and for how long at most."""
    return lambda holder: console.print_warning(
        f"Waiting up to {format_duration(wait_s)} for {holder} to finish. Press Ctrl-C to stop waiting."
    )


def find_writer(paths: CampaignPaths) -> LockHolder | None:
    """Who writes the campaign's ledger now, None where nobody does."""
    return find_holder(paths.lock, paths.receipts)


@dataclass(frozen=True, slots=True)
class LedgerSession:
    """A ledger that may be changed. `snapshot` is as it stood when it was opened and put in order."""

    campaign: CampaignSpec
    endpoint: str
    paths: CampaignPaths
    ledger: Ledger
    snapshot: Snapshot
    clock: Clock


def no_ledger_error(paths: CampaignPaths, campaign: CampaignSpec, where: CampaignLocation) -> UsageError:
    """The campaign has never been at work."""
    return UsageError(
        f"The campaign {campaign.name} has no ledger at {paths.ledger}: nothing was ever sent for it, and there is "
        f"nothing to change.{sandbox_hint(where, campaign.name)}"
    )


def back_up(ledger: Ledger, paths: CampaignPaths, console: Console) -> None:
    """Back the ledger up before its first change. Raises LedgerError."""
    kept_as = ledger.back_up(paths.backup)
    if kept_as is not None:
        console.print_warning(
            f"{short_path(paths.backup)} was no earlier state of this ledger. It is kept as {kept_as.name}, and a new "
            "backup was made."
        )


@contextmanager
def open_for_changes(where: CampaignLocation, command: str, console: Console) -> Iterator[LedgerSession]:
    """The ledger of a manifest's campaign, for `command`. Raises UsageError where the campaign has none yet."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    clock = Clock()
    if not has_ledger(paths):
        raise no_ledger_error(paths, campaign, where)
    with (
        campaign_lock(paths, command, clock),
        Ledger.open(paths.ledger, campaign.name, endpoint, clock.wall()) as ledger,
    ):
        check_not_older(paths, campaign.name, endpoint, where)  # the backup may be what shows it
        back_up(ledger, paths, console)
        ledger.record_fact(PLAN_FACT, "")
        snapshot = reconcile_ledger(
            ledger, paths.receipts, OutputFiles(paths.outputs), clock.wall(), console.print_warning
        )
        yield LedgerSession(campaign, endpoint, paths, ledger, snapshot, clock)


def load_history(paths: CampaignPaths, snapshot: Snapshot) -> History:
    """What the campaign's own runs were like, as this snapshot has them, and those of the ledgers beside its own."""
    try:
        other_ledgers = sorted(path for path in paths.ledger.parent.glob("*.db") if path != paths.ledger)
    except OSError:
        other_ledgers = []
    others = (read_history(path, snapshot.endpoint) for path in other_ledgers)
    # rule workspace_costs
    return merge_histories([history_of(snapshot.paid_runs), *(other for other in others if other is not None)])

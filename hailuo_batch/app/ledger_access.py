"""A campaign's ledger, for a command that reads or changes it.

A reader, also while an apply runs, sees what the next writer would find: one moment of the ledger, with everything that
the receipts add to it after a crash or a restored copy. Nothing of that is written. A writer that sends little or
nothing holds the lock, reconciles the ledger with the receipts, and makes a backup before its first change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hailuo_batch.adapters.ledger import Ledger, read_history
from hailuo_batch.adapters.ledger.lock import CampaignLock, LockHolder, find_holder
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.plan_file import LedgerState
from hailuo_batch.app.plan_guard import PLAN_FACT, ledger_state
from hailuo_batch.app.reconcile import reconcile_ledger
from hailuo_batch.app.workspace import (
    CampaignContext,
    CampaignLocation,
    CampaignPaths,
    check_outputs,
    has_ledger,
    sandbox_hint,
    short_path,
)
from hailuo_batch.core.model.runs import Snapshot, TakeRecord, in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.history import History, history_of, merge_histories
from hailuo_batch.core.planning.replay import replay_receipts
from hailuo_batch.errors import UsageError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.text import count
from hailuo_batch.values import format_duration

RESUME_FACT = "resume"
"""The ledger's fact that holds the command that continues the last apply. It never holds `--yes`."""

_MOST_READS = 5


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The ledger at one moment, and who was writing it then.

    `recorded` is the ledger alone, `snapshot` includes what only the receipts have; `state` is the position of its
    journal. `resume_command` continues the last apply, empty before the first. `key_hashes` are salted hashes of the
    API keys, by their numbers.
    """

    snapshot: Snapshot
    holder: LockHolder | None
    recorded: Snapshot
    state: LedgerState = field(default_factory=LedgerState)
    resume_command: str = ""
    key_hashes: Mapping[int, str] = field(default_factory=dict)

    @property
    def submitting_state(self) -> TakeState:
        """The state of a take whose request is being sent: waiting while the sender lives, else in doubt."""
        return TakeState.IN_DOUBT if self.holder is None else TakeState.WAITING

    @property
    def snapshot_with_doubts(self) -> Snapshot:
        """The snapshot in which every request whose sender is gone is in doubt."""
        return in_doubt_if_submitting(self.snapshot) if self.holder is None else self.snapshot

    def tell_receipts_ahead(self, frontend: Frontend) -> None:
        """Tell the user how many requests are shown that only the receipts have."""
        known = {(run.create_id, run.run_id) for run in self.recorded.paid_runs}
        ahead = sum((run.create_id, run.run_id) not in known for run in self.snapshot.paid_runs)
        if ahead:
            frontend.remark(
                f"The receipts list {count(ahead, 'request')} that the ledger does not have yet, after a crash or "
                "because an older ledger was put back. They are shown here; the next apply records them."
            )


def read_ledger(context: CampaignContext) -> LedgerView | None:
    """The campaign's ledger; None if there is none yet. Raises LedgerError if there should be one."""
    paths = context.paths
    if not has_ledger(paths):
        return None
    for _ in range(_MOST_READS):
        before = find_writer(paths)
        with Ledger.read(paths.ledger, context.campaign.name, context.endpoint) as ledger, ledger.consistent_view():
            recorded, state, resume = ledger.snapshot(), ledger_state(ledger), ledger.fact(RESUME_FACT)
            hashes = ledger.key_hashes()
        receipts = load_receipts(paths.receipts)
        holder = find_writer(paths)
        if (before is None) == (holder is None):
            break  # no apply began or ended while the ledger was read
    # A live writer puts each request into the receipts first and then into the ledger itself: replaying its receipts
    # here would show as in doubt what is being answered just now.
    snapshot = recorded if holder is not None else replay_receipts(recorded, receipts, Clock().wall())
    return LedgerView(snapshot, holder, recorded, state, resume, hashes)


def read_journal(context: CampaignContext) -> tuple[Snapshot, Sequence[Mapping[str, Any]]]:
    """The ledger and all lines of its journal, at one moment. Raises UsageError if there is no ledger."""
    if not has_ledger(context.paths):
        raise no_ledger_error(context, "nothing to export")
    with (
        Ledger.read(context.paths.ledger, context.campaign.name, context.endpoint) as ledger,
        ledger.consistent_view(),
    ):
        return ledger.snapshot(), list(ledger.journal())


def require_ledger(context: CampaignContext, consequence: str) -> LedgerView:
    """The campaign's ledger. Raises UsageError with the consequence, such as `nothing to verify`, if there is none."""
    view = read_ledger(context)
    if view is None:
        raise no_ledger_error(context, consequence)
    return view


def no_ledger_error(context: CampaignContext, consequence: str) -> UsageError:
    """The error for a campaign that was never applied, so that there is, say, `nothing to change`."""
    return UsageError(
        f"Campaign {context.campaign.name} has no ledger at {context.paths.ledger}: nothing was ever sent for it, so "
        f"there is {consequence}.{sandbox_hint(context)}"
    )


def empty_snapshot(context: CampaignContext) -> Snapshot:
    """The ledger of a campaign for which nothing was ever done."""
    campaign = context.campaign
    return Snapshot(campaign.name, context.endpoint, (), campaign.manifest_sha256, campaign.description)


def snapshot_before_first_apply(context: CampaignContext) -> Snapshot:
    """The ledger that a campaign starts with: every take waiting."""
    campaign = context.campaign
    records = tuple(TakeRecord(take, True, ()) for take in campaign.takes)
    return Snapshot(campaign.name, context.endpoint, records, campaign.manifest_sha256, campaign.description)


def campaign_lock(paths: CampaignPaths, command: str, clock: Clock) -> CampaignLock:
    """The campaign's lock, for this command of this process. The receipts file is its guard."""
    return CampaignLock(paths.lock, LockHolder.this_process(command, clock.wall()), paths.receipts)


def waiting_notice(wait_s: float, frontend: Frontend) -> Callable[[LockHolder], None]:
    """A callback that tells the user which command holds the lock, and how long this one waits."""
    return lambda holder: frontend.warn(
        f"Waiting up to {format_duration(wait_s)} for {holder} to finish. Press Ctrl-C to stop waiting."
    )


def find_writer(paths: CampaignPaths) -> LockHolder | None:
    """The process that holds the campaign's lock, None if nobody does."""
    return find_holder(paths.lock, paths.receipts)


@dataclass(frozen=True, slots=True)
class LedgerSession:
    """A ledger open for changes, under the lock. `snapshot` is the ledger after it was reconciled."""

    context: CampaignContext
    ledger: Ledger
    snapshot: Snapshot
    clock: Clock


def back_up(ledger: Ledger, paths: CampaignPaths, frontend: Frontend) -> None:
    """Back the ledger up before its first change. Raises LedgerError."""
    kept_as = ledger.back_up(paths.backup)
    if kept_as is not None:
        frontend.warn(
            f"{short_path(paths.backup)} was not a backup of this ledger. It was renamed to {kept_as.name}, and a new "
            "backup was made."
        )


@contextmanager
def open_for_changes(where: CampaignLocation, command: str, frontend: Frontend) -> Iterator[LedgerSession]:
    """Lock and open the ledger of a manifest's campaign for `command`. Raises UsageError if there is none yet."""
    context, clock = load_context(where, frontend), Clock()
    paths = context.paths
    if not has_ledger(paths):
        raise no_ledger_error(context, "nothing to change")
    check_outputs(paths)
    with (
        campaign_lock(paths, command, clock),
        Ledger.open(paths.ledger, context.campaign.name, context.endpoint, clock.wall()) as ledger,
    ):
        check_not_older(context)  # before the backup is replaced: it may be the file that proves it
        back_up(ledger, paths, frontend)
        ledger.record_fact(PLAN_FACT, "")  # a kept plan is out of date from here on
        files = OutputFiles(paths.outputs)
        snapshot = reconcile_ledger(ledger, paths.receipts, files, clock.wall(), frontend.warn)
        yield LedgerSession(context, ledger, snapshot, clock)


def load_history(paths: CampaignPaths, snapshot: Snapshot) -> History:
    """Durations and costs of the campaign's own runs and of those in the other ledgers of its state folder."""
    try:
        other_ledgers = sorted(path for path in paths.ledger.parent.glob("*.db") if path != paths.ledger)
    except OSError:
        other_ledgers = []
    others = (read_history(path, snapshot.endpoint) for path in other_ledgers)
    # rule workspace_costs
    return merge_histories([history_of(snapshot.paid_runs), *(other for other in others if other is not None)])

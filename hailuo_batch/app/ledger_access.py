"""Looking into a ledger without writing it, also while an apply is at work.

Every reader sees what the next writer would find: the ledger of one moment with all that the receipts know beyond it,
as after a crash, or where an older ledger was put back beside newer receipts. Nothing of that is written down.
"""

from dataclasses import dataclass, field

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.lock import Holder
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.app.locking import find_writer
from hailuo_batch.app.plan_file import LedgerState
from hailuo_batch.app.plan_guard import ledger_state
from hailuo_batch.app.workspace import CampaignPaths, has_ledger
from hailuo_batch.core.model.runs import Snapshot, TakeRecord, in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.replay import replayed
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.text import count
from hailuo_batch.values import Campaign

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

"""Looking into a ledger without writing it, also while an apply is at work."""

from dataclasses import dataclass

from hailuo_batch.commands.locking import find_writer
from hailuo_batch.commands.workspace import CampaignPaths, has_ledger
from hailuo_batch.core.lifecycle import TakeState
from hailuo_batch.core.records import Snapshot, TakeRecord, in_doubt_if_submitting
from hailuo_batch.shell.ledger import Ledger
from hailuo_batch.shell.lock import Holder
from hailuo_batch.values import Campaign

RESUME_FACT = "resume"
"""The fact under which a ledger remembers the command that continues the last apply, without its yes."""

_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """The ledger at one moment, and who wrote it then. `resume` continues the last apply, empty before the first."""

    snapshot: Snapshot
    holder: Holder | None
    resume: str = ""

    @property
    def submitting_means(self) -> TakeState:
        """What a create on its way is: waiting for its answer while its sender lives, else in doubt."""
        return TakeState.IN_DOUBT if self.holder is None else TakeState.WAITING

    @property
    def settled(self) -> Snapshot:
        """The snapshot, with every create whose sender is gone in doubt."""
        return in_doubt_if_submitting(self.snapshot) if self.holder is None else self.snapshot


def read_ledger(paths: CampaignPaths, campaign: Campaign, endpoint: str) -> Reading | None:
    """The campaign's ledger; None where there is none yet. Raises LedgerError where there ought to be one."""
    if not has_ledger(paths):
        return None
    for _ in range(_LOOKS):
        before = find_writer(paths)
        with Ledger.read(paths.ledger, campaign.name, endpoint) as ledger:
            snapshot, resume = ledger.snapshot(), ledger.fact(RESUME_FACT)
        holder = find_writer(paths)
        if (before is None) == (holder is None):
            break  # no apply began or ended while the ledger was read
    return Reading(snapshot, holder, resume)


def empty_snapshot(campaign: Campaign, endpoint: str) -> Snapshot:
    """The ledger of a campaign for which nothing was ever done."""
    return Snapshot(campaign.name, endpoint, (), campaign.manifest_sha256, campaign.description)


def untouched_snapshot(campaign: Campaign, endpoint: str) -> Snapshot:
    """The ledger that a campaign will begin with: every take waiting."""
    records = tuple(TakeRecord(take, True, ()) for take in campaign.takes)
    return Snapshot(campaign.name, endpoint, records, campaign.manifest_sha256, campaign.description)

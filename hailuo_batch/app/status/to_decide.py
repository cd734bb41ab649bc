"""Which takes a command of decisions is for, asked by a shell that completes its words. Silent, and writes nothing."""

from collections.abc import Callable, Mapping

from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.ledger_access import read_ledger
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, locate
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.planning.resolution import takes_to_resolve, takes_to_retry
from hailuo_batch.errors import HailuoBatchError
from hailuo_batch.manifest import load_manifest

_CHOICES: Mapping[str, Callable[[Snapshot], tuple[str, ...]]] = {
    "retry": takes_to_retry,
    "resolve": takes_to_resolve,
}


def takes_to_decide(command: str, where: CampaignLocation, most_bytes: int) -> tuple[str, ...]:
    """The takes that one of these commands is for; none where the manifest is larger than `most_bytes`, or where it or
    the ledger cannot be read."""
    try:
        snapshot = _read_snapshot(where, most_bytes)
    except (HailuoBatchError, OSError):
        return ()
    return () if snapshot is None else _CHOICES[command](snapshot)


def _read_snapshot(where: CampaignLocation, most_bytes: int) -> Snapshot | None:
    path = where.manifest
    campaign = load_manifest(path).campaign if path.stat().st_size <= most_bytes else None
    if campaign is None:
        return None
    view = read_ledger(CampaignContext(where, campaign, read_endpoint(where.sandbox), locate(where, campaign.name)))
    return None if view is None else view.snapshot_with_doubts

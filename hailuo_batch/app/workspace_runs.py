"""What the runs of the whole workspace were like, for the estimates of a plan.

Every ledger in the state folder with the same endpoint counts, so that a new campaign knows the price that another has
paid; a rehearsal's endpoint is its own, so that the sandbox teaches nothing about real money.
"""

from hailuo_batch.adapters.ledger import read_experience
from hailuo_batch.app.workspace import CampaignPaths
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.planning.history import Experience, experience_of, joined


def learn(paths: CampaignPaths, snapshot: Snapshot) -> Experience:
    """What the campaign's own runs were like, as this snapshot has them, and those of the ledgers beside its own."""
    try:
        beside = sorted(path for path in paths.ledger.parent.glob("*.db") if path != paths.ledger)
    except OSError:
        beside = []
    others = (read_experience(path, snapshot.endpoint) for path in beside)
    # rule workspace-costs
    return joined([experience_of(snapshot.paid_runs), *(other for other in others if other is not None)])

"""What was charged, what was refunded and what may have been charged.

All amounts are integer micro-USD. An unknown cost never counts as nothing: it counts as the newest known cost of its
model. Whether one more create fits under the cap is decided in `cap.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RunState

UNANSWERED = frozenset({RunState.SUBMITTING, RunState.IN_DOUBT})
"""States of a run whose create was sent and has no recorded answer."""


@dataclass(frozen=True, slots=True)
class Spend:
    """The money of a campaign. `in_doubt_micro_usd` is the most that creates in doubt may have cost, None while no
    cost is known; `in_doubt_takes` counts those creates."""

    charged_micro_usd: int
    refunded_micro_usd: int
    in_doubt_takes: int
    in_doubt_micro_usd: int | None

    @property
    def net_micro_usd(self) -> int:
        """The amount charged, less the amount refunded."""
        return self.charged_micro_usd - self.refunded_micro_usd


class KnownCost(NamedTuple):
    """The cost of one run, as evidence of what its model costs. The greater of two is the newer one.

    The order of the ledger decides, not the time of day: a clock that jumps would make an older, lower price the newest
    one, and the cap would be passed. Where two numbers are equal, as for runs adopted from files, the higher cost wins.
    """

    create_number: int
    cost_micro_usd: int
    submitted_at: float


def known_cost_of(run: Run) -> KnownCost | None:
    """The cost of this run as evidence, None while it is unknown."""
    if run.cost_micro_usd is None:
        return None
    return KnownCost(run.create_number or 0, run.cost_micro_usd, run.submitted_at or 0.0)


def update_newest(newest: dict[str, KnownCost], run: Run) -> None:
    """Take this run's cost into the newest known cost of each model."""
    cost = known_cost_of(run)
    if cost is not None:
        # rule cost_newest
        newest[run.model] = max(cost, newest.get(run.model, cost))


def newest_known_costs(runs: Iterable[Run]) -> dict[str, KnownCost]:
    """The newest known cost of each model, with when its run was created."""
    newest: dict[str, KnownCost] = {}
    for run in runs:
        update_newest(newest, run)
    return newest


def newest_costs(runs: Iterable[Run]) -> dict[str, int]:
    """The newest known cost of each model."""
    return {model: known.cost_micro_usd for model, known in newest_known_costs(runs).items()}


def highest_costs(runs: Iterable[Run]) -> dict[str, int]:
    """The highest known cost of each model: the most that a create of it may have cost."""
    highest: dict[str, int] = {}
    for run in runs:
        if run.cost_micro_usd is not None:
            highest[run.model] = max(run.cost_micro_usd, highest.get(run.model, 0))
    return highest


def is_in_doubt(run: Run) -> bool:
    """Whether money may have been charged for a run that has no run ID.

    A create in doubt that the user abandoned still counts: giving up does not undo a charge.
    """
    return run.state in UNANSWERED or (run.state is RunState.ABANDONED and run.run_id is None)


def spend_of(runs: Iterable[Run]) -> Spend:
    """The money of these runs, superseded ones included: they were paid for as well."""
    listed = tuple(runs)
    newest, highest = newest_costs(listed), highest_costs(listed)
    # rule in_doubt_counted
    doubtful = [run.model for run in listed if is_in_doubt(run)]
    charges = [charge_of(run, newest) for run in listed]
    charged, refunded = sum(charge for charge, _ in charges), sum(refund for _, refund in charges)
    is_known = all(model in highest for model in doubtful)
    return Spend(charged, refunded, len(doubtful), sum(highest[model] for model in doubtful) if is_known else None)


def charge_of(run: Run, costs: Mapping[str, int]) -> tuple[int, int]:
    """The amounts charged and refunded for one run, zero while its create is in doubt.

    `costs` are the newest known costs by model, for a run whose own cost is unknown.
    """
    if run.run_id is None or is_in_doubt(run):
        return 0, 0
    cost = costs.get(run.model, 0) if run.cost_micro_usd is None else run.cost_micro_usd
    return cost, cost if run.state is RunState.FAILED else 0


_NOTHING_MADE = frozenset({RunState.UNSENT, RunState.REJECTED})


def count_creates(before: Snapshot, after: Snapshot) -> int:
    """How many creates between the two have made a run, or may have."""
    known = {run.create_id for run in before.paid_runs}
    made = (run for run in after.paid_runs if run.create_id is not None and run.state not in _NOTHING_MADE)
    return sum(run.create_id not in known for run in made)

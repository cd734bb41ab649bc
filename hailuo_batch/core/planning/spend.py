"""What was paid, what came back, what is at risk, and whether one more create fits under the cap.

All amounts are integer micro-USD. A cost that is unknown is never taken for nothing: it counts as the newest
known cost of its model, and where none is known at all, one create goes alone to teach it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState

UNANSWERED = frozenset({RunState.SUBMITTING, RunState.IN_DOUBT})
_MAY_REVEAL_COST = frozenset({RunState.SUBMITTING, RunState.PENDING, RunState.PROCESSING})


@dataclass(frozen=True, slots=True)
class Spend:
    """The money of a campaign. `in_doubt_micro_usd` is the most that creates in doubt may have cost, None while no
    cost is known; `in_doubt_takes` counts the creates behind it."""

    charged_micro_usd: int
    refunded_micro_usd: int
    in_doubt_takes: int
    in_doubt_micro_usd: int | None

    @property
    def net_micro_usd(self) -> int:
        """Charged less refunded."""
        return self.charged_micro_usd - self.refunded_micro_usd


class KnownCost(NamedTuple):
    """What one run teaches of the cost of its model. The greater of two is the newer.

    The ledger's own order tells, for the time of day may jump, and an older, lower price would pass the cap. Where
    that leaves two equal, as it does runs that were taken in from files, the higher cost counts.
    """

    create_number: int
    cost_micro_usd: int
    submitted_at: float


def known_cost_of(run: Run) -> KnownCost | None:
    """What this run teaches, None while its cost is not known."""
    if run.cost_micro_usd is None:
        return None
    return KnownCost(run.create_number or 0, run.cost_micro_usd, run.submitted_at or 0.0)


def newest_known_costs(runs: Iterable[Run]) -> dict[str, KnownCost]:
    """The newest run of each model whose cost is known."""
    newest: dict[str, KnownCost] = {}
    for run in runs:
        teacher = known_cost_of(run)
        if teacher is not None:
            # rule cost_newest
            newest[run.model] = max(teacher, newest.get(run.model, teacher))
    return newest


def newest_costs(runs: Iterable[Run]) -> dict[str, int]:
    """The newest known cost of each model."""
    return {model: teacher.cost_micro_usd for model, teacher in newest_known_costs(runs).items()}


def highest_costs(runs: Iterable[Run]) -> dict[str, int]:
    """The highest known cost of each model: the most that a create of it may have cost."""
    highest: dict[str, int] = {}
    for run in runs:
        if run.cost_micro_usd is not None:
            highest[run.model] = max(run.cost_micro_usd, highest.get(run.model, 0))
    return highest


def is_in_doubt(run: Run) -> bool:
    """Whether money may have gone for a run that nobody can name: given up on or not, it still counts."""
    abandoned_unnamed = run.state is RunState.ABANDONED and run.run_id is None
    return run.state in UNANSWERED or abandoned_unnamed


def spend_of(runs: Iterable[Run]) -> Spend:
    """The money of these runs, superseded ones included."""
    listed = tuple(runs)
    costs, most = newest_costs(listed), highest_costs(listed)
    charged = refunded = in_doubt = 0
    at_risk: int | None = 0
    for run in listed:
        # rule in_doubt_counted
        if is_in_doubt(run):
            in_doubt += 1
            risk = most.get(run.model)
            at_risk = None if risk is None or at_risk is None else at_risk + risk
            continue
        paid, back = charge_of(run, costs)
        charged += paid
        refunded += back
    return Spend(charged, refunded, in_doubt, at_risk)


def charge_of(run: Run, costs: Mapping[str, int]) -> tuple[int, int]:
    """What was charged for one run and what came back of it, nothing while its create is in doubt.

    `costs` are the newest known of each model, for a run whose own is not known.
    """
    if run.run_id is None or is_in_doubt(run):
        return 0, 0
    cost = costs.get(run.model, 0) if run.cost_micro_usd is None else run.cost_micro_usd
    return cost, cost if run.state is RunState.FAILED else 0


class Cap:
    """The cap on net spend, kept by reservation: every create is counted before it is sent.

    It is told of each run as it changes (`hear`), asked before each create (`admits`), and told of a create from the
    moment it is decided (`reserve`) until it is settled (`release`). Prices also fall: a run without an answer counts
    as the newest known cost of its model, or as the one at which it was admitted where that was more; one that an
    earlier apply sent, as the highest known.
    """

    def __init__(self, cap_micro_usd: int | None) -> None:
        self.cap_micro_usd = cap_micro_usd
        self._newest: dict[str, KnownCost] = {}
        self._highest: dict[str, int] = {}
        self._known_micro_usd = 0
        self._unpriced: dict[str, dict[int, RunState]] = defaultdict(dict)
        self._reserved: dict[str, set[int]] = defaultdict(set)
        self._counted_micro_usd: dict[int, int] = {}
        self._reserved_cost_micro_usd: dict[int, int] = {}

    def on_run_changed(self, run: Run) -> None:
        """Take a run as it stands now."""
        self._known_micro_usd -= self._counted_micro_usd.pop(run.key, 0)
        self._unpriced[run.model].pop(run.key, None)
        known_cost = known_cost_of(run)
        if known_cost is not None:
            self._newest[run.model] = max(known_cost, self._newest.get(run.model, known_cost))
            self._highest[run.model] = max(known_cost.cost_micro_usd, self._highest.get(run.model, 0))
        paid = run.run_id is not None or is_in_doubt(run)
        # rule net_spend
        if not paid or run.state is RunState.FAILED:
            return
        if run.cost_micro_usd is None:
            self._unpriced[run.model][run.key] = run.state
        else:
            self._counted_micro_usd[run.key] = run.cost_micro_usd
            self._known_micro_usd += run.cost_micro_usd

    def reserve(self, run: Run) -> None:
        """A create of this run is decided."""
        self._reserved_cost_micro_usd[run.key] = self.cost_of(run.model) or 0
        self._reserved[run.model].add(run.key)

    def release(self, run: Run) -> None:
        """Its outcome is recorded, and heard."""
        self._reserved[run.model].discard(run.key)

    def cost_of(self, model: str) -> int | None:
        """The newest known cost of a run of this model, None while none is known."""
        newest = self._newest.get(model)
        return None if newest is None else newest.cost_micro_usd

    @property
    def committed_micro_usd(self) -> int:
        """Net spend, with all that has no answer counted as if it were paid."""
        models = self._unpriced.keys() | self._reserved.keys()
        return self._known_micro_usd + sum(map(self._unpriced_micro_usd, models))

    def admits(self, model: str) -> bool:
        """Whether one more create of this model is certain to stay under the cap, by all that is known."""
        if self.cap_micro_usd is None:
            return True
        cost = self.cost_of(model)
        if cost is None:
            models = self._unpriced.keys() | self._reserved.keys()
            alone = not any(self._has_unpriced(other) for other in models if self.cost_of(other) is None)
            return alone and self.committed_micro_usd < self.cap_micro_usd
        # rule spending_cap
        return self.committed_micro_usd + cost <= self.cap_micro_usd

    def count_affordable(self, count: int, model: str) -> int:
        """How many of so many creates of this model fit under the cap; all of them while no price is known."""
        cost = self.cost_of(model)
        if self.cap_micro_usd is None or not cost:
            return count
        return max(0, min(count, (self.cap_micro_usd - self.committed_micro_usd) // cost))

    def waits_for_price(self, model: str) -> bool:
        """Whether a create is held back only until a run under way has taught what one costs."""
        if self.cap_micro_usd is None or self.cost_of(model) is not None:
            return False
        models = [other for other in self._unpriced.keys() | self._reserved.keys() if self.cost_of(other) is None]
        revealing = (state in _MAY_REVEAL_COST for other in models for state in self._unpriced[other].values())
        return any(self._reserved[other] for other in models) or any(revealing)

    def _unpriced_keys(self, model: str) -> set[int]:
        return self._unpriced[model].keys() | self._reserved[model]

    def _has_unpriced(self, model: str) -> bool:
        """Whether a create of this model was sent and has not taught what one costs."""
        return bool(self._unpriced_keys(model))

    def _unpriced_micro_usd(self, model: str) -> int:
        newest, highest = self.cost_of(model) or 0, self._highest.get(model, 0)
        return sum(max(newest, self._reserved_cost_micro_usd.get(key, highest)) for key in self._unpriced_keys(model))

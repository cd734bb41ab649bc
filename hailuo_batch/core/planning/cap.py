"""Whether one more create fits under the cap on net spend: the only place that decides it.

All amounts are integer micro-USD. A run counts from the moment its create is decided, before it is sent, so that
creates under way can never pass the cap together. Only a price that rises after a create was sent can pass it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.spend import KnownCost, is_in_doubt, update_newest

_MAY_REVEAL_COST = frozenset({RunState.SUBMITTING, RunState.PENDING, RunState.PROCESSING})


class Cap:
    """The cap on net spend; None means no cap.

    Call `on_run_changed` with each run as it changes, `admits` before each create, `reserve` as soon as it is decided,
    and `release` once its result is recorded.

    A run without a known cost counts as the newest known cost of its model. Prices also fall, so it counts no less than
    the price at which it was admitted, or, where an earlier apply sent it, than the highest known cost.
    """

    def __init__(self, cap_micro_usd: int | None) -> None:
        self.cap_micro_usd = cap_micro_usd
        self._newest: dict[str, KnownCost] = {}
        self._highest: dict[str, int] = {}
        self._known_micro_usd = 0  # the sum of the next one
        self._counted_micro_usd: dict[int, int] = {}
        self._unpriced: dict[str, dict[int, RunState]] = defaultdict(dict)  # paid for, or may be, at an unknown cost
        self._reserved: dict[str, set[int]] = defaultdict(set)  # decided, and their results not recorded yet
        self._reserved_cost_micro_usd: dict[int, int] = {}

    def on_run_changed(self, run: Run) -> None:
        """Count the run as it is after a change, in place of what it counted before."""
        self._known_micro_usd -= self._counted_micro_usd.pop(run.key, 0)
        self._unpriced[run.model].pop(run.key, None)
        update_newest(self._newest, run)
        if run.cost_micro_usd is not None:
            self._highest[run.model] = max(run.cost_micro_usd, self._highest.get(run.model, 0))
        # rule net_spend
        if run.state is RunState.FAILED or not (run.run_id is not None or is_in_doubt(run)):
            return  # refunded, or nothing was ever charged
        if run.cost_micro_usd is None:
            self._unpriced[run.model][run.key] = run.state
        else:
            self._counted_micro_usd[run.key] = run.cost_micro_usd
            self._known_micro_usd += run.cost_micro_usd

    def reserve(self, run: Run) -> None:
        """Count a create of this run from here on: it is decided, and may be sent at any moment."""
        self._reserved_cost_micro_usd[run.key] = self.cost_of(run.model) or 0
        self._reserved[run.model].add(run.key)

    def release(self, run: Run) -> None:
        """End the reservation. `on_run_changed` must have been called with the result, or the money would vanish."""
        self._reserved[run.model].discard(run.key)

    def cost_of(self, model: str) -> int | None:
        """The newest known cost of a run of this model, None while none is known."""
        newest = self._newest.get(model)
        return None if newest is None else newest.cost_micro_usd

    @property
    def committed_micro_usd(self) -> int:
        """Net spend, with every run of unknown cost or outcome counted as if it were charged."""
        return self._known_micro_usd + sum(map(self._unpriced_micro_usd, self._models))

    def admits(self, model: str) -> bool:
        """Whether one more create of this model is certain to stay under the cap, by all known prices."""
        if self.cap_micro_usd is None:
            return True
        cost = self.cost_of(model)
        if cost is None:
            # Nothing bounds what it may cost, so it goes alone: its answer brings the price for all the others. Were
            # several sent at once, each could cost as much as the whole cap.
            is_alone = not any(self._unpriced_keys(other) for other in self._models_without_price)
            return is_alone and self.committed_micro_usd < self.cap_micro_usd
        # rule spending_cap
        return self.committed_micro_usd + cost <= self.cap_micro_usd

    def count_affordable(self, count: int, model: str) -> int:
        """How many of `count` creates of this model fit under the cap; all of them while no price is known."""
        cost = self.cost_of(model)
        if self.cap_micro_usd is None or not cost:
            return count
        return max(0, min(count, (self.cap_micro_usd - self.committed_micro_usd) // cost))

    def needed_for(self, models: Iterable[str]) -> int | None:
        """The lowest cap under which creates of these models fit, too; None while one of their prices is unknown."""
        costs = [self.cost_of(model) for model in models]
        known = [cost for cost in costs if cost is not None]
        return self.committed_micro_usd + sum(known) if len(known) == len(costs) else None

    def waits_for_price(self, model: str) -> bool:
        """Whether a create is held back only until a run under way has shown what one costs."""
        if self.cap_micro_usd is None or self.cost_of(model) is not None:
            return False
        return any(
            self._reserved[other] or not _MAY_REVEAL_COST.isdisjoint(self._unpriced[other].values())
            for other in self._models_without_price
        )

    @property
    def _models(self) -> set[str]:
        return self._unpriced.keys() | self._reserved.keys()

    @property
    def _models_without_price(self) -> list[str]:
        return [model for model in self._models if self.cost_of(model) is None]

    def _unpriced_keys(self, model: str) -> set[int]:
        return self._unpriced[model].keys() | self._reserved[model]

    def _unpriced_micro_usd(self, model: str) -> int:
        newest, highest = self.cost_of(model) or 0, self._highest.get(model, 0)
        return sum(max(newest, self._reserved_cost_micro_usd.get(key, highest)) for key in self._unpriced_keys(model))


@dataclass(frozen=True, slots=True)
class StoppedByCap:
    """How many runs are left, of which not all fit under the cap, and the cap that they need at the newest prices."""

    runs: int
    cap_micro_usd: int
    needed_micro_usd: int


def stopped_by_cap(snapshot: Snapshot, cap_micro_usd: int | None, scope: frozenset[str]) -> StoppedByCap | None:
    """What is left of the takes in `scope`; None where all of it fits under the cap, or a price is unknown."""
    if cap_micro_usd is None:
        return None
    cap = Cap(cap_micro_usd)
    for run in snapshot.paid_runs:
        cap.on_run_changed(run)
    lives = (record.live for record in snapshot.takes if record.take.id in scope)
    models = [live.model for live in lives if live is not None and live.state is RunState.UNSENT]
    needed = cap.needed_for(models)
    if not models or needed is None or needed <= cap_micro_usd:
        return None
    return StoppedByCap(len(models), cap_micro_usd, needed)

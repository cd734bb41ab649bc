"""About how much the creates of a plan will cost and how long they will take, and what is left to do.

Pure. A price that is not known is never taken for nothing: then the whole is unknown. A run needs two requests at
least, one that makes it and one that reads it; then it takes as long as runs of its model took before. The window's
share holds always; without any earlier run the rest is unknown and stays unsaid.
"""

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.core.model.file_layout import FileLayout
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.history import History
from hailuo_batch.core.planning.plan import Plan, PlanAction
from hailuo_batch.values import Limits, format_estimated_duration


class Basis(StrEnum):
    """How a price is known."""

    LEDGER = "ledger"  # the newest real cost of that model
    EXPECTED = "expected_cost_usd"  # what the manifest says
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Price:
    """What a run of a model costs, in micro-USD; None where the basis is unknown."""

    model: str
    creates: int
    cost_micro_usd: int | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class Estimate:
    """The creates of a plan, by model."""

    prices: tuple[Price, ...]

    @property
    def creates(self) -> int:
        """How many runs are to be paid for."""
        return sum(price.creates for price in self.prices)

    @property
    def known_prices(self) -> dict[str, int]:
        """What a run of each model was last paid, in micro-USD, where that is known."""
        known = (price for price in self.prices if price.basis is Basis.LEDGER)
        return {price.model: price.cost_micro_usd for price in known if price.cost_micro_usd is not None}

    @property
    def micro_usd(self) -> int | None:
        """What they cost together; None where any price is unknown."""
        total = 0
        for price in self.prices:
            if price.cost_micro_usd is None:
                # rule unknown_total
                return None
            # rule total_cost
            total += price.creates * price.cost_micro_usd
        return total


def estimate_cost(plan: Plan, history: History, limits: Limits) -> Estimate:
    """The cost of the plan's creates, by the newest real costs, else by what the manifest expects."""
    # rule creates_counted
    counts = Counter(line.model for line in plan.paying)
    return Estimate(tuple(_price(model, creates, history.cost_of(model), limits) for model, creates in counts.items()))


def _price(model: str, creates: int, known: int | None, limits: Limits) -> Price:
    # rule real_cost
    if known is not None:
        return Price(model, creates, known, Basis.LEDGER)
    # rule expected_cost
    if limits.expected_cost_micro_usd is not None:
        return Price(model, creates, limits.expected_cost_micro_usd, Basis.EXPECTED)
    return Price(model, creates, None, Basis.UNKNOWN)


_UNFINISHED = frozenset({RunState.SUBMITTING, RunState.PENDING, RunState.PROCESSING, RunState.LOST})
_OPEN = frozenset({PlanAction.RESUME, PlanAction.DOWNLOAD})


@dataclass(frozen=True, slots=True)
class TimeNeeded:
    """`least_s` is what the request window alone takes; `about_s` is None while no run of some model has finished."""

    least_s: float
    about_s: float | None


def estimate_time(plan: Plan, estimate: Estimate, history: History, settings: Settings) -> TimeNeeded:
    """The time, in seconds, until the creates of this plan are finished."""
    creates = estimate.creates
    resumed = sum(line.action in _OPEN for line in plan.lines)
    # rule two_requests
    least_s = _window_s(2 * creates + resumed, settings) if creates else 0.0
    known = [(price.creates, history.typical_s(price.model)) for price in estimate.prices]
    longest_s = work_s = 0.0
    for count, typical_s in known:
        if typical_s is None:
            # rule at_least
            return TimeNeeded(least_s, None)
        longest_s, work_s = max(longest_s, typical_s), work_s + count * typical_s
    paced_s = _window_s(creates, settings) + longest_s if creates else 0.0
    crowded_s = work_s / settings.max_in_flight if settings.max_in_flight is not None else 0.0
    return TimeNeeded(least_s, max(least_s, paced_s, crowded_s))


def describe_time(needed: TimeNeeded) -> str:
    """`about 12m`, `at least 3m`, or that it is unknown."""
    if needed.about_s is not None:
        return f"about {format_estimated_duration(needed.about_s)}"
    if needed.least_s > 0:
        # rule at_least_words
        return f"at least {format_estimated_duration(needed.least_s)}; how long a run takes is not known yet"
    return "not known before a first run has finished"


def _window_s(requests: int, settings: Settings) -> float:
    """How long the window keeps the last of so many requests waiting."""
    return max(0, math.ceil(requests / settings.rate_limit) - 1) * settings.rate_window_s


def has_work(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether anything may have to be sent or downloaded."""
    return bool(plan.paying) or has_open_runs(plan, snapshot)


def has_open_runs(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether anything is under way that has to be followed to its end. Pays for nothing."""
    collected = (record for record in snapshot.takes if record.take.id in plan.followed)
    return any(_is_open(run) for record in collected for run in record.runs)


def changes_anything(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether an apply of this plan would leave anything other than it is."""
    # rule anything_to_do
    return bool(plan.ledger_changes) or has_work(plan, snapshot) or bool(FileLayout(snapshot.runs).next_moves())


def _is_open(run: Run) -> bool:
    return run.state in _UNFINISHED or (run.state is RunState.SUCCEEDED and not run.outputs_saved)

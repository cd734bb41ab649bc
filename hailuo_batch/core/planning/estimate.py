"""About how much the creates of a plan will cost, and how that is known.

Pure. A price that is not known is never taken for nothing: then the whole is unknown.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.core.planning.history import Experience
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.values import Limits


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
                # rule unknown-total
                return None
            # rule total-cost
            total += price.creates * price.cost_micro_usd
        return total


def estimate_cost(plan: Plan, experience: Experience, limits: Limits) -> Estimate:
    """The cost of the plan's creates, by the newest real costs, else by what the manifest expects."""
    # rule creates-counted
    counts = Counter(line.model for line in plan.paying)
    return Estimate(
        tuple(_price(model, creates, experience.cost_of(model), limits) for model, creates in counts.items())
    )


def _price(model: str, creates: int, known: int | None, limits: Limits) -> Price:
    # rule real-cost
    if known is not None:
        return Price(model, creates, known, Basis.LEDGER)
    # rule expected-cost
    if limits.expected_cost_micro_usd is not None:
        return Price(model, creates, limits.expected_cost_micro_usd, Basis.EXPECTED)
    return Price(model, creates, None, Basis.UNKNOWN)

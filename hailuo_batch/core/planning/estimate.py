"""Estimates of what a plan will cost and how long it will take, and whether there is anything to do.

Pure. An unknown price makes the whole cost unknown. A run needs at least two requests, one that creates it and one that
reads it, and takes as long as runs of its model took before. The time that the request window needs is always known;
the rest is unknown until a first run of each model has finished.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hailuo_batch.core.model.file_layout import FileLayout
from hailuo_batch.core.model.ledger_changes import LedgerChange, WantTake
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.history import History
from hailuo_batch.core.planning.plan import Plan, PlanAction
from hailuo_batch.values import Limits, Take, format_estimated_duration


class Basis(StrEnum):
    """Where a price comes from."""

    LEDGER = "ledger"  # the newest real cost of that model
    EXPECTED = "expected_cost_usd"  # what the manifest says
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one run of a model, in micro-USD, None where it is unknown; and how many will be created."""

    model: str
    creates: int
    cost_micro_usd: int | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class Estimate:
    """The creates of a plan and their prices, one entry for each model."""

    prices: tuple[Price, ...]

    @property
    def creates(self) -> int:
        """How many runs will be paid for."""
        return sum(price.creates for price in self.prices)

    @property
    def known_prices(self) -> dict[str, int]:
        """The newest real price of each model that has one, in micro-USD."""
        known = (price for price in self.prices if price.basis is Basis.LEDGER)
        return {price.model: price.cost_micro_usd for price in known if price.cost_micro_usd is not None}

    @property
    def micro_usd(self) -> int | None:
        """The cost of all creates, None where any price is unknown."""
        # rule total_cost
        known = [price.creates * cost for price in self.prices if (cost := price.cost_micro_usd) is not None]
        # rule unknown_total
        return sum(known) if len(known) == len(self.prices) else None


def estimate_cost(plan: Plan, history: History, limits: Limits) -> Estimate:
    """Price each model by its newest real cost, or else by what the manifest expects."""
    expected = limits.expected_cost_micro_usd

    def price(model: str, creates: int) -> Price:
        known = history.cost_of(model)
        # rule real_cost
        if known is not None:
            return Price(model, creates, known, Basis.LEDGER)
        # rule expected_cost
        if expected is not None:
            return Price(model, creates, expected, Basis.EXPECTED)
        return Price(model, creates, None, Basis.UNKNOWN)

    # rule creates_counted
    counts = Counter(line.model for line in plan.paying)
    return Estimate(tuple(price(model, creates) for model, creates in counts.items()))


_WORKED_ON = frozenset({RunState.SUBMITTING, RunState.PENDING, RunState.PROCESSING})
_UNFINISHED = _WORKED_ON | {RunState.LOST}
_OVERDUE_SHARE = 0.1
_UNUSUAL = 2.0


@dataclass(frozen=True, slots=True)
class TimeNeeded:
    """`least_s` is the time that the request window needs; `about_s` is None while a model has no finished run."""

    least_s: float
    about_s: float | None


def estimate_time(plan: Plan, estimate: Estimate, history: History, settings: Settings) -> TimeNeeded:
    """Estimate the time until the creates of this plan are finished, in seconds."""
    creates = estimate.creates
    if not creates:
        return TimeNeeded(0.0, 0.0)
    resumed = sum(line.action in {PlanAction.RESUME, PlanAction.DOWNLOAD} for line in plan.lines)
    # rule two_requests
    least_s = _window_s(2 * creates + resumed, settings)
    known = [(price.creates, typical_s) for price in estimate.prices if (typical_s := history.typical_s(price.model))]
    if len(known) < len(estimate.prices):
        # rule at_least
        return TimeNeeded(least_s, None)
    last_run_s = _window_s(creates, settings) + max(typical_s for _, typical_s in known)
    all_runs_s = sum(count * typical_s for count, typical_s in known)
    crowded_s = 0.0 if settings.max_in_flight is None else all_runs_s / settings.max_in_flight
    return TimeNeeded(least_s, max(least_s, last_run_s, crowded_s))


def estimate_remaining(
    plan: Plan, snapshot: Snapshot, history: History, settings: Settings, now: float
) -> TimeNeeded | None:
    """Estimate the time until all that an apply of this plan does is done, in seconds; None where that is nothing.

    `now` is seconds since the epoch. Runs under way are counted by their age, so that it also says how long an apply
    that is running still takes.
    """
    creates = Counter(line.model for line in plan.paying)
    open_runs = [*_open_runs(plan, snapshot)]
    if not creates and not open_runs:
        return None
    least_s = _window_s(2 * creates.total() + len(open_runs), settings)
    unfinished = [run for run in open_runs if run.state in _WORKED_ON]
    known = {model: history.typical_s(model) for model in {*creates, *(run.model for run in unfinished)}}
    typical = {model: typical_s for model, typical_s in known.items() if typical_s is not None}
    if len(typical) < len(known):
        return TimeNeeded(least_s, None)
    ends = [_left_of_run_s(run, typical[run.model], now) for run in unfinished]
    last_s = max((typical[model] for model in creates), default=0.0)
    crowded_s = 0.0
    if settings.max_in_flight is not None:
        crowded_s = sum(number * typical[model] for model, number in creates.items()) / settings.max_in_flight
    about_s = max(least_s, crowded_s, _window_s(creates.total(), settings) + last_s, *ends)
    return TimeNeeded(least_s, None if about_s == math.inf else about_s)


def _left_of_run_s(run: Run, typical_s: float, now: float) -> float:
    """How long the run still takes: one that lasts longer than usual a tenth of the usual time, and one that lasts more
    than twice as long nobody knows how long, which is infinity."""
    age_s = 0.0 if run.submitted_at is None else now - run.submitted_at
    return math.inf if age_s > _UNUSUAL * typical_s else max(typical_s - age_s, _OVERDUE_SHARE * typical_s)


def describe_time(needed: TimeNeeded) -> str:
    """The time in words: `about 12m`, `at least 3m; ...`, or that it is unknown."""
    if needed.about_s is not None:
        return f"about {format_estimated_duration(needed.about_s)}"
    if needed.least_s > 0:
        # rule at_least_words
        return f"at least {format_estimated_duration(needed.least_s)}; the time of a run is not known yet"
    return "unknown until the first run finishes"


def _window_s(requests: int, settings: Settings) -> float:
    """How long the last of this many requests waits for a place in the windows of all keys."""
    places = settings.rate_limit * len(settings.api_keys)
    return max(0, math.ceil(requests / places) - 1) * settings.rate_window_s


def has_work(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether there may be anything to send or to download."""
    return bool(plan.paying) or has_open_runs(plan, snapshot)


def has_open_runs(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether any run is to be followed to its end, or has files to download, which costs nothing."""
    return any(True for _ in _open_runs(plan, snapshot))


def _open_runs(plan: Plan, snapshot: Snapshot) -> Iterator[Run]:
    followed = (record for record in snapshot.takes if record.take.id in plan.followed)
    return (run for record in followed for run in record.runs if _is_open(run))


def changes_anything(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether an apply of this plan would change anything in the ledger or the output folder.

    That a ledger of an older version gets the variables of its takes, which are in the manifest already, is no change.
    """
    old = _takes_without_variables(snapshot)
    changes = [change for change in plan.ledger_changes if not _only_fills_in_variables(change, old)]
    # rule anything_to_do
    return bool(changes) or has_work(plan, snapshot) or bool(FileLayout(snapshot.runs).next_moves())


def _takes_without_variables(snapshot: Snapshot) -> Mapping[str, tuple[int, Take]]:
    """The takes of the manifest whose variables the ledger does not know, each with its place in the manifest."""
    in_manifest = (record for record in snapshot.takes if record.in_manifest)
    return {
        record.take.id: (place, record.take) for place, record in enumerate(in_manifest) if not record.knows_variables
    }


def _only_fills_in_variables(change: LedgerChange, old: Mapping[str, tuple[int, Take]]) -> bool:
    """Whether this records what the ledger has already, and the variables that it does not know."""
    if not isinstance(change, WantTake) or change.take.id not in old:
        return False
    place, take = old[change.take.id]
    return change.position == place and replace(change.take, variables_json=take.variables_json) == take


def _is_open(run: Run) -> bool:
    return run.state in _UNFINISHED or (run.state is RunState.SUCCEEDED and not run.outputs_saved)

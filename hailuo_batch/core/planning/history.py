"""What earlier runs of a model were like: what the newest one cost, and how long they took. Pure.

Foundation of a plan's estimate, and of nothing that decides about money. Durations are seconds from the create to the
end of the run; money is integer micro-USD. What is not known is absent, never nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.spend import newest_known_costs

LONGEST_S = 86_400.0
"""What looks longer is a clock that jumped, or a run that nobody asked about for days; it says nothing of the next."""

NEWEST = 300
"""How many of the newest runs of a model say how long the next ones take: a provider gets faster, or slower."""


class RunDuration(NamedTuple):
    """How many seconds a run took that was sent `at` so many seconds since the epoch, UTC."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """By model: when the newest run with a known cost was sent, and that cost; and how long runs took that succeeded,
    the newest last.

    Times are seconds since the epoch, UTC.
    """

    costs: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    durations: Mapping[str, tuple[RunDuration, ...]] = field(default_factory=dict)

    def cost_of(self, model: str) -> int | None:
        """The newest known cost of a run of this model, None while none is known."""
        # rule cost_of_model
        known = self.costs.get(model)
        return None if known is None else known[1]

    def newest_durations(self, most: int) -> dict[str, tuple[float, ...]]:
        """How long runs took, in seconds, by model; of each at most so many, the newest."""
        return {model: tuple(run.seconds for run in known[-most:]) for model, known in self.durations.items()}

    def typical_s(self, model: str) -> float | None:
        """How long half of the newest runs of this model took at most, None while none is known."""
        known = self.durations.get(model)
        return median(run.seconds for run in known[-NEWEST:]) if known else None


def history_of(runs: Iterable[Run]) -> History:
    """What these runs were like."""
    listed = tuple(runs)
    durations: dict[str, list[RunDuration]] = defaultdict(list)
    for run in listed:
        if run.state is RunState.SUCCEEDED and run.submitted_at is not None and run.completed_at is not None:
            duration = RunDuration(run.submitted_at, run.completed_at - run.submitted_at)
            durations[run.model] += [duration] if 0 < duration.seconds <= LONGEST_S else []
    return History(
        {model: (newest.submitted_at, newest.cost_micro_usd) for model, newest in newest_known_costs(listed).items()},
        {model: tuple(sorted(known)) for model, known in durations.items() if known},
    )


def merge_histories(histories: Iterable[History]) -> History:
    """What several ledgers tell together: of costs the newest, of durations all, the newest last whosever they are."""
    costs: dict[str, tuple[float, int]] = {}
    durations: dict[str, list[RunDuration]] = defaultdict(list)
    for history in histories:
        for model, mark in history.costs.items():
            costs[model] = max(mark, costs.get(model, mark))
        for model, known in history.durations.items():
            durations[model] += known
    return History(costs, {model: tuple(sorted(known)) for model, known in durations.items()})

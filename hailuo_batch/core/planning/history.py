"""What earlier runs of each model were like: the newest known cost, and how long they took.

Pure. Estimates are made from it, and no decision about money is. Durations are seconds from the create to the end of
the run; money is integer micro-USD. What is unknown is absent, never zero.
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
"""A longer duration means a clock that jumped, or a run that was not polled for days: it tells nothing of the next."""

NEWEST = 300
"""How many of a model's newest runs predict the next ones: a provider gets faster, or slower."""


class RunDuration(NamedTuple):
    """How many seconds a run took, and when it was sent, in seconds since the epoch, UTC."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """By model: when the newest run with a known cost was sent, with that cost; and the durations of runs that
    succeeded, the newest last. Times are seconds since the epoch, UTC."""

    costs: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    durations: Mapping[str, tuple[RunDuration, ...]] = field(default_factory=dict)

    def cost_of(self, model: str) -> int | None:
        """The newest known cost of a run of this model, None while none is known."""
        # rule cost_of_model
        known = self.costs.get(model)
        return None if known is None else known[1]

    def newest_durations(self, most: int) -> dict[str, tuple[float, ...]]:
        """The durations of the `most` newest runs of each model, in seconds."""
        return {model: tuple(run.seconds for run in known[-most:]) for model, known in self.durations.items()}

    def typical_s(self, model: str) -> float | None:
        """The median duration of the newest runs of this model, None while none is known."""
        known = self.durations.get(model)
        return median(run.seconds for run in known[-NEWEST:]) if known else None


def history_of(runs: Iterable[Run]) -> History:
    """The history that these runs make."""
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
    """The history of several ledgers together: the newest cost, and all durations in the order of time."""
    costs: dict[str, tuple[float, int]] = {}
    durations: dict[str, list[RunDuration]] = defaultdict(list)
    for history in histories:
        for model, cost in history.costs.items():
            costs[model] = max(cost, costs.get(model, cost))
        for model, known in history.durations.items():
            durations[model] += known
    return History(costs, {model: tuple(sorted(known)) for model, known in durations.items()})

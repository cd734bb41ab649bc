"""About how long the creates of a plan will take under the request window, and how that is known.

Pure. A run needs two requests at least, one that makes it and one that reads it; then it takes as long as runs of its
model took before. The window's share holds always; without any earlier run the rest is unknown and stays unsaid.
"""

import math
from dataclasses import dataclass

from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.estimate import Estimate
from hailuo_batch.core.planning.history import Experience
from hailuo_batch.core.planning.plan import Plan, PlanAction
from hailuo_batch.values import format_rough_duration

_OPEN = frozenset({PlanAction.RESUME, PlanAction.DOWNLOAD})


@dataclass(frozen=True, slots=True)
class TimeNeeded:
    """`least_s` is what the request window alone takes; `about_s` is None while no run of some model has finished."""

    least_s: float
    about_s: float | None


def estimate_time(plan: Plan, estimate: Estimate, experience: Experience, settings: Settings) -> TimeNeeded:
    """The time, in seconds, until the creates of this plan are finished."""
    creates = estimate.creates
    resumed = sum(line.action in _OPEN for line in plan.lines)
    # rule two-requests
    least_s = _window_s(2 * creates + resumed, settings) if creates else 0.0
    known = [(price.creates, experience.typical_s(price.model)) for price in estimate.prices]
    longest_s = work_s = 0.0
    for count, typical_s in known:
        if typical_s is None:
            # rule at-least
            return TimeNeeded(least_s, None)
        longest_s, work_s = max(longest_s, typical_s), work_s + count * typical_s
    paced_s = _window_s(creates, settings) + longest_s if creates else 0.0
    crowded_s = work_s / settings.max_in_flight if settings.max_in_flight is not None else 0.0
    return TimeNeeded(least_s, max(least_s, paced_s, crowded_s))


def describe_time(needed: TimeNeeded) -> str:
    """`about 12m`, `at least 3m`, or that it is unknown."""
    if needed.about_s is not None:
        return f"about {format_rough_duration(needed.about_s)}"
    if needed.least_s > 0:
        # rule at-least-words
        return f"at least {format_rough_duration(needed.least_s)}; how long a run takes is not known yet"
    return "not known before a first run has finished"


def _window_s(requests: int, settings: Settings) -> float:
    """How long the window keeps the last of so many requests waiting."""
    return max(0, math.ceil(requests / settings.rate_limit) - 1) * settings.rate_window_s

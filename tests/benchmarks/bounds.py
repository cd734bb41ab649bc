"""What no client can beat, whatever it knows, and what none can beat in expectation that does not know durations.

Slots: whatever its phase, the window lets `limit` requests through at once and as many again each `window_s`, so that
the j-th request (from 0) arrives no earlier than `window_s * (j // limit)`.
"""

import heapq
from collections.abc import Sequence
from itertools import accumulate

from tests.benchmarks.simulate import ROUND_TRIP_S


def slot(number: int, limit: int, window_s: float) -> float:
    """The earliest time at which request `number`, from 0, can arrive, counted from the first."""
    return window_s * (number // limit)


def lower_bound_s(durations: Sequence[float], places: int | None, limit: int, window_s: float) -> float:
    """The end of the campaign of a client that knows every duration and creates in any order it likes."""
    runs = len(durations)
    slots = [slot(number, limit, window_s) for number in range(runs)]
    longest = sorted(durations, reverse=True)
    sums = zip(accumulate(longest), accumulate(slots), range(1, runs + 1), strict=True)
    bounds = [
        slot(2 * runs - 1, limit, window_s),
        max(at + duration for at, duration in zip(slots, longest, strict=True)),
        max((work + 2 * waited) / many for work, waited, many in sums),
        0.0 if places is None else sum(durations) / places,
    ]
    return ROUND_TRIP_S + max(bounds)


def blind_reference_s(durations: Sequence[float], places: int | None, limit: int, window_s: float) -> float:
    """The end of a campaign that creates in order as early as can be and sees completions for free."""
    free_at = [0.0] * (places or len(durations))
    end = 0.0
    for number, duration in enumerate(durations):
        done_at = max(slot(number, limit, window_s), heapq.heappop(free_at)) + duration
        heapq.heappush(free_at, done_at)
        end = max(end, done_at)
    return ROUND_TRIP_S + end

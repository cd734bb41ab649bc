"""What no client can beat, whatever it knows, and what none can beat in expectation that does not know durations.

Slots: whatever its phase, the window lets `limit` requests through at once and as many again each `window_s`, so that
the j-th request (from 0) arrives no earlier than `window_s * (j // limit)`.

`least_delay_s` tells what a given end costs who knows how long runs take in general, but not how long each one takes,
and who uses a place again one window after its answer, as is safe at any delay. It is a linear program's bound. Each
run is created with one burst of 20 requests and first read with a later one, for which it is chosen by its age alone.
It then waits E(age - duration)+ in the mean; and where the read came too early, the run is taken to be noticed for free
as it finishes, by one more request. The program's limits are 20 requests in each burst, and how many runs may be
expected to be unfinished at the last. Whatever prices are put on those limits, no client has a smaller delay than the
cheapest run less what the limits are worth in all: so the prices below, found by solving the program, need no trust.
What a late run costs is computed as if creates went at times fixed beforehand.
"""

import heapq
from collections.abc import Sequence
from itertools import accumulate
from math import erfc, exp, factorial, log, sqrt

from tests.benchmarks.scenarios import MEAN_LOG, SIGMA
from tests.benchmarks.simulate import ROUND_TRIP_S

_RUNS, _LIMIT, _PERIOD_S = 1000, 20, 10.0 + ROUND_TRIP_S
_PRICES: tuple[int, ...] = (  # of a request in each burst, in seconds of delay
    *(1012, 1000, 988, 976, 966, 960, 955, 949, 944, 940, 940, 944, 954, 964, 974, 984, 995, 1006, 1017, 1029),
    *(1039, 1044, 1050, 1055, 1061, 1066, 1070, 1070, 1071, 1068, 1064, 1059, 1052, 1044, 1036, 1027, 1017, 1008),
    *(998, 988, 978, 968, 958, 949, 943, 942, 945, 950, 956, 963, 972, 980, 989, 999, 1008, 1017, 1027, 1036, 1046),
    *(1055, 1063, 1072, 1081, 1089, 1097, 1105, 1113, 1121, 1128, 1134, 1139, 1142, 1142, 1139, 1130, 1112, 1083),
    *(1036, 963, 954, 944, 935, 925, 917, 908, 899, 890, 881, 873, 864, 855, 846, 837, 828, 819, 811, 802, 793, 784),
    *(775, 766),
    *range(757, 0, -9),  # those after the last that is counted on
)
_LAST = 100  # the burst with which 1,000 runs are done, if no more than 20 reads come too early
_LATE_PRICE = 56_136.0  # of a run that is still unfinished then
_MOST_LATE = 1.0  # a client of which more are expected to be is not considered: it ends much later


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


def least_delay_s(end_s: float) -> float:
    """The least mean delay in the expectation of any client that ends a thousand log-normal runs at `end_s`.

    An end later than that of the last burst buys further bursts, or late runs, whichever is worth more delay a second.
    """
    bought = max(
        _saved_s(bursts, late / 20) / _later_s(bursts, late / 20)
        for bursts in range(6)
        for late in range(int(_MOST_LATE * 20) + 1)
        if bursts + late > 0
    )
    counted_on = _LIMIT * sum(_PRICES[: _LAST + 1]) / _RUNS
    return _cheapest_run_s() - counted_on - bought * (end_s - _LAST * _PERIOD_S - ROUND_TRIP_S)


def _cheapest_run_s() -> float:
    """What one run costs at the least, whenever it is created and read: its delay, and the price of its requests."""
    bursts, cheapest = len(_PRICES), float("inf")
    alive = [_alive(age * _PERIOD_S) for age in range(bursts)]
    waited = [_mean_wait_s(age * _PERIOD_S) for age in range(bursts)]
    for created in range(bursts):
        once = _PRICES[created] + _LATE_PRICE * alive[max(0, _LAST - created)]
        again = 0.0  # the price of the further read of a run that was read too early
        for age in range(bursts - 1 - created, 0, -1):
            cheapest = min(cheapest, once + waited[age] + _PRICES[created + age] + again)
            again += (alive[age - 1] - alive[age]) * _PRICES[created + age]
    return cheapest


def _saved_s(bursts: int, late: float) -> float:
    """How much less the mean delay may be with so many more bursts, and so many runs expected to be late."""
    return (_LIMIT * sum(_PRICES[_LAST + 1 : _LAST + 1 + bursts]) + _LATE_PRICE * late) / _RUNS


def _later_s(bursts: int, late: float) -> float:
    """How much later the end is then: the last of those runs outlasts the last burst, at the highest rate there is."""
    ages = range(100, 400)
    rate = max(log(_alive(age) / _alive(age + 1.0)) for age in ages)
    left = late * exp(-rate * bursts * _PERIOD_S)
    return bursts * _PERIOD_S + sum(-((-left) ** many) / (many * factorial(many)) for many in range(1, 20)) / rate


def _alive(age: float) -> float:
    return erfc((log(age) - MEAN_LOG) / SIGMA / sqrt(2)) / 2 if age > 0.0 else 1.0


def _mean_wait_s(age: float) -> float:
    """The mean time from a run's end to a read at this age; none where it is unfinished."""
    if age <= 0.0:
        return 0.0
    deviation = (log(age) - MEAN_LOG - SIGMA**2) / SIGMA
    return age * (1 - _alive(age)) - exp(MEAN_LOG + SIGMA**2 / 2) * erfc(-deviation / sqrt(2)) / 2

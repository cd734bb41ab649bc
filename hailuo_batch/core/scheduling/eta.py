"""How much longer a campaign takes, by what its scheduler knows.

It lasts at least as long as the request window needs for the requests that are left: two for each create, one for each
open run. And it lasts until the last run has finished: the time by which all have finished with a chance of one half.
That follows from the learned hazard, from the age of each open run, and from when each of the others can begin, which
the rate of creates, a provider with few places and the limit on runs in flight decide. The later of the two counts.
Pure: times are seconds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, exp, expm1, inf, log

from hailuo_batch.core.scheduling.hazard import Hazard
from hailuo_batch.core.scheduling.queue_model import Hypothesis, ObservedRun, QueueModel

_LEARNED = 0.1  # more than this share of a model's runs must have finished before there is an estimate
_LEARNED_AT = 30  # this many are enough for any campaign
_BEYOND = 1.25  # times the longest duration seen: nothing is known about such ages
_OTHER_KIND = 0.1  # more than this share of a model's runs at such ages means another kind of run
_OTHER_KIND_MIN = 2  # a single one is only the slowest
_MAX_SAMPLED = 64  # of more open runs, only a sample of about this size is computed
_SINGLE_RUNS = 8  # the last runs to begin count one by one, those before them in ever larger batches
_PRECISION = 0.01
_PRECISION_S = 0.05
_LONGEST_S = 1e7
_MIN_AGE_S = 1.0  # how long an estimate is kept
_MAX_AGE_S = 15.0
_AGE_SHARE = 0.005  # in between, as a share of the estimate


@dataclass(frozen=True, slots=True)
class RemainingWork:
    """The work left for one model: `creates` to send, and `open_runs` to wait for, of which some are sampled."""

    queue_model: QueueModel
    creates: int
    open_runs: int
    sampled_runs: Sequence[ObservedRun]

    @property
    def is_learned(self) -> bool:
        """Whether enough runs have finished to predict the others."""
        known = self.queue_model.completions
        return known >= _LEARNED_AT or known > _LEARNED * (known + self.open_runs + self.creates)


def sample_runs(runs: Sequence[ObservedRun]) -> Sequence[ObservedRun]:
    """An evenly chosen sample of many runs, or all of a few."""
    return runs[:: ceil(len(runs) / _MAX_SAMPLED)] if len(runs) > _MAX_SAMPLED else runs


def time_left(works: Sequence[RemainingWork], now: float, per_second: float, max_in_flight: int | None) -> float | None:
    """The seconds that the campaign still takes: infinity while too little is known, None where nothing is left.

    `per_second` is the requests per second that the window allows, `max_in_flight` the limit on runs in flight.
    """
    works = [work for work in works if work.creates + work.open_runs > 0]
    creates = sum(work.creates for work in works)
    opened = sum(work.open_runs for work in works)
    if not works:
        return None
    if not all(work.is_learned for work in works):
        return inf
    parts = []
    for work in works:
        share = (work.creates + work.open_runs) / (creates + opened)
        places = None if max_in_flight is None else max_in_flight * share
        creates_per_second = per_second * work.creates / creates if creates else per_second
        parts.append(
            [
                (weight, _ModelEstimate(work, way, now, creates_per_second, places))
                for weight, way in work.queue_model.best_fits
            ]
        )
    requests_s = (2 * creates + opened) / per_second
    if any(_may_outlast(ways, requests_s) for ways in parts):
        return inf
    return max(requests_s, _median(parts))


class TimeLeft:
    """Keeps an estimate for a while and counts it down, so that asking for it often costs little."""

    def __init__(self) -> None:
        self._mark: object = None
        self._at = self._until = -inf
        self._left: float | None = None

    def get(self, now: float, mark: object, estimate: Callable[[], float | None]) -> float | None:
        """The seconds left, estimated again once the last estimate is old or `mark` has changed."""
        if now >= self._until or mark != self._mark:
            self._mark, self._at, self._left = mark, now, estimate()
            known_s = self._left if self._left is not None and self._left < inf else 0.0
            self._until = now + min(_MAX_AGE_S, max(_MIN_AGE_S, known_s * _AGE_SHARE))
        return None if self._left is None else max(0.0, self._left - (now - self._at))


class _ModelEstimate:
    """The estimate for one model's runs under one hypothesis."""

    def __init__(
        self, work: RemainingWork, way: Hypothesis, now: float, creates_per_second: float, max_in_flight: float | None
    ) -> None:
        self._total = way.hazard.total
        weight = work.open_runs / len(work.sampled_runs) if work.sampled_runs else 0.0
        self._running: list[
            tuple[float, float, float]
        ] = []  # age, the total of its hazard so far, how many runs it represents
        unknown = [0.0]  # ages of unfinished runs, beyond all that have finished
        for line in work.sampled_runs:
            begin = work.queue_model.started_at(way, line)
            if begin is not None:
                age = max(0.0, line.last_seen_at - begin)
                self._running.append((max(0.0, now - begin), way.hazard.total(age), weight))
                if age > _BEYOND * way.hazard.longest:
                    unknown.append(age)
        begun = len(self._running) * weight
        queued = max(0, round(work.open_runs - begun))
        bounds = [bound for bound in (way.places, max_in_flight) if bound is not None]
        everyone = work.queue_model.completions + work.open_runs + work.creates
        many = (len(unknown) - 1) * weight >= max(_OTHER_KIND_MIN, _OTHER_KIND * everyone)
        self.other_kind_age_s = max(unknown) if many else 0.0
        turns = _StartTimes(way.hazard, [age for age, _, _ in self._running], begun, min(bounds, default=None))
        self._waiting = [
            (max(turns.start_in_s(place), (place - queued) / creates_per_second), many)
            for place, many in _batches(queued + work.creates)
        ]

    def log_chance(self, after: float) -> float:
        """Log of the chance that all runs are finished `after` so many seconds."""
        total = self._total
        chance = 0.0
        for begin, number in self._waiting:
            if after <= begin:
                return -inf
            chance += number * _log_done(total(after - begin))
        for age, survived, many in self._running:
            chance += many * _log_done(total(age + after) - survived)
        return chance


class _StartTimes:
    """When the runs that wait for a place begin: as soon as enough of those before them have finished."""

    def __init__(self, hazard: Hazard, ages: Sequence[float], begun: float, places: float | None) -> None:
        self._places = places
        if places is None:
            return
        mean_left = sum(map(hazard.mean_left, ages)) / len(ages) if ages else 0.0
        self._free = places - begun
        self._mean = hazard.mean_left(0.0)
        self._before = begun * mean_left - (places - 1) * hazard.mean_left_midway()

    def start_in_s(self, place: float) -> float:
        """The seconds until the `place`-th waiting run, counted from 1, begins."""
        if self._places is None or place <= self._free:
            return 0.0
        return max(0.0, (self._before + (place - 1) * self._mean) / self._places)


def _batches(many: int) -> Iterator[tuple[float, int]]:
    """The places of a queue, the last first, in batches: the middle and the size of each."""
    behind = 0
    while behind < many:
        size = min(many - behind, 1 + behind // _SINGLE_RUNS)
        yield many - behind - (size - 1) / 2, size
        behind += size


def _log_done(gain: float) -> float:
    return log(-expm1(-gain)) if gain > 0.0 else -inf


def _median(parts: Sequence[Sequence[tuple[float, _ModelEstimate]]]) -> float:
    """The time by which all have finished with a chance of one half."""
    low, high = 0.0, 1.0
    while not _is_likely(parts, high) and high < _LONGEST_S:
        low, high = high, 2 * high
    while high - low > max(_PRECISION_S, _PRECISION * high):
        middle = (low + high) / 2
        low, high = (low, middle) if _is_likely(parts, middle) else (middle, high)
    return high


def _may_outlast(ways: Sequence[tuple[float, _ModelEstimate]], requests_s: float) -> bool:
    """Whether many of a model's runs are of an unknown kind and are likely to decide when the campaign ends.

    The best guess for something that has lasted for a time, and is otherwise unknown, is that it lasts as long again.
    """
    return sum(weight for weight, part in ways if part.other_kind_age_s > requests_s) >= 0.5


def _is_likely(parts: Sequence[Sequence[tuple[float, _ModelEstimate]]], after: float) -> bool:
    chance = 1.0
    for ways in parts:
        chance *= sum(weight * exp(part.log_chance(after)) for weight, part in ways)
    return chance >= 0.5

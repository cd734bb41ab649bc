"""How likely a run of some age is to finish, learned from runs that were seen finished, or unfinished, at some age.

Ages fall into bins whose widths grow with age, so that seconds and hours are resolved equally well. Of a completion
either the exact age is known or two ages between which it lies; in the latter case it is distributed over the bins in
proportion to the other evidence. A weak prior covers the start and ages without evidence: a rate that grows with age,
at a scale that is learned from the same evidence. Pure: times are seconds.
"""

from bisect import bisect_right
from itertools import accumulate, pairwise
from math import exp, fsum

_GROWTH = 1.06
_OLDEST_S = 20_000.0
_PRIOR_EVENTS = 0.03  # the weight of the prior in each bin, in completions
_PRIOR_POWER = 1.6  # the power of the age with which the prior's rate grows
_FIRST_EVENTS = 0.25  # the number of completions assumed for the scale while none is known
_FIRST_SHARE = 0.1  # and the share of runs assumed to finish each time their age grows by the factor e
_SAME_KIND = 2.0  # times the longest known duration: older runs are of another kind and say nothing of the scale
_KERNEL = (1, 2, 3, 4, 3, 2, 1)
_RELEARN_AT = 1.04  # the rates are computed again once the evidence has grown by this factor
_LEAST_NEWS = 1  # and by so much
_SPREADS = 2  # iterations of distributing the completions known by two ages
_SPREADS_AFRESH = 8  # the same after much new evidence
_DEAD = 1e-200  # a chance to be unfinished that is too small to divide by


def _make_edges() -> tuple[float, ...]:
    edges, edge = [0.0], 1.0
    while edge < _OLDEST_S:
        edges.append(edge)
        edge *= _GROWTH
    return (*edges, edge)


_EDGES = _make_edges()
_BINS = len(_EDGES) - 1
_WIDTHS = tuple(after - before for before, after in pairwise(_EDGES))
_MIDDLES = tuple((before + after) / 2 for before, after in pairwise(_EDGES))
_PRIOR_SHAPE = tuple(middle**_PRIOR_POWER for middle in _MIDDLES)
_LIVED_AT_FIRST = _FIRST_EVENTS / (_PRIOR_POWER + 1)  # the weighted exposure of one second
_TIMELESS = tuple(_FIRST_SHARE / middle for middle in _MIDDLES)


def _bin_of(age: float) -> int:
    return min(bisect_right(_EDGES, age), _BINS) - 1


class Hazard:
    """The rate of completion over age. `completions` counts those seen, the oldest at age `longest`."""

    __slots__ = (
        "_between",
        "_count",
        "_enough",
        "_events",
        "_lives",
        "_partial",
        "_rates",
        "_steps",
        "_sums",
        "completions",
        "longest",
    )

    def __init__(self) -> None:
        self.completions = 0
        self.longest = 0.0
        self._events = [0.0] * _BINS
        self._partial = [0.0] * _BINS  # exposure in bins that are exposed in part
        self._steps = [0] * (_BINS + 1)  # +1 where a stretch of fully exposed bins begins, -1 after its end
        self._between: dict[tuple[int, int], int] = {}
        self._count = 0
        self._enough = 0.0
        self._lives: tuple[float, ...] | None = None  # expected seconds of life beyond each edge, of a new run
        self._rates: tuple[float, ...] = ()
        self._sums: tuple[float, ...] = ()
        self._relearn()

    def copy(self) -> "Hazard":
        """An independent copy with the same evidence."""
        other = Hazard.__new__(Hazard)
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(other, name, value.copy() if isinstance(value, list | dict) else value)
        return other

    def on_unfinished(self, before: float, age: float) -> None:
        """Learn that a run unfinished at age `before` was still unfinished at `age`."""
        if age > before:
            self._add_exposure(before, age)
            self._count += 1

    def on_finished(self, before: float, age: float) -> None:
        """Learn that a run unfinished at age `before` was finished at `age`."""
        pair = _bin_of(before), _bin_of(max(before, age))
        self._between[pair] = self._between.get(pair, 0) + 1
        self._count_completion(age)

    def on_duration(self, before: float, duration: float) -> None:
        """Learn that a run unfinished at age `before` finished exactly at age `duration`."""
        self._add_exposure(before, duration)
        self._events[_bin_of(duration)] += 1.0
        self._count_completion(duration)

    def rate(self, age: float) -> float:
        """Completions per second at this age, of the runs that reach it."""
        self._relearn_if_due()
        return self._rates[_bin_of(age)]

    def total(self, age: float) -> float:
        """The rate integrated from age 0: a run reaches this age with probability exp(-total)."""
        self._relearn_if_due()
        number = _bin_of(age)
        return self._sums[number] + self._rates[number] * (age - _EDGES[number])

    def age_at(self, total: float) -> float:
        """The age at which `total` has this value."""
        self._relearn_if_due()
        number = max(0, min(bisect_right(self._sums, total), _BINS) - 1)
        return _EDGES[number] + (total - self._sums[number]) / self._rates[number]

    def mean_left(self, age: float) -> float:
        """The expected remaining seconds of a run that has reached this age."""
        self._relearn_if_due()
        number, alive = _bin_of(age), exp(-self.total(age))
        if number == _BINS - 1 or alive < _DEAD:
            return 1 / self._rates[number]
        here = (alive - exp(-self._sums[number + 1])) / self._rates[number]
        return (here + self._life_beyond_edges()[number + 1]) / alive

    def mean_left_midway(self) -> float:
        """The expected remaining seconds of a run met at a random moment of its life."""
        self._relearn_if_due()
        beyond = self._life_beyond_edges()
        return sum(width * (a + b) / 2 for width, (a, b) in zip(_WIDTHS, pairwise(beyond), strict=True)) / beyond[0]

    def _life_beyond_edges(self) -> tuple[float, ...]:
        """The expected seconds of a new run's life beyond each edge."""
        if self._lives is None:
            alive = [exp(-total) for total in self._sums]
            steps = [
                (before - after) / rate for (before, after), rate in zip(pairwise(alive), self._rates, strict=True)
            ]
            lives = accumulate(reversed(steps), initial=alive[-1] / self._rates[-1])
            self._lives = tuple(lives)[::-1]
        return self._lives

    def _count_completion(self, age: float) -> None:
        self.completions += 1
        self.longest = max(self.longest, age)
        self._count += 1
        if self.completions == 1:  # before the first one there was only the prior
            self._enough = 0.0

    def _add_exposure(self, before: float, age: float) -> None:
        first, last = _bin_of(before), _bin_of(age)
        if first == last:
            self._partial[first] += max(0.0, age - before)
            return
        self._partial[first] += _EDGES[first + 1] - before
        self._partial[last] += age - _EDGES[last]
        self._steps[first + 1] += 1
        self._steps[last] -= 1

    def _relearn_if_due(self) -> None:
        if self._count > self._enough:
            self._relearn()

    def _relearn(self) -> None:
        spreads = _SPREADS if self._count < 1.5 * self._enough else _SPREADS_AFRESH
        self._enough = self._count * _RELEARN_AT + _LEAST_NEWS
        lived = accumulate(self._steps)
        exposure = [part + width * many for part, width, many in zip(self._partial, _WIDTHS, lived, strict=False)]
        if not self._between:
            self._fit(self._events, exposure)
            return
        for _ in range(spreads):
            self._fit(*self._share_out(exposure))

    def _share_out(self, exposure: list[float]) -> tuple[list[float], list[float]]:
        """The evidence, with the completions known by two ages distributed over the bins between them."""
        events, exposure = self._events.copy(), exposure.copy()
        alive = [exp(-total) for total in self._sums]
        for (first, last), many in self._between.items():
            whole = alive[first] - alive[last + 1]
            left = float(many)
            for number in range(first, last + 1):
                share = many * (alive[number] - alive[number + 1]) / whole if whole > 1e-12 else left
                events[number] += share
                left -= share
                exposure[number] += _WIDTHS[number] * max(0.0, left + share / 2)
        return events, exposure

    def _fit(self, events: list[float], exposure: list[float]) -> None:
        smooth_events, smooth_exposure = _smooth(events), _smooth(exposure)
        self._rates = tuple(
            (many + _PRIOR_EVENTS) / (lived + _PRIOR_EVENTS / expected)
            for many, lived, expected in zip(smooth_events, smooth_exposure, self._prior(events, exposure), strict=True)
        )
        steps = (rate * width for rate, width in zip(self._rates, _WIDTHS, strict=True))
        self._sums = tuple(accumulate(steps, initial=0.0))
        self._lives = None

    def _prior(self, events: list[float], exposure: list[float]) -> list[float]:
        """The rate expected in each bin before its own evidence is considered."""
        known = sum(events)
        if known == 0.0:
            # A run left from another day may drive this scale to days. The timeless part has new runs polled all the
            # same, at ages that grow by a factor: by it, seconds and hours are equally likely.
            scale = _FIRST_EVENTS / (_LIVED_AT_FIRST + _weighted_exposure(exposure))
            return [scale * grown + timeless for grown, timeless in zip(_PRIOR_SHAPE, _TIMELESS, strict=True)]
        alike = _bin_of(_SAME_KIND * self.longest) + 1
        scale = (known + 1) / (_LIVED_AT_FIRST + _weighted_exposure(exposure[:alike]))
        return [scale * grown for grown in _PRIOR_SHAPE]


def _weighted_exposure(exposure: list[float]) -> float:
    """The exposure, each second weighted by the prior's chance of a completion in it."""
    return fsum(grown * lived for grown, lived in zip(_PRIOR_SHAPE, exposure, strict=False))


def _smooth(values: list[float]) -> list[float]:
    reach = len(_KERNEL) // 2
    padded = [0.0] * reach + values + [0.0] * reach
    scale = 1 / sum(_KERNEL)
    a, b, c, d = (weight * scale for weight in _KERNEL[: reach + 1])
    shifted = (padded[shift:] for shift in range(len(_KERNEL)))
    return [
        a * (far + far_ahead) + b * (mid + mid_ahead) + c * (near + near_ahead) + d * here
        for far, mid, near, here, near_ahead, mid_ahead, far_ahead in zip(*shifted, strict=False)
    ]

"""How likely a run of some age is to finish: learned from runs that were seen finished, and unfinished, at some age.

Ages fall into bins whose widths grow with age, so that seconds and hours are told apart equally well. What is known
of a completion may be its exact age or only two ages between which it lies; the latter is spread over the bins as the
rest of the evidence has it. A weak prior carries a cold start and the ages that nothing is known of: a rate that grows
with age, at a scale that is learned from the same evidence and is known in advance to nobody. Pure: times are seconds.
"""

from bisect import bisect_right
from itertools import accumulate, pairwise
from math import exp, fsum

_GROWTH = 1.06
_OLDEST_S = 20_000.0
_PRIOR_EVENTS = 0.03  # completions that the prior is worth, in each bin
_PRIOR_POWER = 1.6  # of the age, by which the prior's rate grows
_FIRST_EVENTS = 0.25  # the completions by which the scale is guessed while none is known
_FIRST_SHARE = 0.1  # and the share of the runs that finishes meanwhile in each growth of their age by e
_SAME_KIND = 2.0  # times the longest duration known: older runs are of another kind, and teach nothing of the scale
_KERNEL = (1, 2, 3, 4, 3, 2, 1)
_RELEARN_AT = 1.04  # the model is computed anew once the evidence has grown by this factor
_LEAST_NEWS = 1  # and by so much
_SPREADS = 2  # how often completions known by two ages are spread anew each time
_SPREADS_AFRESH = 8  # the same where much was heard since
_DEAD = 1e-200  # a chance to be alive that cannot be divided by


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
_LIVED_AT_FIRST = _FIRST_EVENTS / (_PRIOR_POWER + 1)  # seconds of age, grown alike: as if by one second
_TIMELESS = tuple(_FIRST_SHARE / middle for middle in _MIDDLES)


def _bin_of(age: float) -> int:
    return min(bisect_right(_EDGES, age), _BINS) - 1


class Hazard:
    """The hazard of completion over age. `completions` counts those that were seen, the oldest at age `longest`."""

    __slots__ = (
        "_between",
        "_count",
        "_enough",
        "_events",
        "_finish",
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
        self._partial = [0.0] * _BINS  # exposure in bins lived through in part
        self._steps = [0] * (_BINS + 1)  # +1 where a stretch of bins lived through begins, -1 behind its end
        self._between: dict[tuple[int, int], int] = {}
        self._count = 0
        self._enough = 0.0
        self._finish: tuple[float, float] | None = None
        self._lives: tuple[float, ...] | None = None  # beyond each edge, in seconds, of a run begun at age 0
        self._rates: tuple[float, ...] = ()
        self._sums: tuple[float, ...] = ()
        self._relearn()

    def copy(self) -> "Hazard":
        """Another that knows the same, and from here on learns for itself."""
        other = Hazard.__new__(Hazard)
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(other, name, value.copy() if isinstance(value, list | dict) else value)
        return other

    def on_unfinished(self, before: float, age: float) -> None:
        """A run that was unfinished at age `before` was so at `age` too."""
        if age > before:
            self._add_exposure(before, age)
            self._count += 1

    def on_finished(self, before: float, age: float) -> None:
        """A run that was unfinished at age `before` was seen finished at `age`."""
        pair = _bin_of(before), _bin_of(max(before, age))
        self._between[pair] = self._between.get(pair, 0) + 1
        self._count_completion(age)

    def on_duration(self, before: float, duration: float) -> None:
        """A run that was unfinished at age `before` finished exactly at age `duration`."""
        self._add_exposure(before, duration)
        self._events[_bin_of(duration)] += 1.0
        self._count_completion(duration)

    def rate(self, age: float) -> float:
        """Completions per second, at this age, of runs that reach it."""
        self._relearn_if_due()
        return self._rates[_bin_of(age)]

    def total(self, age: float) -> float:
        """The rate, summed from age 0: a run reaches the age with probability exp(-total)."""
        self._relearn_if_due()
        number = _bin_of(age)
        return self._sums[number] + self._rates[number] * (age - _EDGES[number])

    def age_at(self, total: float) -> float:
        """The age at which `total` is reached."""
        self._relearn_if_due()
        number = max(0, min(bisect_right(self._sums, total), _BINS) - 1)
        return _EDGES[number] + (total - self._sums[number]) / self._rates[number]

    def mean_left(self, age: float) -> float:
        """How many seconds more a run that has reached this age is expected to take."""
        self._relearn_if_due()
        number, alive = _bin_of(age), exp(-self.total(age))
        if number == _BINS - 1 or alive < _DEAD:
            return 1 / self._rates[number]
        here = (alive - exp(-self._sums[number + 1])) / self._rates[number]
        return (here + self._life_beyond_edges()[number + 1]) / alive

    def mean_left_midway(self) -> float:
        """The same for a run met at any moment of its life, each moment as likely as the other."""
        self._relearn_if_due()
        beyond = self._life_beyond_edges()
        return sum(width * (a + b) / 2 for width, (a, b) in zip(_WIDTHS, pairwise(beyond), strict=True)) / beyond[0]

    def time_to_finish(self, per_second: float) -> float:
        """After how many seconds all but one of the runs begun at this pace, until then, are expected to be done."""
        self._relearn_if_due()
        if self._finish is None or self._finish[0] != per_second:
            lives = zip(reversed(_EDGES), reversed(self._life_beyond_edges()), strict=True)
            self._finish = per_second, next((edge + lived for edge, lived in lives if per_second * lived >= 1.0), 0.0)
        return self._finish[1]

    def _life_beyond_edges(self) -> tuple[float, ...]:
        """How many seconds of its life, beyond each edge, a run that begins is expected to have."""
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
        if self.completions == 1:  # before it there was only the prior
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
        """The evidence, with completions known by two ages shared out among the bins between them."""
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
        self._finish = self._lives = None

    def _prior(self, events: list[float], exposure: list[float]) -> list[float]:
        """The rate that is expected in each bin before its own evidence is looked at."""
        known = sum(events)
        if known == 0.0:
            # A run that was left from another day may have driven this scale to days. Those that are begun beside it
            # are looked at all the same, at ages that grow by a share: seconds and hours are as likely.
            scale = _FIRST_EVENTS / (_LIVED_AT_FIRST + _weighted_exposure(exposure))
            return [scale * grown + timeless for grown, timeless in zip(_PRIOR_SHAPE, _TIMELESS, strict=True)]
        alike = _bin_of(_SAME_KIND * self.longest) + 1
        scale = (known + 1) / (_LIVED_AT_FIRST + _weighted_exposure(exposure[:alike]))
        return [scale * grown for grown in _PRIOR_SHAPE]


def _weighted_exposure(exposure: list[float]) -> float:
    """The exposure up to some age, each second of it the heavier the likelier the prior has an end in it."""
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

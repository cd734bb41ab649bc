"""What is known of one model's runs: how long they take, and how many of them the provider works on at once.

A provider with K places leaves a run waiting until its turn comes, so that its clock starts late. Each K that may be
true is a hypothesis with a hazard of its own, once there are more runs than that; answers make heavier those that
foretold them. Under "no limit" a run's clock starts as its create is answered; under K, the q-th run's as the
(q - K)-th completion happened. Pure: times are seconds of the engine's clock.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, log

from hailuo_batch.core.scheduling.hazard import Hazard

_PLACES = (4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128)
_TRUST_IN_NO_LIMIT = 4.0
_MEMORY = 0.95  # how much of what was foretold well or badly still counts after one more answer
_LONG_MEMORY = 0.99
_ENOUGH = 10  # completions after which a hypothesis can foretell well enough to be judged for the long run
_IMPOSSIBLE = -10.0  # how little a completion may fit
_SUREST = 0.98
_NEGLIGIBLE = 0.02
_STEEPEST = 700.0


@dataclass(slots=True)
class Line:
    """One open run as its model sees it: the `turn`-th that was accepted, at `since`, unfinished at `last`."""

    turn: int
    since: float
    last: float


@dataclass(frozen=True, slots=True)
class Worth:
    """What a poll is worth: the chance that the run is done, and the delay per request, in seconds, that it saves."""

    chance: float
    saving: float


class Hypothesis:
    """One way in which the provider may work: on `places` runs at once, None for no limit."""

    __slots__ = ("evidence", "fit", "hazard", "places", "trust")

    def __init__(self, places: int | None, hazard: Hazard) -> None:
        self.places = places
        self.hazard = hazard
        self.trust = _TRUST_IN_NO_LIMIT if places is None else 0.0
        self.evidence = 0.0
        self.fit = self.trust  # how well it explains when runs finished, and in which order


class Outlook:
    """The runs of one model."""

    def __init__(self) -> None:
        self._turns = 0
        self._done_at: list[float] = []
        self._all = [Hypothesis(None, Hazard())]
        self._likely: list[tuple[float, Hypothesis]] = []
        self._weigh()

    @property
    def completions(self) -> int:
        """How many are known, of this campaign and of earlier ones."""
        return self._all[0].hazard.completions

    def time_to_finish(self, pace: float) -> float:
        """How long, in seconds, the last runs take where runs begin at this pace, as is likeliest."""
        return max(self._likely, key=lambda item: item[0])[1].hazard.time_to_finish(pace)

    @property
    def fitting(self) -> Sequence[tuple[float, Hypothesis]]:
        """The ways in which the provider may work, weighed by all that is known of it; the weights add up to one.

        The weights that polls are chosen by are quicker to change, and too quick to foretell the rest of a campaign by.
        """
        return _weighed([(hypothesis.fit, hypothesis) for hypothesis in self._all])

    def know(self, duration: float) -> None:
        """An earlier campaign's run took so long."""
        for hypothesis in self._all:
            hypothesis.hazard.hear_duration(0.0, duration)

    def accept(self, since: float) -> Line:
        """A create was answered."""
        if self._turns in _PLACES:  # with fewer runs, so many places are as good as no limit
            self._all.append(Hypothesis(self._turns, self._all[0].hazard.copy()))
            self._weigh()
        self._turns += 1
        return Line(self._turns - 1, since, since)

    def worth(self, line: Line, now: float) -> Worth:
        """Of a poll of this run."""
        chance = saving = 0.0
        for weight, hypothesis in self._likely:
            begin = self.begin(hypothesis, line)
            if begin is None or now <= begin:
                continue
            hazard = hypothesis.hazard
            age = now - begin
            gain = min(_STEEPEST, hazard.total(age) - hazard.total(max(0.0, line.last - begin)))
            if gain > 0.0:
                chance -= weight * expm1(-gain)
                saving += weight * (expm1(gain) - gain) * (now - max(begin, line.last)) / gain
        return Worth(chance, saving)

    def begin(self, hypothesis: Hypothesis, line: Line) -> float | None:
        """When the run's clock started if that is true, None where it has not."""
        places = hypothesis.places
        if places is None or line.turn < places:
            return line.since
        index = line.turn - places
        return max(line.since, self._done_at[index]) if index < len(self._done_at) else None

    def hear_unfinished(self, line: Line, at: float) -> None:
        """The run was not done at `at`."""
        enough = self.completions >= _ENOUGH
        for hypothesis in self._all:
            begin = self.begin(hypothesis, line)
            before, age = (0.0, 0.0) if begin is None else (max(0.0, line.last - begin), max(0.0, at - begin))
            self._judge(hypothesis, before, age, done=False)
            if enough:
                hypothesis.fit -= max(0.0, hypothesis.hazard.total(age) - hypothesis.hazard.total(before))
            hypothesis.hazard.hear_unfinished(before, age)
        line.last = max(line.last, at)
        self._weigh()

    def hear_finished(self, line: Line, at: float, done_at: float | None) -> None:
        """The run was seen finished at `at`; the provider says that it was so at `done_at`, None where it does not."""
        if done_at is not None and not line.last - 1.0 <= done_at <= at + 1.0:
            done_at = None
        enough = self.completions >= _ENOUGH
        for hypothesis in self._all:
            begun_at = self.begin(hypothesis, line)
            begin = line.last if begun_at is None else begun_at
            before, age = max(0.0, line.last - begin), max(0.0, at - begin)
            ended = age if done_at is None else done_at - begin
            self._judge(hypothesis, before, age, done=True)
            if enough:
                fit = _IMPOSSIBLE if begun_at is None else _fit(hypothesis.hazard, before, ended)
                hypothesis.fit = hypothesis.fit * _LONG_MEMORY + fit
            if done_at is None:
                hypothesis.hazard.hear_finished(before, age)
            else:
                hypothesis.hazard.hear_duration(before, max(before, ended))
        insort(self._done_at, (line.last + at) / 2 if done_at is None else done_at)
        self._weigh()

    def _judge(self, hypothesis: Hypothesis, before: float, age: float, *, done: bool) -> None:
        hazard = hypothesis.hazard
        chance = -expm1(hazard.total(before) - hazard.total(age)) if age > before else 0.0
        chance = min(_SUREST, max(1 - _SUREST, chance))
        hypothesis.evidence = hypothesis.evidence * _MEMORY + log(chance if done else 1 - chance)

    def _weigh(self) -> None:
        self._likely = _weighed([(hypothesis.trust + hypothesis.evidence, hypothesis) for hypothesis in self._all])


def _fit(hazard: Hazard, before: float, age: float) -> float:
    """The logarithm of how likely it was for a run unfinished at age `before` to finish at `age`."""
    if age < before:
        return _IMPOSSIBLE
    return max(_IMPOSSIBLE, log(hazard.rate(age)) + hazard.total(before) - hazard.total(age))


def _weighed(judged: Sequence[tuple[float, Hypothesis]]) -> list[tuple[float, Hypothesis]]:
    best = max(judgement for judgement, _ in judged)
    weights = [(exp(judgement - best), hypothesis) for judgement, hypothesis in judged]
    likely = [(weight, hypothesis) for weight, hypothesis in weights if weight >= _NEGLIGIBLE]
    whole = sum(weight for weight, _ in likely)
    return [(weight / whole, hypothesis) for weight, hypothesis in likely]

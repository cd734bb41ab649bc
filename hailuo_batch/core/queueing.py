"""What is known of one model's runs: how long they take, and how many of them the provider works on at once.

A provider with K places leaves a run waiting until its turn comes, so that its clock starts late. Each K that may be
true is a hypothesis with a hazard of its own, once there are more runs than that; answers make heavier those that
foretold them. Under "no limit" a run's clock starts as its create is answered; under K, the q-th run's as the
(q - K)-th completion happened. Pure: times are seconds of the engine's clock.
"""

from bisect import insort
from dataclasses import dataclass
from math import exp, expm1, log

from hailuo_batch.core.hazard import Hazard

_PLACES = (4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128)
_TRUST_IN_NO_LIMIT = 4.0
_MEMORY = 0.95  # how much of what was foretold well or badly still counts after one more answer
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


class _Hypothesis:
    __slots__ = ("evidence", "hazard", "places", "trust")

    def __init__(self, places: int | None, hazard: Hazard) -> None:
        self.places = places
        self.hazard = hazard
        self.trust = _TRUST_IN_NO_LIMIT if places is None else 0.0
        self.evidence = 0.0


class Outlook:
    """The runs of one model."""

    def __init__(self) -> None:
        self._turns = 0
        self._done_at: list[float] = []
        self._all = [_Hypothesis(None, Hazard())]
        self._likely: list[tuple[float, _Hypothesis]] = []
        self._weigh()

    @property
    def completions(self) -> int:
        """How many are known, of this campaign and of earlier ones."""
        return self._all[0].hazard.completions

    def time_to_finish(self, pace: float) -> float:
        """How long, in seconds, the last runs take where runs begin at this pace, as is likeliest."""
        return max(self._likely, key=lambda item: item[0])[1].hazard.time_to_finish(pace)

    def know(self, duration: float) -> None:
        """An earlier campaign's run took so long."""
        for hypothesis in self._all:
            hypothesis.hazard.hear_duration(0.0, duration)

    def accept(self, since: float) -> Line:
        """A create was answered."""
        if self._turns in _PLACES:  # with fewer runs, so many places are as good as no limit
            self._all.append(_Hypothesis(self._turns, self._all[0].hazard.copy()))
            self._weigh()
        self._turns += 1
        return Line(self._turns - 1, since, since)

    def worth(self, line: Line, now: float) -> Worth:
        """Of a poll of this run."""
        chance = saving = 0.0
        for weight, hypothesis in self._likely:
            begin = self._begin(hypothesis, line)
            if begin is None or now <= begin:
                continue
            hazard = hypothesis.hazard
            age = now - begin
            gain = min(_STEEPEST, hazard.total(age) - hazard.total(max(0.0, line.last - begin)))
            if gain > 0.0:
                chance -= weight * expm1(-gain)
                saving += weight * (expm1(gain) - gain) * (now - max(begin, line.last)) / gain
        return Worth(chance, saving)

    def hear_unfinished(self, line: Line, at: float) -> None:
        """The run was not done at `at`."""
        for hypothesis in self._all:
            begin = self._begin(hypothesis, line)
            before, age = (0.0, 0.0) if begin is None else (max(0.0, line.last - begin), max(0.0, at - begin))
            self._judge(hypothesis, before, age, done=False)
            hypothesis.hazard.hear_unfinished(before, age)
        line.last = max(line.last, at)
        self._weigh()

    def hear_finished(self, line: Line, at: float, done_at: float | None) -> None:
        """The run was seen finished at `at`; the provider says that it was so at `done_at`, None where it does not."""
        if done_at is not None and not line.last - 1.0 <= done_at <= at + 1.0:
            done_at = None
        for hypothesis in self._all:
            begin = self._begin(hypothesis, line)
            if begin is None:
                begin = line.last
            before, age = max(0.0, line.last - begin), max(0.0, at - begin)
            self._judge(hypothesis, before, age, done=True)
            if done_at is None:
                hypothesis.hazard.hear_finished(before, age)
            else:
                hypothesis.hazard.hear_duration(before, max(before, done_at - begin))
        insort(self._done_at, (line.last + at) / 2 if done_at is None else done_at)
        self._weigh()

    def _begin(self, hypothesis: _Hypothesis, line: Line) -> float | None:
        """When the run's clock started, None where it has not."""
        places = hypothesis.places
        if places is None or line.turn < places:
            return line.since
        index = line.turn - places
        return max(line.since, self._done_at[index]) if index < len(self._done_at) else None

    def _judge(self, hypothesis: _Hypothesis, before: float, age: float, *, done: bool) -> None:
        hazard = hypothesis.hazard
        chance = -expm1(hazard.total(before) - hazard.total(age)) if age > before else 0.0
        chance = min(_SUREST, max(1 - _SUREST, chance))
        hypothesis.evidence = hypothesis.evidence * _MEMORY + log(chance if done else 1 - chance)

    def _weigh(self) -> None:
        best = max(hypothesis.trust + hypothesis.evidence for hypothesis in self._all)
        weights = [(exp(hypothesis.trust + hypothesis.evidence - best), hypothesis) for hypothesis in self._all]
        likely = [(weight, hypothesis) for weight, hypothesis in weights if weight >= _NEGLIGIBLE]
        whole = sum(weight for weight, _ in likely)
        self._likely = [(weight / whole, hypothesis) for weight, hypothesis in likely]

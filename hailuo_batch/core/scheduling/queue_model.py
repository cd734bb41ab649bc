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
_PRIOR_OF_NO_LIMIT = 4.0
_MEMORY = 0.95  # how much of what was foretold well or badly still counts after one more answer
_LONG_MEMORY = 0.99
_ENOUGH = 10  # completions after which a hypothesis can foretell well enough to be judged for the long run
_IMPOSSIBLE = -10.0  # how little a completion may fit
_MAX_CHANCE = 0.98
_MIN_WEIGHT = 0.02
_STEEPEST = 700.0


@dataclass(slots=True)
class ObservedRun:
    """One open run as its model sees it: the `turn`-th that was accepted, at `since`, unfinished at `last`."""

    position: int
    accepted_at: float
    last_seen_at: float


@dataclass(frozen=True, slots=True)
class PollValue:
    """What a poll is worth: the chance that the run is done, and the delay per request, in seconds, that it saves."""

    chance: float
    saving_s: float


class Hypothesis:
    """One way in which the provider may work: on `places` runs at once, None for no limit."""

    __slots__ = ("evidence", "fit", "hazard", "places", "trust")

    def __init__(self, places: int | None, hazard: Hazard) -> None:
        self.places = places
        self.hazard = hazard
        self.trust = _PRIOR_OF_NO_LIMIT if places is None else 0.0
        self.evidence = 0.0
        self.fit = self.trust  # how well it explains when runs finished, and in which order


class QueueModel:
    """The runs of one model."""

    def __init__(self) -> None:
        self._accepted = 0
        self._done_at: list[float] = []
        self._hypotheses = [Hypothesis(None, Hazard())]
        self._likely: list[tuple[float, Hypothesis]] = []
        self._update_weights()

    @property
    def completions(self) -> int:
        """How many are known, of this campaign and of earlier ones."""
        return self._hypotheses[0].hazard.completions

    def time_to_finish(self, per_second: float) -> float:
        """How long, in seconds, the last runs take where runs begin at this pace, as is likeliest."""
        return max(self._likely, key=lambda item: item[0])[1].hazard.time_to_finish(per_second)

    @property
    def best_fits(self) -> Sequence[tuple[float, Hypothesis]]:
        """The ways in which the provider may work, weighed by all that is known of it; the weights add up to one.

        The weights that polls are chosen by are quicker to change, and too quick to foretell the rest of a campaign by.
        """
        return _normalized([(hypothesis.fit, hypothesis) for hypothesis in self._hypotheses])

    def add_duration(self, duration: float) -> None:
        """An earlier campaign's run took so long."""
        for hypothesis in self._hypotheses:
            hypothesis.hazard.on_duration(0.0, duration)

    def add_run(self, accepted_at: float) -> ObservedRun:
        """A create was answered."""
        if self._accepted in _PLACES:  # with fewer runs, so many places are as good as no limit
            self._hypotheses.append(Hypothesis(self._accepted, self._hypotheses[0].hazard.copy()))
            self._update_weights()
        self._accepted += 1
        return ObservedRun(self._accepted - 1, accepted_at, accepted_at)

    def poll_value(self, run: ObservedRun, now: float) -> PollValue:
        """Of a poll of this run."""
        chance = saving = 0.0
        for weight, hypothesis in self._likely:
            begin = self.started_at(hypothesis, run)
            if begin is None or now <= begin:
                continue
            hazard = hypothesis.hazard
            age = now - begin
            gain = min(_STEEPEST, hazard.total(age) - hazard.total(max(0.0, run.last_seen_at - begin)))
            if gain > 0.0:
                chance -= weight * expm1(-gain)
                saving += weight * (expm1(gain) - gain) * (now - max(begin, run.last_seen_at)) / gain
        return PollValue(chance, saving)

    def started_at(self, hypothesis: Hypothesis, run: ObservedRun) -> float | None:
        """When the run's clock started if that is true, None where it has not."""
        places = hypothesis.places
        if places is None or run.position < places:
            return run.accepted_at
        index = run.position - places
        return max(run.accepted_at, self._done_at[index]) if index < len(self._done_at) else None

    def on_unfinished(self, run: ObservedRun, at: float) -> None:
        """The run was not done at `at`."""
        enough = self.completions >= _ENOUGH
        for hypothesis in self._hypotheses:
            begin = self.started_at(hypothesis, run)
            before, age = (0.0, 0.0) if begin is None else (max(0.0, run.last_seen_at - begin), max(0.0, at - begin))
            self._update_evidence(hypothesis, before, age, done=False)
            if enough:
                hypothesis.fit -= max(0.0, hypothesis.hazard.total(age) - hypothesis.hazard.total(before))
            hypothesis.hazard.on_unfinished(before, age)
        run.last_seen_at = max(run.last_seen_at, at)
        self._update_weights()

    def on_finished(self, run: ObservedRun, at: float, done_at: float | None) -> None:
        """The run was seen finished at `at`; the provider says that it was so at `done_at`, None where it does not."""
        if done_at is not None and not run.last_seen_at - 1.0 <= done_at <= at + 1.0:
            done_at = None
        enough = self.completions >= _ENOUGH
        for hypothesis in self._hypotheses:
            begun_at = self.started_at(hypothesis, run)
            begin = run.last_seen_at if begun_at is None else begun_at
            before, age = max(0.0, run.last_seen_at - begin), max(0.0, at - begin)
            ended = age if done_at is None else done_at - begin
            self._update_evidence(hypothesis, before, age, done=True)
            if enough:
                fit = _IMPOSSIBLE if begun_at is None else _log_likelihood(hypothesis.hazard, before, ended)
                hypothesis.fit = hypothesis.fit * _LONG_MEMORY + fit
            if done_at is None:
                hypothesis.hazard.on_finished(before, age)
            else:
                hypothesis.hazard.on_duration(before, max(before, ended))
        insort(self._done_at, (run.last_seen_at + at) / 2 if done_at is None else done_at)
        self._update_weights()

    def _update_evidence(self, hypothesis: Hypothesis, before: float, age: float, *, done: bool) -> None:
        hazard = hypothesis.hazard
        chance = -expm1(hazard.total(before) - hazard.total(age)) if age > before else 0.0
        chance = min(_MAX_CHANCE, max(1 - _MAX_CHANCE, chance))
        hypothesis.evidence = hypothesis.evidence * _MEMORY + log(chance if done else 1 - chance)

    def _update_weights(self) -> None:
        self._likely = _normalized(
            [(hypothesis.trust + hypothesis.evidence, hypothesis) for hypothesis in self._hypotheses]
        )


def _log_likelihood(hazard: Hazard, before: float, age: float) -> float:
    """The logarithm of how likely it was for a run unfinished at age `before` to finish at `age`."""
    if age < before:
        return _IMPOSSIBLE
    return max(_IMPOSSIBLE, log(hazard.rate(age)) + hazard.total(before) - hazard.total(age))


def _normalized(judged: Sequence[tuple[float, Hypothesis]]) -> list[tuple[float, Hypothesis]]:
    best = max(judgement for judgement, _ in judged)
    weights = [(exp(judgement - best), hypothesis) for judgement, hypothesis in judged]
    likely = [(weight, hypothesis) for weight, hypothesis in weights if weight >= _MIN_WEIGHT]
    whole = sum(weight for weight, _ in likely)
    return [(weight / whole, hypothesis) for weight, hypothesis in likely]

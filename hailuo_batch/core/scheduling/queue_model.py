"""What is known about one model's runs: how long they take, and how many of them the provider works on at once.

A provider with K places leaves a run waiting until its turn comes, so that the run's clock starts late. Each possible K
is a hypothesis with a hazard of its own, once there are more runs than that; answers raise the weight of the hypotheses
that predicted them. Under "no limit" a run's clock starts when its create is answered; under K, that of the q-th run
starts with the (q - K)-th completion. Pure: times are seconds of the engine's clock.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, log

from hailuo_batch.core.scheduling.hazard import Hazard

_PLACES = (4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128)
_PRIOR_OF_NO_LIMIT = 4.0
_MEMORY = 0.95  # how much of the evidence so far still counts after one more answer
_LONG_MEMORY = 0.99
_ENOUGH = 10  # completions after which a hypothesis predicts well enough to be judged for the long run
_IMPOSSIBLE = -10.0  # the lowest log-likelihood of one completion
_MAX_CHANCE = 0.98
_MIN_WEIGHT = 0.02
_STEEPEST = 700.0


@dataclass(slots=True)
class ObservedRun:
    """One open run: the `position`-th create that was accepted, at `accepted_at`, still unfinished at
    `last_seen_at`."""

    position: int
    accepted_at: float
    last_seen_at: float


@dataclass(frozen=True, slots=True)
class PollValue:
    """The value of a poll: the chance that it finds the run finished, and the delay in seconds that it saves."""

    chance: float
    saving_s: float


class Hypothesis:
    """The assumption that the provider works on `places` runs at once, None for no limit."""

    __slots__ = ("evidence", "fit", "hazard", "places", "prior")

    def __init__(self, places: int | None, hazard: Hazard) -> None:
        self.places = places
        self.hazard = hazard
        self.prior = _PRIOR_OF_NO_LIMIT if places is None else 0.0
        self.evidence = 0.0
        self.fit = self.prior  # how well it explains when runs finished, and in which order, over the long run


class QueueModel:
    """The runs of one model, and the weighted hypotheses about its provider."""

    def __init__(self) -> None:
        self._accepted = 0
        self._done_at: list[float] = []
        self._hypotheses = [Hypothesis(None, Hazard())]
        self._likely: list[tuple[float, Hypothesis]] = []
        self._update_weights()

    @property
    def completions(self) -> int:
        """The number of completed runs known, of this campaign and of earlier ones."""
        return self._hypotheses[0].hazard.completions

    def age_outlived_by(self, share: float) -> float:
        """The age that only this share of runs outlives, by the likeliest hypothesis."""
        return max(self._likely, key=lambda item: item[0])[1].hazard.age_at(-log(share))

    @property
    def best_fits(self) -> Sequence[tuple[float, Hypothesis]]:
        """The likely hypotheses with their weights over the long run, which add up to one.

        The weights by which polls are chosen change faster, too fast to predict the rest of a campaign.
        """
        return _normalized([(hypothesis.fit, hypothesis) for hypothesis in self._hypotheses])

    def add_duration(self, duration: float) -> None:
        """Learn from a run of an earlier campaign."""
        for hypothesis in self._hypotheses:
            hypothesis.hazard.on_duration(0.0, duration)

    def add_run(self, accepted_at: float) -> ObservedRun:
        """Add a run whose create was answered at `accepted_at`."""
        if self._accepted in _PLACES:  # with fewer runs, this many places are as good as no limit
            self._hypotheses.append(Hypothesis(self._accepted, self._hypotheses[0].hazard.copy()))
            self._update_weights()
        self._accepted += 1
        return ObservedRun(self._accepted - 1, accepted_at, accepted_at)

    def poll_value(self, run: ObservedRun, now: float) -> PollValue:
        """Value of polling this run now."""
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
        """When the run's clock started if the hypothesis is true, None where it has not started."""
        places = hypothesis.places
        if places is None or run.position < places:
            return run.accepted_at
        index = run.position - places
        return max(run.accepted_at, self._done_at[index]) if index < len(self._done_at) else None

    def on_unfinished(self, run: ObservedRun, at: float) -> None:
        """Learn that the run was not finished at `at`."""
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
        """Learn that the run was finished at `at`, by the provider's word since `done_at`, None where it does not
        say."""
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
            [(hypothesis.prior + hypothesis.evidence, hypothesis) for hypothesis in self._hypotheses]
        )


class QueueModels:
    """The queue models of a campaign, by the models of its runs. All API keys learn from one another."""

    def __init__(self, known_durations: Mapping[str, Sequence[float]] | None = None) -> None:
        self._models: dict[str, QueueModel] = {}
        for model, durations in (known_durations or {}).items():
            for duration in durations:
                self.of(model).add_duration(duration)

    def of(self, model: str) -> QueueModel:
        """What is known about the runs of this model."""
        known = self._models.get(model)
        if known is None:
            known = self._models[model] = QueueModel()
        return known

    @property
    def completions(self) -> int:
        """The number of completed runs known, of all models."""
        return sum(model.completions for model in self._models.values())

    def age_outlived_by(self, share: float) -> float:
        """The age that only this share of the slowest model's runs outlives."""
        return max(model.age_outlived_by(share) for model in self._models.values())


def _log_likelihood(hazard: Hazard, before: float, age: float) -> float:
    """The log-likelihood that a run unfinished at age `before` finishes at `age`."""
    if age < before:
        return _IMPOSSIBLE
    return max(_IMPOSSIBLE, log(hazard.rate(age)) + hazard.total(before) - hazard.total(age))


def _normalized(judged: Sequence[tuple[float, Hypothesis]]) -> list[tuple[float, Hypothesis]]:
    best = max(judgement for judgement, _ in judged)
    weights = [(exp(judgement - best), hypothesis) for judgement, hypothesis in judged]
    likely = [(weight, hypothesis) for weight, hypothesis in weights if weight >= _MIN_WEIGHT]
    whole = sum(weight for weight, _ in likely)
    return [(weight / whole, hypothesis) for weight, hypothesis in likely]

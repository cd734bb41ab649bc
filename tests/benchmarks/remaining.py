"""How far off the estimate of the time left is, at a tenth, a quarter, a half, three quarters and nine tenths.

`python -m tests.benchmarks.remaining` prints the table. A campaign is measured by its time and by its finished takes.
Each figure is a median over the seeds: of the error as a share of the whole campaign's time, which says how well its
end was foretold, and as a share of the time that was truly left. The second cannot be small where few runs remain: how
long the last of them takes is as random as a run is. The warm start, which knows the durations of 300 earlier runs,
shows how much of it is chance. `typical` is what a person sees who looks at any moment after the first tenth of the
takes: the median over the seeds of each one's median over that time. Where most seeds are still learning, or learning
again, nothing is measured.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf
from operator import attrgetter
from statistics import median

from hailuo_batch.core.model.states import TakeState
from hailuo_batch.ui.countdown import Countdown
from tests.benchmarks.engine_client import EngineClient
from tests.benchmarks.provider import Answer, Request
from tests.benchmarks.rows import engine
from tests.benchmarks.scenarios import Scenario, two_humped
from tests.benchmarks.simulate import simulate

MARKS = (0.1, 0.25, 0.5, 0.75, 0.9)
FIRST = 0.1
RUNS = (5, 20, 100, 300, 1000)
_of_whole, _of_left = attrgetter("of_whole"), attrgetter("of_left")
_FINISHED = (TakeState.DOWNLOADING, TakeState.DONE)


@dataclass(frozen=True, slots=True)
class EtaSample:
    """What was shown at a moment: the share of the takes that was finished, and the seconds left."""

    at: float
    finished: float
    left_s: float | None


@dataclass(frozen=True, slots=True)
class Errors:
    """By how much the end was foretold wrong, as a share of the whole time, and of the time left."""

    of_whole: float
    of_left: float


class Watched:
    """The engine's client, with a look at every turn at what a person is shown of its estimate."""

    def __init__(self, client: EngineClient, runs: int) -> None:
        self._client = client
        self._runs = runs
        self._countdown = Countdown()
        self.looks: list[EtaSample] = []

    def start(self, now: float) -> Iterator[Request]:
        """As the client's, and a look."""
        yield from self._client.start(now)
        progress = self._client.engine.progress(now)
        finished = sum(progress.states.get(state, 0) for state in _FINISHED) / self._runs
        self.looks.append(EtaSample(now, finished, self._countdown.show(progress.time_left_s, now)))

    def wake_at(self, now: float) -> float:
        """As the client's."""
        return self._client.wake_at(now)

    def on_answer(self, request: Request, answer: Answer, now: float) -> None:
        """As the client's."""
        self._client.on_answer(request, answer, now)


def watch(scenario: Scenario, seed: int) -> tuple[float, list[EtaSample]]:
    """How long the campaign took, in seconds, and what was shown on the way."""
    watched = Watched(engine(scenario, seed), scenario.runs)
    outcome = simulate(watched, scenario.provider(seed), scenario.runs)
    return outcome.campaign_s, watched.looks


def errors(campaigns: Iterable[tuple[float, Sequence[EtaSample]]], mark: float, *, by_takes: bool) -> Errors | None:
    """The median at that share of the campaign's takes, or of its time; None where most are learning."""
    found = []
    for end, samples in campaigns:
        at_mark = (look for look in samples if (look.finished if by_takes else look.at / end) >= mark)
        sample = next(at_mark, None)
        if sample is not None and sample.at < end:
            found.append(_error(sample, end))
    return _median(found)


def typical(campaigns: Iterable[tuple[float, Sequence[EtaSample]]]) -> Errors | None:
    """The median over the campaigns of each one's median over the time after the first tenth of its takes."""
    return _median([_over_time(end, samples) for end, samples in campaigns])


def _over_time(end: float, samples: Sequence[EtaSample]) -> Errors | None:
    estimated: list[tuple[float, Errors]] = []  # for how many seconds, and what was wrong then
    silent_s = 0.0
    for sample, following in pairwise(samples):
        if sample.finished > FIRST and sample.at < end:
            error = _error(sample, end)
            if error is None:
                silent_s += following.at - sample.at
            else:
                estimated.append((following.at - sample.at, error))
    estimated_s = sum(span_s for span_s, _ in estimated)
    if estimated_s <= silent_s:
        return None
    wholes, lefts = ([(of(error), span_s) for span_s, error in estimated] for of in (_of_whole, _of_left))
    return Errors(_middle(wholes, estimated_s / 2), _middle(lefts, estimated_s / 2))


def _middle(weighed: list[tuple[float, float]], half: float) -> float:
    sums = accumulate(weight for _, weight in sorted(weighed))
    return next(value for (value, _), reached in zip(sorted(weighed), sums, strict=True) if reached >= half)


def _error(sample: EtaSample, end: float) -> Errors | None:
    """How wrong this look is; None where it says nothing."""
    if sample.left_s is None or sample.left_s == inf:
        return None
    error_s = abs(sample.at + sample.left_s - end)
    return Errors(error_s / end, error_s / (end - sample.at))


def _median(found: Sequence[Errors | None]) -> Errors | None:
    known = [error for error in found if error is not None]
    if 2 * len(known) <= len(found):
        return None
    return Errors(median(map(_of_whole, known)), median(map(_of_left, known)))


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """The campaigns that are looked at."""
    for runs in RUNS:
        yield "log-normal", Scenario(runs)
    for runs in RUNS:
        yield "two-humped", Scenario(runs, two_humped)
    for runs in RUNS[2:]:
        yield "20 at once", Scenario(runs, places=20)
    for runs in RUNS:
        yield "log-normal, warm start", Scenario(runs, known=300)


def _cell(found: Errors | None) -> str:
    if found is None:
        return "learning"
    return f"{100 * found.of_whole:.0f} / {100 * found.of_left:.0f} %"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.remaining")
    parser.add_argument("--seeds", type=int, default=16, help="how many campaigns each figure is a median of")
    options = parser.parse_args()
    print(f"| campaign | runs | typical | share of its | {' | '.join(f'at {mark:.0%}' for mark in MARKS)} |")
    print(f"| --- | ---: | ---: | --- | {' | '.join('---:' for _ in MARKS)} |")
    for name, scenario in scenarios():
        campaigns = [watch(scenario, seed) for seed in range(options.seeds)]
        often = _cell(typical(campaigns))
        for measure in ("time", "takes"):
            cells = [_cell(errors(campaigns, mark, by_takes=measure == "takes")) for mark in MARKS]
            print(f"| {name} | {scenario.runs:,} | {often} | {measure} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

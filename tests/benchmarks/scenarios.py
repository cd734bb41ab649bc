"""The campaigns that the benchmark runs: how long runs take, what the provider can do at once, what the key allows."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from random import Random

from tests.benchmarks.provider import Counts, FixedWindow, Limiter, Provider, SlidingWindow

LEAST_S = 20.0
MEAN_LOG, SIGMA = 4.4998, 0.35


def log_normal(rng: Random) -> float:
    """90 s in the median, sigma 0.35, at least 20 s."""
    return max(LEAST_S, rng.lognormvariate(MEAN_LOG, SIGMA))


def two_humped(rng: Random) -> float:
    """Three in five take about a minute, the others about four."""
    return rng.lognormvariate(4.0943, 0.2) if rng.random() < 0.6 else rng.lognormvariate(5.4806, 0.2)


def alike(seconds: float) -> Callable[[Random], float]:
    """All take the same time."""
    return lambda _: seconds


def about(seconds: float) -> Callable[[Random], float]:
    """So long in the median, sigma 0.35, with no least."""
    return lambda rng: rng.lognormvariate(log(seconds), 0.35)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of campaign. `known` durations are told to clients that can learn: a warm start."""

    runs: int
    duration: Callable[[Random], float] = log_normal
    places: int | None = None
    limit: int = 20
    window_s: float = 10.0
    fixed_window: bool = False
    known: int = 0
    reports_times: bool = True
    counts: Counts = Counts.CARRIED_OUT

    def durations(self, seed: int) -> list[float]:
        """How long each run takes, in the order of the campaign."""
        rng = Random(seed)
        return [self.duration(rng) for _ in range(self.runs)]

    def known_durations(self, seed: int) -> list[float]:
        """What earlier campaigns have taught."""
        rng = Random(f"known {seed}")
        return [self.duration(rng) for _ in range(self.known)]

    def provider(self, seed: int) -> Provider:
        """The other side, as this seed has it."""
        return Provider(self.durations(seed), self._limiter(seed), places=self.places)

    def _limiter(self, seed: int) -> Limiter:
        if self.fixed_window:
            phase = Random(f"phase {seed}").uniform(0.0, self.window_s)
            return FixedWindow(self.limit, self.window_s, phase)
        return SlidingWindow(self.limit, self.window_s, self.counts)

"""The rows of the benchmark: which client runs which campaign, and what is asked of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.values import DEFAULT_MODEL
from tests.benchmarks.bounds import blind_reference_s, lower_bound_s
from tests.benchmarks.clients import Limiter, Oracle, Poller
from tests.benchmarks.engine_client import EngineClient
from tests.benchmarks.provider import Counts
from tests.benchmarks.scenarios import Scenario, about, alike, two_humped
from tests.benchmarks.simulate import Client, simulate

MakeClient = Callable[[Scenario, int], Client]
ENGINE = "hailuo-batch"
_KNOWN = 300  # durations that a warm start has


@dataclass(frozen=True, slots=True)
class Goal:
    """The most that a row may show."""

    over_reference: float
    requests_per_run: float = float("inf")
    delay_s: float = float("inf")
    refused: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One client on one kind of campaign."""

    client: str
    campaign: str
    scenario: Scenario
    make: MakeClient
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the seeds. Times in seconds; `cpu_s` is the whole simulation's, the client's decisions included."""

    client: str
    campaign: str
    runs: int
    over_lower_bound: float
    over_reference: float
    requests_per_run: float
    refused: float
    delay_s: float
    cpu_s: float
    met: bool | None


def engine(scenario: Scenario, seed: int) -> EngineClient:
    """The product's engine."""
    known = {DEFAULT_MODEL: scenario.known_durations(seed)}
    settings = Settings(rate_limit=scenario.limit, rate_window_s=scenario.window_s, known_durations=known)
    return EngineClient(settings, scenario.runs, reports_times=scenario.reports_times)


def _limiter(scenario: Scenario, seed: int) -> Client:
    return Limiter(scenario.runs, scenario.limit, scenario.window_s)


def _oracle(scenario: Scenario, seed: int) -> Client:
    return Oracle(scenario.durations(seed), scenario.limit, scenario.window_s, scenario.places)


def _poller(pause_s: float, at_once: int | None = None, creates_at_once: int | None = None) -> MakeClient:
    def make(scenario: Scenario, seed: int) -> Client:
        return Poller(scenario.runs, pause_s, seed, at_once=at_once, creates_at_once=creates_at_once)

    return make


def client_rows() -> Iterator[Row]:
    """A thousand runs, by every client."""
    scenario, campaign = Scenario(1000), "log-normal"
    all_count = Scenario(1000, counts=Counts.ALL)
    yield Row("every 2 s, all begun together", campaign, scenario, _poller(2.0))
    yield Row("every 2 s, created one by one", campaign, scenario, _poller(2.0, creates_at_once=1))
    yield Row("every 2 s, all begun together", "429s count", all_count, _poller(2.0))
    yield Row("every 2 s, created one by one", "429s count", all_count, _poller(2.0, creates_at_once=1))
    for pause_s in (2.0, 0.1, 0.5, 6.0):
        yield Row(f"every {pause_s:g} s, at most 10 at once", campaign, scenario, _poller(pause_s, 10))
    yield Row("every 2 s, at most 10 at once", "429s count", all_count, _poller(2.0, 10))
    yield Row("limiter, creates first, then oldest poll first", campaign, scenario, _limiter)
    yield Row(ENGINE, campaign, scenario, engine)
    yield Row("oracle", campaign, scenario, _oracle)


GOALS = {
    5: Goal(1.03, 30, 2.7),
    20: Goal(1.025, 15, 5),
    100: Goal(1.02, 4.5, 18),
    300: Goal(1.05, 2.2, 70),
    1000: Goal(1.05, 2.06, 125),
    5000: Goal(1.03, 2.03, 220),
}


SHORT = {"4.5 s": (4.5, 2.7, 6), "30 s": (30.0, 2.7, 18), "20 min": (1200.0, 0.03 * 1200.0, 130)}
"""How long runs take, in seconds; the mean delay, and the requests for each run, that may be had of five of them.

Nothing else wants the window, so that a read costs nobody anything; yet the key may be used elsewhere, and the vendor
asks for a read every 1 to 2 s at most: what is done here is a small part of that, and of the window.
"""


def short_rows() -> Iterator[Row]:
    """Few runs that nothing is known of: seconds and minutes are to be told apart from the first look on."""
    for name, (seconds, delay_s, requests) in SHORT.items():
        goal = Goal(float("inf"), requests, delay_s)
        yield Row(ENGINE, f"{name}, all alike", Scenario(5, alike(seconds)), engine, goal)
        yield Row(ENGINE, f"about {name}", Scenario(5, about(seconds)), engine, goal)


def engine_rows() -> Iterator[Row]:
    """The engine on all that is asked of it."""
    for runs, goal in GOALS.items():
        yield Row(ENGINE, "log-normal", Scenario(runs), engine, goal)
    yield from short_rows()
    yield Row(ENGINE, "two-humped", Scenario(1000, two_humped), engine, Goal(1.04))
    yield Row(ENGINE, "20 at once", Scenario(1000, places=20), engine, Goal(1.02, delay_s=20))
    yield Row(ENGINE, "200 requests in 10 s", Scenario(1000, limit=200), engine, Goal(1.03))
    for runs, goal in GOALS.items():
        yield Row(ENGINE, "fixed windows", Scenario(runs, fixed_window=True), engine, goal)
    for runs in GOALS:
        yield Row(ENGINE, "warm start", Scenario(runs, known=_KNOWN), engine)
    for runs in (20, 100, 1000):
        yield Row(ENGINE, "the API tells no times", Scenario(runs, reports_times=False), engine)
    for runs in GOALS:
        yield Row("oracle", "log-normal", Scenario(runs), _oracle)
    yield Row("oracle", "two-humped", Scenario(1000, two_humped), _oracle)
    yield Row("oracle", "20 at once", Scenario(1000, places=20), _oracle)


def measure(row: Row, seeds: Sequence[int]) -> Figures:
    """Run the row's campaign once for each seed."""
    over_low, over_reference, outcomes = [], [], []
    scenario = row.scenario
    for seed in seeds:
        facts = scenario.durations(seed), scenario.places, scenario.limit, scenario.window_s
        low_s = lower_bound_s(*facts)
        outcome = simulate(row.make(scenario, seed), scenario.provider(seed), scenario.runs)
        over_low.append(outcome.campaign_s / low_s)
        over_reference.append(outcome.campaign_s / max(low_s, blind_reference_s(*facts)))
        outcomes.append(outcome)
    means = {name: fmean(asdict(outcome)[name] for outcome in outcomes) for name in asdict(outcomes[0])}
    del means["campaign_s"]
    figures = Figures(
        client=row.client,
        campaign=row.campaign,
        runs=scenario.runs,
        over_lower_bound=fmean(over_low),
        over_reference=fmean(over_reference),
        met=None,
        **means,
    )
    return figures if row.goal is None else _judged(figures, row.goal)


def _judged(figures: Figures, goal: Goal) -> Figures:
    met = all(getattr(figures, name) <= most for name, most in asdict(goal).items())
    return Figures(**{**asdict(figures), "met": met})

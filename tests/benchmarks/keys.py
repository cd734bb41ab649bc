"""What several API keys are worth: 1, 4 and 16 of them, each with as many runs as the single one has.

`python -m tests.benchmarks.keys` first runs the engine in virtual time. Each key has its window of 20 requests in 10 s
and knows its own runs only; the provider works on all runs at once. The more runs there are, the longer the longest of
them takes, so that "bound" grows with them: what no client can beat that knows every duration (see `bounds`), with the
windows of all keys as one. Then it runs the whole program with four keys against a sandbox in another process, whose
time is scaled by 20, and the engine in virtual time with the durations that the sandbox gave.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model.api_keys import ApiKey
from tests.benchmarks.bounds import lower_bound_s
from tests.benchmarks.engine_client import EngineClient
from tests.benchmarks.provider import Provider, SlidingWindow
from tests.benchmarks.real_time import LATENCY_S, LIMIT, SPEED, WINDOW_S, durations_of
from tests.benchmarks.scenarios import Scenario
from tests.benchmarks.simulate import ROUND_TRIP_S, Outcome, simulate
from tests.benchmarks.whole import apply, sandbox

MOST_OF_ONE_KEY = 1.05
MOST_REQUESTS = 2.06
MOST_OF_VIRTUAL = 1.05
_REAL_KEYS = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the seeds; times in seconds."""

    keys: int
    campaign_s: float
    over_bound: float
    requests_per_run: float
    refused: int
    delay_s: float
    cpu_s: float


def virtual(durations: Sequence[float], keys: int, limit: int, window_s: float, round_trip_s: float) -> Outcome:
    """The engine's campaign of these runs with so many keys."""
    names = tuple(ApiKey(number, f"{number:04x}") for number in range(1, keys + 1))
    settings = Settings(rate_limit=limit, rate_window_s=window_s, api_keys=names)
    provider = Provider(durations, *(SlidingWindow(limit, window_s) for _ in names))
    return simulate(EngineClient(settings, len(durations)), provider, len(durations), round_trip_s)


def measure(keys: int, runs_each: int, seeds: Sequence[int]) -> Figures:
    """So many keys, with as many runs each."""
    scenario = Scenario(keys * runs_each)
    outcomes, bounds = [], []
    for seed in seeds:
        durations = scenario.durations(seed)
        outcomes.append(virtual(durations, keys, scenario.limit, scenario.window_s, ROUND_TRIP_S))
        bounds.append(lower_bound_s(durations, None, keys * scenario.limit, scenario.window_s))
    return Figures(
        keys=keys,
        campaign_s=fmean(outcome.campaign_s for outcome in outcomes),
        over_bound=fmean(outcome.campaign_s / bound for outcome, bound in zip(outcomes, bounds, strict=True)),
        requests_per_run=fmean(outcome.requests_per_run for outcome in outcomes),
        refused=sum(outcome.refused for outcome in outcomes),
        delay_s=fmean(outcome.delay_s for outcome in outcomes),
        cpu_s=fmean(outcome.cpu_s for outcome in outcomes),
    )


def virtual_table(counts: Sequence[int], runs_each: int, seeds: Sequence[int]) -> bool:
    """Print a line for each number of keys. Returns whether every goal is met."""
    print("| keys | runs | campaign | of one key's | end / bound | requests / run | 429 | mean delay | CPU | goal |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    first, is_met = None, True
    for keys in counts:
        figures = measure(keys, runs_each, seeds)
        first = first or figures
        ratio = figures.campaign_s / first.campaign_s
        met = ratio <= MOST_OF_ONE_KEY and figures.refused == 0 and figures.requests_per_run <= MOST_REQUESTS
        is_met &= met
        print(
            f"| {keys} | {keys * runs_each:,} | {figures.campaign_s:,.0f} s | {ratio:.3f} | {figures.over_bound:.3f} "
            f"| {figures.requests_per_run:.3f} | {figures.refused} | {figures.delay_s:.0f} s | {figures.cpu_s:.1f} s "
            f"| {'met' if met else 'MISSED'} |",
            flush=True,
        )
    return is_met


def real_table(takes: int, seeds: Sequence[int]) -> bool:
    """Print a line for each campaign of the whole program. Returns whether the goal is met in the mean."""
    print("| keys | takes | seed | virtual | real | real / virtual | processor time of the program |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    limit, ratios = f"{LIMIT}/{WINDOW_S:g}s", []
    for seed in seeds:
        accounts = [word for number in range(_REAL_KEYS) for word in ("--account", f"sk-bench-{number}=one")]
        options = ("--speed", str(SPEED), "--rate-limit", limit, "--latency", str(LATENCY_S), "--seed", str(seed))
        with sandbox(*options, *accounts) as api, tempfile.TemporaryDirectory() as folder:
            applied = apply(Path(folder), api, takes, limit)
        promised_s = virtual(durations_of(applied), _REAL_KEYS, LIMIT, WINDOW_S, LATENCY_S).campaign_s
        ratios.append(applied.campaign_s / promised_s)
        times = f"{promised_s:.2f} s | {applied.campaign_s:.2f} s | {ratios[-1]:.3f} | {applied.cpu_s:.1f} s"
        print(f"| {_REAL_KEYS} | {takes:,} | {seed} | {times} |", flush=True)
    mean = fmean(ratios)
    print(f"| {_REAL_KEYS} | {takes:,} | mean | | | {mean:.3f} | {'met' if mean <= MOST_OF_VIRTUAL else 'MISSED'} |")
    return mean <= MOST_OF_VIRTUAL


def main() -> int:
    """The command. Returns 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.keys")
    parser.add_argument("--keys", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--runs", type=int, default=1000, help="runs a key, in virtual time")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--takes", type=int, default=1200, help="takes of the whole program; 0 leaves it out")
    options = parser.parse_args()
    is_met = virtual_table(options.keys, options.runs, range(options.seeds))
    if options.takes:
        print()
        is_met &= real_table(options.takes, range(options.seeds))
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())

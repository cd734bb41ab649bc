"""Whether threads do in reality what the engine promises in virtual time.

`python -m tests.benchmarks.real_time` runs the whole program, as a process, against a sandbox in another, whose time is
scaled by 20: runs take a twentieth, the window lets 20 requests through in 0.5 s, and an answer takes 7.5 ms. Then the
engine runs the same campaign in virtual time, with the durations that the sandbox gave. Both are measured from the
first create to the moment the last run was known to be finished. The real one may take a tenth longer.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import fmean

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model.runs import Run
from tests.benchmarks.engine_client import EngineClient
from tests.benchmarks.provider import Provider, SlidingWindow
from tests.benchmarks.simulate import ROUND_TRIP_S, simulate
from tests.benchmarks.whole import Applied, apply, sandbox

SPEED = 20
LIMIT, WINDOW_S = 20, 10.0 / SPEED
LATENCY_S = ROUND_TRIP_S / SPEED
MOST = 1.1


def real(takes: int, seed: int) -> Applied:
    """The program's campaign."""
    limit = f"{LIMIT}/{WINDOW_S:g}s"
    options = ("--speed", str(SPEED), "--rate-limit", limit, "--latency", str(LATENCY_S), "--seed", str(seed))
    with sandbox(*options) as api, tempfile.TemporaryDirectory() as folder:
        return apply(Path(folder), api, takes, limit)


def virtual_s(applied: Applied, limit: int, window_s: float, latency_s: float) -> float:
    """How long the engine's campaign of the same runs takes in virtual time, in seconds."""
    durations = durations_of(applied)
    provider = Provider(durations, SlidingWindow(limit, window_s))
    client = EngineClient(Settings(rate_limit=limit, rate_window_s=window_s), len(durations))
    return simulate(client, provider, len(durations), latency_s).campaign_s


def durations_of(applied: Applied) -> list[float]:
    """How long the sandbox worked on each run, in their order."""
    return [_duration_s(run) for run in applied.runs]


def _duration_s(run: Run) -> float:
    """How long the sandbox worked on it."""
    assert run.submitted_at is not None
    assert run.completed_at is not None
    return run.completed_at - run.submitted_at


def main() -> int:
    """The command. Returns 1 where reality is slower by more than a tenth in the mean."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.real_time")
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    missed = False
    print("| runs | seed | virtual | real | real / virtual | processor time of the program |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for takes in options.runs:
        ratios = []
        for seed in range(options.seeds):
            applied = real(takes, seed)
            promised_s = virtual_s(applied, LIMIT, WINDOW_S, LATENCY_S)
            ratios.append(applied.campaign_s / promised_s)
            times = f"{promised_s:.2f} s | {applied.campaign_s:.2f} s | {ratios[-1]:.3f} | {applied.cpu_s:.1f} s"
            print(f"| {takes:,} | {seed} | {times} |", flush=True)
        missed |= fmean(ratios) > MOST
        print(f"| {takes:,} | mean | | | {fmean(ratios):.3f} | |", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

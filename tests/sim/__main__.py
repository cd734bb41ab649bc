"""`python -m tests.sim --seeds N --start S [--jobs J] [--tally]`, or `--seed X --verbose` to watch one history."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool, active_children, cpu_count

from tests.sim.history import Failure, live, run_history


def main(arguments: Sequence[str] | None = None) -> int:
    """Run histories; prints each failure as it comes, then the pace. Returns 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="Deterministic simulation.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many histories")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=cpu_count(), help="processes")
    parser.add_argument("--most", type=int, default=10, help="stop after so many failures")
    parser.add_argument("--seed", type=int, help="only this history")
    parser.add_argument("--verbose", action="store_true", help="tell the story of --seed")
    parser.add_argument("--tally", action="store_true", help="say which adversities came about, and how often")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return _one(options.seed, verbose=options.verbose)
    seeds = range(options.start, options.start + options.seeds)
    return _many(seeds, options)


def _one(seed: int, *, verbose: bool) -> int:
    failure = run_history(seed, partial(print, file=sys.stdout)) if verbose else run_history(seed)
    print(failure or f"seed {seed}: every promise was kept")
    return int(failure is not None)


def _many(seeds: range, options: argparse.Namespace) -> int:
    began = time.perf_counter()
    failures: list[Failure] = []
    tally: Counter[str] = Counter()
    met: Counter[str] = Counter()
    done = 0
    with Pool(options.jobs) as pool:
        for failure, counts in pool.imap_unordered(live, seeds, chunksize=8):
            done += 1
            tally += counts
            met.update(counts.keys())
            if failure is not None:
                failures.append(failure)
                print(failure, flush=True)
                if len(failures) >= options.most:
                    for process in active_children():
                        process.kill()  # in the middle of a history it heeds no other signal, as an apply does not
                    break
    seconds = time.perf_counter() - began
    if options.tally:
        print("\n".join(f"{number:7,}  in {met[what]:5,} histories  {what}" for what, number in tally.most_common()))
    print(f"{done} seeds in {seconds:.1f} s: {done / seconds:.0f} seeds per second, {len(failures)} failures")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())

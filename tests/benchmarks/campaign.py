"""Whole campaigns in virtual time: the real engine against other clients, an oracle, and what is possible at all.

`python -m tests.benchmarks.campaign` prints the tables and, with `--json FILE`, writes them; `--quick` takes two seeds
and leaves out the longest campaigns. The round trip takes 0.15 s; each figure is a mean over the seeds.

What the ratios are taken against, for runs lasting D_1 ... D_N behind a window of L requests in W seconds:

- *Slots.* Whatever its phase, the window lets L requests through at once and L more each W, so that the j-th request
  (from 0) of any client arrives no earlier than s_j = W * floor(j / L).
- *Lower bound*, for a client that knows every duration and creates in any order. Each run needs a create, and a read
  after it is done, so that the campaign ends no earlier than s_(2N-1). The j+1 longest runs need as many creates, the
  last of which arrives no earlier than s_j: the end is no earlier than s_j plus the (j+1)-th longest duration. For the
  j longest runs, the times from creating to reading add up to no less than their durations; their creates arrive no
  earlier than s_0 ... s_(j-1), and their reads, told backwards from the end, no later than those before it: the end is
  no earlier than the mean of the j longest durations plus twice the mean of those slots. A provider that works on K
  runs at once needs no less than the sum of all durations over K. The largest of all these, plus one round trip.
- *Blind reference*, for a client that does not know durations and so cannot create the longest first: creates in order
  at s_0 ... s_(N-1), each completion seen for free. The order of the campaign is as good as any other to who knows
  nothing, so that no such client ends earlier in expectation. Where reads, not durations, set the end, the lower bound
  is the larger; "reference" below is the larger of the two.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.rows import Figures, Row, client_rows, engine_rows, measure

_LONGEST_QUICK = 1000
_HEAD = (
    "| client | campaign | runs | end / bound | end / reference | requests / run | 429 | mean delay | CPU | goal |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
)


def render(figures: Figures) -> str:
    """One line of the table."""
    goal = {None: "", True: "met", False: "MISSED"}[figures.met]
    return (
        f"| {figures.client} | {figures.campaign} | {figures.runs:,} | {figures.over_lower_bound:.3f} "
        f"| {figures.over_reference:.3f} | {figures.requests_per_run:.2f} | {figures.refused:,.0f} "
        f"| {figures.delay_s:.1f} s | {figures.cpu_s:.2f} s | {goal} |"
    )


def run(rows: Iterable[Row], seeds: Sequence[int]) -> list[Figures]:
    """Measure and print row by row."""
    measured = []
    print(*_HEAD, sep="\n")
    for row in rows:
        measured.append(measure(row, seeds))
        print(render(measured[-1]), flush=True)
    print()
    return measured


def main() -> int:
    """The command. Returns 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.campaign")
    parser.add_argument("--quick", action="store_true", help="two seeds, no campaign of more than 1,000 runs")
    parser.add_argument("--seeds", type=int, default=8, help="how many campaigns each figure is a mean of")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    seeds = range(2 if options.quick else options.seeds)
    rows = [*client_rows()], [*engine_rows()]
    if options.quick:
        rows = rows[0], [row for row in rows[1] if row.scenario.runs <= _LONGEST_QUICK]
    measured = [figures for table in rows for figures in run(table, seeds)]
    if options.json is not None:
        document = {"seeds": len(seeds), "rows": [asdict(figures) for figures in measured]}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if any(figures.met is False for figures in measured) else 0


if __name__ == "__main__":
    sys.exit(main())

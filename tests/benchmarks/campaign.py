"""Whole campaigns in virtual time: the real engine against other clients, an oracle, and what is possible at all.

`python -m tests.benchmarks.campaign` prints the tables and, with `--json FILE`, writes them; `--quick` takes two seeds
and leaves out the longest campaigns. The round trip takes 0.15 s; each figure is a mean over the seeds. Last come the
engine's own costs: the processor time of its longest campaign, and the memory that it takes for each take.

The other clients poll as the vendor advises ("every 1 to 2 seconds, back off exponentially on 429") or as SDKs of this
field do. Two things are not documented, so that both readings are measured. *How the creates go out*: all begun
together, as a script with a task for each run does it, or one by one while those that were made are polled, as a loop
does it. *What the window counts*: only the requests that it carried out, as everywhere else here, or those that it
refused, too ("429s count"). Then a thousand clients that back off up to 30 s each keep the window full for ever, and
not one of them gets through: such a campaign is given up after 50,000 s and shown as "never".

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

How much delay an early end costs a client that knows how long runs take only in general is printed for the thousand
runs, at some ends: `bounds.least_delay_s` tells how that is computed.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import inf
from pathlib import Path

from tests.benchmarks.bounds import least_delay_s, lower_bound_s
from tests.benchmarks.memory import bytes_per_take
from tests.benchmarks.rows import ENGINE, Figures, Row, client_rows, engine_rows, measure
from tests.benchmarks.scenarios import Scenario

_LONGEST_QUICK = 1000
_MOST_CPU_S = 60
_MOST_BYTES = 2000
_TAKES_HELD = 5_000  # among which what is not held for each take is as good as nothing
_ENDS = (1.025, 1.03, 1.035)  # over the lower bound
_HEAD = (
    "| client | campaign | runs | end / bound | end / reference | requests / run | 429 | mean delay | CPU | goal |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
)


def render(figures: Figures) -> str:
    """One line of the table."""
    over = [f"{ratio:.3f}" if ratio < inf else "never" for ratio in (figures.over_lower_bound, figures.over_reference)]
    goal = {None: "", True: "met", False: "MISSED"}[figures.met]
    return (
        f"| {figures.client} | {figures.campaign} | {figures.runs:,} | {over[0]} | {over[1]} "
        f"| {figures.requests_per_run:.2f} | {figures.refused:,.0f} "
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
    longest = max((figures for figures in measured if figures.client == ENGINE), key=lambda figures: figures.runs)
    per_take = bytes_per_take(Scenario(_TAKES_HELD))
    print("A thousand runs, if nobody knows how long each takes: ", end="")
    print("; ".join(f"at {end} of the bound, a mean delay of {_least_delay_s(end):.0f} s or more" for end in _ENDS))
    print(f"{longest.runs:,} runs: {longest.cpu_s:.1f} s of processor time (goal {_MOST_CPU_S}), ", end="")
    print(f"{per_take:,.0f} bytes a take of {_TAKES_HELD:,} (goal {_MOST_BYTES:,})")
    if options.json is not None:
        finite = [{name: _finite(value) for name, value in asdict(figures).items()} for figures in measured]
        document = {"seeds": len(seeds), "bytes_per_take": per_take, "rows": finite}
        options.json.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    missed = any(figures.met is False for figures in measured)
    return 1 if missed or longest.cpu_s > _MOST_CPU_S or per_take > _MOST_BYTES else 0


def _least_delay_s(over_bound: float) -> float:
    facts = Scenario(1000)
    return least_delay_s(over_bound * lower_bound_s(facts.durations(0), facts.places, facts.limit, facts.window_s))


def _finite(value: object) -> object:
    return None if value == inf else value


if __name__ == "__main__":
    sys.exit(main())

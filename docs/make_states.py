"""Writes the table of transitions in docs/states.md: `python -m docs.make_states`. A test compares it."""

import re
from itertools import groupby
from pathlib import Path

from hailuo_batch.core.model.states import TRANSITIONS, RunState, take_state

PAGE = Path(__file__).parent / "states.md"
BEGIN = "<!-- states: written by `python -m docs.make_states` -->\n"
END = "<!-- end of states -->"


def transitions() -> str:
    """Every state of a run: what its take is called while the run speaks for it, and where each event leads."""
    rows = ["| a run that is | makes its take | and moves on to |", "| --- | --- | --- |"]
    for state in RunState:
        ways = [(target, event.__name__) for (source, event), target in TRANSITIONS.items() if source is state]
        ways.sort(key=lambda way: list(RunState).index(way[0]))
        leads = [
            f"**{words(target)}** ({', '.join(words(name) for _, name in group)})"
            for target, group in groupby(ways, key=lambda way: way[0])
        ]
        rows.append(f"| {words(state)} | {_take(state)} | {'; '.join(leads) or 'nothing'} |")
    return "\n".join(rows) + "\n"


def _take(state: RunState) -> str:
    names = dict.fromkeys(words(take_state(state, saved)) for saved in (False, True))
    return ", then ".join(names)


def words(name: str) -> str:
    """`CreateNotSent` and `in_doubt` as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()


def main() -> None:
    """Put the table into the page."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    PAGE.write_text(before + begin + (transitions() if begin else "") + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()

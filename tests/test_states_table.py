"""The README shows the transition table as it is. `python -m tests.test_states_table` writes it there."""

import re
from itertools import groupby
from pathlib import Path

from hailuo_batch.core.model.states import TRANSITIONS, RunState, take_state

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- states: written by `python -m tests.test_states_table` -->\n"
END = "<!-- end of states -->"


def states_section() -> str:
    """Every state of a run: what its take is called while the run speaks for it, and where each event leads."""
    rows = ["| a run that is | makes its take | and goes on to |", "| --- | --- | --- |"]
    for state in RunState:
        ways = [(target, event.__name__) for (source, event), target in TRANSITIONS.items() if source is state]
        ways.sort(key=lambda way: list(RunState).index(way[0]))
        leads = [
            f"**{_words(target)}** ({', '.join(_words(name) for _, name in group)})"
            for target, group in groupby(ways, key=lambda way: way[0])
        ]
        rows.append(f"| {_words(state)} | {_take(state)} | {'; '.join(leads) or 'nothing'} |")
    return "\n".join(rows) + "\n"


def _take(state: RunState) -> str:
    names = dict.fromkeys(_words(take_state(state, saved)) for saved in (False, True))
    return ", then ".join(names)


def _words(name: str) -> str:
    """`CreateNotSent` and `in_doubt` as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()


def test_the_readme_shows_the_transition_table_as_it_is() -> None:
    _, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    shown, end, _ = rest.partition(END)
    assert begin
    assert end
    assert shown == states_section(), "run `python -m tests.test_states_table`"


if __name__ == "__main__":
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(before + begin + states_section() + END + rest.partition(END)[2], encoding="utf-8")

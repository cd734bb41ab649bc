"""What scripts write into the pages is what the program says now."""

import re
from pathlib import Path

import pytest

from docs import make_commands, make_states
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.errors import ExitCode
from tests.docs import pages
from tests.docs.pages import ROOT


def between(page: Path, begin: str, end: str) -> str:
    """What a page has between two marks, each of which stands there once."""
    before, begun, rest = pages.text_of(page).partition(begin)
    shown, ended, after = rest.partition(end)
    assert begun
    assert ended
    assert begin not in before + after
    return shown


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one like it."""
    _, found, rest = pages.text_of(page).partition(f"\n## {heading}\n")
    assert found
    return rest.partition("\n## ")[0]


def test_the_page_of_commands_is_what_the_program_states() -> None:
    assert pages.text_of(make_commands.PAGE) == make_commands.commands_page(), "run `python -m docs.make_commands`"


def test_the_readme_lists_every_command() -> None:
    shown = between(pages.README, make_commands.BEGIN, make_commands.END)
    assert shown == make_commands.commands_list(), "run `python -m docs.make_commands`"


def test_no_command_is_cut_short_in_a_list_of_commands() -> None:
    printed = make_commands.commands_page() + make_commands.commands_list()
    assert "..." not in re.sub(r"\[?[A-Z]+\]?\.\.\.", "", printed)


def test_the_page_of_states_shows_the_transition_table_as_it_is() -> None:
    shown = between(make_states.PAGE, make_states.BEGIN, make_states.END)
    assert shown == make_states.transitions(), "run `python -m docs.make_states`"


@pytest.mark.parametrize("state", list(TakeState))
def test_every_state_of_a_take_is_explained(state: TakeState) -> None:
    assert re.search(rf"^\| {make_states.words(state)} \|", section(make_states.PAGE, "Takes"), re.MULTILINE)


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    in_depth = section(ROOT / "docs" / "operations.md", "Exit codes")
    assert len(re.findall(rf"^\|[^|]*\b{int(code)}\b[^|]*\|", in_depth, re.MULTILINE)) == 2  # when, and what to do
    assert re.search(rf"\*\*[^*]*\b{int(code)}\b[^*]*\*\*", section(pages.README, "Environment and exit codes"))

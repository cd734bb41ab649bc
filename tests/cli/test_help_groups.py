"""Help shows the options that most people need first, and fits a narrow terminal."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from hailuo_batch.cli import cli
from hailuo_batch.cli.help import GROUPS
from hailuo_batch.cli.near_words import EXAMPLES
from tests.helpers.command_line import Shell


def leaves(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        else:
            yield (*before, name)


def headings(text: str) -> list[str]:
    return [line.removesuffix(":") for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]


def test_the_options_of_apply_stand_in_groups_and_the_rare_ones_last(shell: Shell) -> None:
    text = shell.bare("apply", "--help").out
    assert headings(text) == list(GROUPS)
    places = [text.index(name) for name in ("--only", "--max-spend", "--state-dir", "--json", "--max-in-flight")]
    assert places == sorted(places)


def test_a_command_with_few_options_has_one_list(shell: Shell) -> None:
    assert headings(shell.bare("init", "--help").out) == ["Options"]


@pytest.mark.parametrize("words", list(leaves(cli)), ids=" ".join)
def test_every_option_is_shown_once_and_the_help_fits(shell: Shell, words: tuple[str, ...]) -> None:
    text = shell.bare(*words, "--help").out
    listed = text.partition(f"\n{headings(text)[0]}:\n")[2]
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    for option in (each for each in command.params if isinstance(each, click.Option)):
        names = "|".join(map(re.escape, option.opts))
        assert len(re.findall(rf"^  ({names})(?![\w-])", listed, re.MULTILINE)) == 1, option.opts
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("words", list(leaves(cli)), ids=" ".join)
def test_every_option_with_a_value_has_an_example_that_is_accepted(words: tuple[str, ...]) -> None:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    for option in (each for each in command.params if isinstance(each, click.Option) and not each.is_flag):
        [value] = shlex.split(EXAMPLES[option.opts[0]])
        option.type.convert(value, option, None)


@pytest.mark.parametrize("option", ["-q", "--quiet", "-v", "--verbose"])
def test_how_much_is_printed_can_be_said_before_the_command_too(shell: Shell, option: str) -> None:
    before, after = shell.bare(option, "status", str(shell.manifest)), shell.bare("status", str(shell.manifest), option)
    assert (before.code, before.out, before.err) == (after.code, after.out, after.err)
    assert shell.bare(option, "state", "-q" if "q" in option else "-v", "show", "--help").code == 0


def test_before_and_after_the_command_they_contradict_each_other(shell: Shell) -> None:
    assert "contradict each other" in shell.bare("-q", "status", str(shell.manifest), "-v").err

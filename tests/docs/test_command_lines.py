"""Every command that a page shows exists, with its options; what is typed is parsed as the program would parse it."""

import re
import shlex

import click
import pytest

from hailuo_batch.cli import cli
from hailuo_batch.cli.options import PROGRAM
from tests.docs import pages

TYPED = sorted(
    {
        (page.name, shlex.join(words))
        for page in pages.PAGES
        for line in pages.shell_lines(page)
        for words in pages.commands(line, PROGRAM)
    }
)
NAMED = sorted(
    {
        (page.name, code)
        for page in pages.PAGES
        for code in pages.inline_code(page)
        if code.startswith("--") or code.split()[0] in {PROGRAM, *cli.commands}
    }
)
FOR_ALL = {"--help", "-h", "--version"}


def found(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command, subcommands included, and what follows its name."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def parse(words: list[str]) -> None:
    """Raises UsageError where the program would not understand these arguments."""
    command, rest = found(words)
    assert not isinstance(command, click.Group)
    top = click.Context(cli, info_name=PROGRAM, **cli.context_settings)
    if not FOR_ALL.intersection(rest):
        command.make_context(command.name, rest, parent=top)


def options_of(command: click.Command) -> set[str]:
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(FOR_ALL, *map(options_of, below))


@pytest.mark.parametrize(("page", "line"), TYPED)
def test_what_is_typed_is_understood(page: str, line: str) -> None:
    parse(shlex.split(line))


@pytest.mark.parametrize(("page", "code"), NAMED)
def test_what_is_named_in_the_text_exists(page: str, code: str) -> None:
    words = code.partition(" > ")[0].split()
    if words[0] == PROGRAM:
        words = words[1:]
    command, rest = found(words)
    if isinstance(command, click.Group) and not code.startswith("--"):
        assert all(word.startswith("-") for word in rest), "no such command"
    named = {name for word in rest if word.startswith("--") for name in re.findall(r"--[a-z-]+", word)}
    assert named <= options_of(command)


@pytest.mark.parametrize("name", cli.commands)
def test_every_command_is_shown_at_work_or_named(name: str) -> None:
    printed = [line for _, line in TYPED] + [code.removeprefix(f"{PROGRAM} ") for _, code in NAMED]
    assert any(line.split()[0] == name for line in printed)


def test_a_command_that_does_not_exist_is_found_out() -> None:
    [words] = pages.commands("cd /srv && .venv/bin/hailuo-batch apply lamps.yaml --wiat 3m 2>&1 | tail", PROGRAM)
    with pytest.raises(click.NoSuchOption):
        parse(words)

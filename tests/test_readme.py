"""The README says what is true: its help is the program's, its manifest is valid, its commands are those that CI runs.

`python -m tests.test_readme` writes the program's help into it.
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hailuo_batch.cli import cli
from hailuo_batch.cli.options import PROGRAM
from hailuo_batch.errors import ExitCode
from hailuo_batch.manifest import load_manifest

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
BEGIN = "<!-- help: written by `python -m tests.test_readme` -->\n"
END = "<!-- end of help -->"
COLUMNS = 80


def help_section() -> str:
    """What the program says of itself and of every command, as Markdown."""
    top = click.Context(cli, info_name=PROGRAM, terminal_width=COLUMNS, **cli.context_settings)
    return "\n".join([f"```\n{cli.get_help(top)}\n```\n", *_folded(cli, top)])


def _folded(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.commands[name]
        below = click.Context(command, info_name=name, parent=context)
        text = f"```\n{command.get_help(below)}\n```"
        yield f"<details><summary><code>{below.command_path}</code></summary>\n\n{text}\n\n</details>\n"
        if isinstance(command, click.Group):
            yield from _folded(command, below)


def blocks_of(language: str) -> list[str]:
    """The README's code blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_help_is_what_the_commands_say() -> None:
    _, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    shown, end, _ = rest.partition(END)
    assert end
    assert shown == help_section(), "run `python -m tests.test_readme`"


def test_no_command_is_cut_short_in_a_list_of_commands() -> None:
    assert "..." not in re.sub(r"\[?[A-Z]+\]?\.\.\.", "", help_section())


def test_every_example_manifest_is_valid(tmp_path: Path) -> None:
    manifests = blocks_of("yaml")
    assert manifests
    for text in manifests:
        path = tmp_path / "example.yaml"
        path.write_text(text, encoding="utf-8")
        assert load_manifest(path).diagnostics == ()


def test_the_first_two_commands_are_those_for_a_fresh_machine() -> None:
    rehearse, test, *_ = blocks_of("sh")
    assert rehearse.strip().endswith("hailuo-batch apply --sandbox manifests/quickstart.yaml")
    assert test.strip().endswith("pytest")
    for command in (rehearse, test):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_ci_runs_the_very_command_that_is_given_here() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert blocks_of("sh")[1].strip() in script


def test_ci_can_be_run() -> None:
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("line", [line for block in blocks_of("sh")[2:] for line in block.splitlines()])
def test_every_command_that_is_shown_exists(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == PROGRAM:
        options = [word for word in words[2:] if word.startswith("--")]
        command = cli.commands[words[1]]
        known = {name for parameter in command.params for name in parameter.opts}
        assert set(options) <= known


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    section = README.read_text(encoding="utf-8").split("## Exit codes")[1]
    assert re.search(rf"^\|[^|]*\b{int(code)}\b[^|]*\|", section, re.MULTILINE)


def write_help() -> None:
    """Put the program's help where the README shows it."""
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    README.write_text(before + begin + help_section() + end + after, encoding="utf-8")


if __name__ == "__main__":
    write_help()

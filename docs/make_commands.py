"""Writes what the program says of its commands: docs/commands.md, and the list in the README.

`python -m docs.make_commands` writes both; a test compares them with the program.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from hailuo_batch.cli import cli
from hailuo_batch.cli.options import PROGRAM

HERE = Path(__file__).parent
PAGE = HERE / "commands.md"
README = HERE.parent / "README.md"
BEGIN = "<!-- commands: written by `python -m docs.make_commands` -->\n"
END = "<!-- end of commands -->"
COLUMNS = 80
SENTENCE = 200

HEAD = """\
<!-- written by `python -m docs.make_commands`: change the program's help, not this page -->

# Commands

What `--help` prints, for every command. [Back to the README](../README.md); see also [environment and exit
codes](operations.md#exit-codes), [paying](paying.md) and [states](states.md).

"""


def commands_page() -> str:
    """The whole of commands.md: what the program says of itself and of every command."""
    top = _top()
    sections = [f"## {PROGRAM}\n\n```\n{cli.get_help(top)}\n```\n", *_sections(cli, top, "")]
    return HEAD + "\n".join(sections)


def _sections(group: click.Group, context: click.Context, before: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.commands[name]
        below = click.Context(command, info_name=name, parent=context)
        yield f"## {before}{name}\n\n```\n{command.get_help(below)}\n```\n"
        if isinstance(command, click.Group):
            yield from _sections(command, below, f"{before}{name} ")


def commands_list() -> str:
    """One line for each command, with a link to its section."""
    top = _top()
    return "".join(
        f"- [`{name}`](docs/commands.md#{name}): {cli.commands[name].get_short_help_str(SENTENCE)}\n"
        for name in cli.list_commands(top)
    )


def _top() -> click.Context:
    return click.Context(cli, info_name=PROGRAM, terminal_width=COLUMNS, **cli.context_settings)


def main() -> None:
    """Write the page and the list."""
    PAGE.write_text(commands_page(), encoding="utf-8")
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    README.write_text(before + begin + (commands_list() if begin else "") + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()

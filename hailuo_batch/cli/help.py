"""How help is laid out: the options of a command in groups, those that most people need first.

An option that no group names is the command's own, and comes first of all.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

OWN = "Options"
WHAT = "What to make"
MONEY = "Money"
FILES = "Files"
OUTPUT = "Output"
ADVANCED = "Advanced"

GROUPS: Mapping[str, Sequence[str]] = {
    OWN: ("--sandbox",),
    WHAT: ("--only", "--limit", "--replace", "--replace-from"),
    MONEY: ("--yes", "--max-spend", "--accept-price"),
    FILES: ("--plan", "--out", "--state-dir", "--output-dir"),
    OUTPUT: ("--json", "--quiet", "--verbose", "--no-color", "--version", "--help"),
    ADVANCED: (
        "--in-doubt",
        "--strict",
        "--check-images",
        "--detailed-exitcode",
        "--max-in-flight",
        "--rate-limit",
        "--run-timeout",
        "--max-duration",
        "--wait",
        "--require-ledger",
        "--new-ledger",
        "--no-sidecar",
        "--attempt",
    ),
}
_GROUP_OF = {option: group for group, options in GROUPS.items() for option in options}
_ORDER = {option: place for place, option in enumerate(_GROUP_OF)}
_MOST_UNGROUPED = 8
"""So many options are taken in at a glance: they stand in one list."""


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups, and that takes no option for the value of another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Raises UsageError as click does, and for an option without its value."""
        rest = super().parse_args(ctx, args)
        for option, value in _values_of_options(self.params, ctx.params):
            # click takes `--state-dir --sandbox` for a folder of that name, and the real campaign would be applied
            if not ctx.resilient_parsing and value in _names_of_options(self.params):
                raise click.BadOptionUsage(option, f"Option '{option}' requires an argument.", ctx)
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, in groups where they are many."""
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        shown = [(option, record) for option in options if (record := option.get_help_record(ctx)) is not None]
        if len(shown) <= _MOST_UNGROUPED:
            super().format_options(ctx, formatter)
            return
        for group in GROUPS:
            members = [(option, record) for option, record in shown if _group_of(option) == group]
            if members:
                with formatter.section(group):
                    formatter.write_dl([record for option, record in sorted(members, key=_place_in_group)])


def _values_of_options(parameters: Sequence[click.Parameter], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each value that was given to an option, with the option's name."""
    for parameter in parameters:
        value = values.get(parameter.name or "") if isinstance(parameter, click.Option) else None
        for each in value if isinstance(value, tuple) else (value,):
            yield parameter.opts[0], str(each)


def _names_of_options(parameters: Sequence[click.Parameter]) -> set[str]:
    options = (each for each in parameters if isinstance(each, click.Option))
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


def _group_of(option: click.Option) -> str:
    return next((_GROUP_OF[name] for name in option.opts if name in _GROUP_OF), OWN)


def _place_in_group(shown: tuple[click.Option, object]) -> int:
    return next((_ORDER[name] for name in shown[0].opts if name in _ORDER), -1)


class OrderedGroup(click.Group):
    """A group that lists its commands in the order of their declaration, which is that of their use."""

    command_class = GroupedCommand

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return sorted(super().list_commands(ctx), key=list(self.commands).index)

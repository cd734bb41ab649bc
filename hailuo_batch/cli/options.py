"""What commands share: options, and the state of one call of the program."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hailuo_batch import __version__
from hailuo_batch.cli.manifest_argument import manifest_before
from hailuo_batch.cli.parameter_types import PICKS_PATH, complete_takes

if TYPE_CHECKING:
    from hailuo_batch.app.workspace import CampaignLocation
    from hailuo_batch.ui.console import Console

PROGRAM = "hailuo-batch"
Command = Callable[..., Any]


@dataclass
class Invocation:
    """One call of the program: how much to print, which campaign it is about, and whether its command has begun."""

    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    has_begun: bool = False
    where: "CampaignLocation | None" = None

    def console(self, as_json: bool = False) -> "Console":
        """The console of the command."""
        from hailuo_batch.ui.console import Console, Verbosity
        from hailuo_batch.ui.screen.colour import Colour

        self.has_begun = True
        level = Verbosity.QUIET if self.quiet else Verbosity.VERBOSE if self.verbose else Verbosity.NORMAL
        colour = Colour.NEVER if self.no_color else Colour.AUTO
        if self.where is None:
            return Console(level, as_json, colour)
        from hailuo_batch.app.workspace import fill_in_commands

        return Console(level, as_json, colour, partial(fill_in_commands, where=self.where))

    def locate(self, manifest: Path, options: dict[str, Any]) -> "CampaignLocation":
        """The campaign's location; removes its options from the others."""
        from hailuo_batch.app.workspace import CampaignLocation

        self.where = CampaignLocation(
            manifest, options.pop("sandbox"), options.pop("state_dir"), options.pop("output_dir")
        )
        return self.where


_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)


class WholeNumber(click.IntRange):
    """A number written in digits: Python would read `1_0` as ten."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Fails with a usage error for anything else."""
        if isinstance(value, str) and not _DIGITS.fullmatch(value):
            self.fail(f"{value!r} is not a number: write it in digits, such as 10.", param, ctx)
        return super().convert(value, param, ctx)


class DecimalNumber(click.FloatRange):
    """A number written in digits, perhaps with a point: Python would read `1_0`, `1e9` and `nan`, too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Fails with a usage error for anything else."""
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            self.fail(f"{value!r} is not a number: write it in digits, such as 10 or 0.5.", param, ctx)
        return super().convert(value, param, ctx)


def option_group(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """A decorator that adds several options to a command, in the order in which help shows them."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _set_flag(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def note(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        invocation = context.ensure_object(Invocation)
        if value:
            setattr(invocation, name, True)
        if invocation.quiet and invocation.verbose:
            raise click.UsageError("--quiet and --verbose contradict each other.", context)

    return note


def _flag(*names: str, attribute: str, text: str) -> Callable[[Command], Command]:
    return click.option(*names, is_flag=True, expose_value=False, callback=_set_flag(attribute), help=text)


common_options = option_group(
    _flag("-q", "--quiet", attribute="quiet", text="Print only errors and the result."),
    _flag("-v", "--verbose", attribute="verbose", text="Print everything."),
    _flag("--no-color", attribute="no_color", text="Print no colours, whatever the environment says."),
    click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s"),
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
ledger_options = option_group(
    click.option("--sandbox", is_flag=True, help="Practice run: no key, no cost, separate files."),
    click.option(
        "--state-dir", type=click.Path(path_type=Path), metavar="DIR", help="Use this folder instead of state/."
    ),
    click.option(
        "--output-dir", type=click.Path(path_type=Path), metavar="DIR", help="Use this folder instead of outputs/."
    ),
)


def campaign_command(*options: Callable[[Command], Command], has_json: bool = False) -> Callable[[Command], Command]:
    """A decorator for a command about one campaign, with its own options and those that find its files.

    The decorated function gets the campaign's location, the console, and its own options by their names.
    """

    def decorate(function: Command) -> Command:
        @wraps(function)
        def call(invocation: Invocation, /, manifest: Path, as_json: bool = False, **given: Any) -> Any:
            where = invocation.locate(manifest, given)
            return function(where, invocation.console(as_json), **given)

        json_option = (as_json,) if has_json else ()
        group = option_group(*options, ledger_options, *json_option, common_options, click.pass_obj)
        return manifest_before(complete_takes(group(call)))

    return decorate


def _only_one(_context: click.Context, _parameter: click.Parameter, given: tuple[Path, ...]) -> Path | None:
    """The one value of an option. Click would take the last of several and forget the others without a word."""
    if len(given) > 1:
        raise click.UsageError("--replace-from takes one file of picks at a time. Nothing was sent.")
    return next(iter(given), None)


strict = click.option("--strict", is_flag=True, help="Treat every warning about the manifest as an error.")
only_option = click.option(
    "--only",
    multiple=True,
    metavar="GLOB",
    help="Only takes whose ID matches, or, with tag:GLOB, one of whose tags does; repeatable.",
)
plan_options = option_group(
    only_option,
    click.option(
        "--limit",
        type=WholeNumber(min=0),
        metavar="N",
        help="Create at most N runs this time, further attempts included. 0 only collects what is paid for.",
    ),
    click.option(
        "--replace", multiple=True, metavar="GLOB", help="Request these again although they are done; repeatable."
    ),
    click.option(
        "--replace-from",
        type=PICKS_PATH,
        multiple=True,
        callback=_only_one,
        metavar="PICKS",
        help="Request again what was marked as a re-roll in this file, which the report exports.",
    ),
    click.option(
        "--in-doubt",
        type=click.Choice(["hold", "resubmit"]),
        default="hold",
        show_default=True,
        help="Takes in doubt: leave them, or request them again, which may pay twice.",
    ),
    click.option(
        "--max-spend",
        metavar="USD",
        help="Cap on the campaign's net spend, or none for no cap; overrides the manifest's.",
    ),
    click.option("--rate-limit", metavar="N/SECONDSs", help="The key's rate limit. Default: Runbase's, 20/10s."),
    strict,
)
apply_options = option_group(
    click.option(
        "--plan",
        "plan_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Do exactly what this file of plan --out says. Can be repeated after an interruption.",
    ),
    click.option(
        "--check-images/--no-check-images",
        default=None,
        help="Check the images of requested takes before paying. Default: yes, except with --sandbox.",
    ),
    click.option("--max-in-flight", type=WholeNumber(min=1), metavar="N", help="Run at most N takes at the same time."),
    click.option(
        "--run-timeout", metavar="DURATION", help="Stop waiting when no run has finished for this long, such as 45m."
    ),
    click.option(
        "--max-duration",
        metavar="DURATION",
        help="Stop in good order after this long, such as 2h. Run the same command to continue.",
    ),
    click.option(
        "--wait",
        metavar="DURATION",
        help="Wait up to this long for another apply of the campaign. Default: exit 5 at once.",
    ),
    click.option("--accept-price", is_flag=True, help="Continue even if a run costs more than the plan showed."),
    click.option(
        "--require-ledger", is_flag=True, help="Exit 4 if there is no ledger yet, such as after a lost CI cache."
    ),
    click.option("--new-ledger", is_flag=True, help="Start over if the ledger is missing: pays for all takes again."),
)
no_sidecar = click.option("--no-sidecar", is_flag=True, help="Write no JSON file beside each video.")

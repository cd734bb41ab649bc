"""What commands share: options, their order in help, and how much the user wants to hear."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hailuo_batch import __version__

if TYPE_CHECKING:
    from hailuo_batch.app.workspace import CampaignLocation
    from hailuo_batch.ui.console import Console

PROGRAM = "hailuo-batch"
Command = Callable[..., Any]


@dataclass
class Invocation:
    """How much the user wants to hear, known as soon as the options are read, which campaign the command is about, if
    any, and whether it has begun."""

    quiet: bool = False
    verbose: bool = False
    has_begun: bool = False
    where: "CampaignLocation | None" = None

    def console(self, as_json: bool = False) -> "Console":
        """The user's end of the command."""
        from hailuo_batch.app.workspace import fill_in_commands
        from hailuo_batch.ui.console import Console, Verbosity

        self.has_begun = True
        level = Verbosity.QUIET if self.quiet else Verbosity.VERBOSE if self.verbose else Verbosity.NORMAL
        return Console(level, as_json, None if self.where is None else partial(fill_in_commands, where=self.where))

    def locate(self, manifest: Path, options: dict[str, Any]) -> "CampaignLocation":
        """Where the campaign's files lie; takes those options out of the others."""
        from hailuo_batch.app.workspace import CampaignLocation

        self.where = CampaignLocation(
            manifest, options.pop("sandbox"), options.pop("state_dir"), options.pop("output_dir")
        )
        return self.where


@dataclass
class OptionGroup:
    """Options that several commands share, in the order in which help shows them."""

    options: list[Callable[[Command], Command]] = field(default_factory=list)

    def __call__(self, command: Command) -> Command:
        """Give the command these options."""
        for option in reversed(self.options):
            command = option(command)
        return command


def _set_flag(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def note(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            setattr(context.ensure_object(Invocation), name, True)
        invocation = context.ensure_object(Invocation)
        if invocation.quiet and invocation.verbose:
            raise click.UsageError("--quiet and --verbose contradict each other.", context)

    return note


def _flag(*names: str, attribute: str, text: str) -> Callable[[Command], Command]:
    return click.option(*names, is_flag=True, expose_value=False, callback=_set_flag(attribute), help=text)


common_options = OptionGroup(
    [
        _flag("-q", "--quiet", attribute="quiet", text="Say only what must be heard."),
        _flag("-v", "--verbose", attribute="verbose", text="Say everything."),
        click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s"),
    ]
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
one_manifest = click.argument("manifest", type=click.Path(path_type=Path))
ledger_options = OptionGroup(
    [
        click.option("--sandbox", is_flag=True, help="Rehearse: no key, no payment, files of its own."),
        click.option("--state-dir", type=click.Path(path_type=Path), metavar="DIR", help="Instead of state/."),
        click.option("--output-dir", type=click.Path(path_type=Path), metavar="DIR", help="Instead of outputs/."),
    ]
)
plan_options = OptionGroup(
    [
        click.option("--only", multiple=True, metavar="GLOB", help="Only takes whose ID fits; repeatable."),
        click.option("--replace", multiple=True, metavar="GLOB", help="Make these anew although done; repeatable."),
        click.option(
            "--in-doubt",
            type=click.Choice(["hold", "resubmit"]),
            default="hold",
            show_default=True,
            help="Takes in doubt: leave them, or make them again, which may pay twice.",
        ),
        click.option("--max-spend", metavar="USD", help="Cap on the campaign's net spend; beats the manifest's."),
    ]
)
apply_options = OptionGroup(
    [
        click.option(
            "--plan",
            "plan_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Do just what this plan, kept by plan --out, says; repeat it after an interruption.",
        ),
        click.option(
            "--check-images/--no-check-images",
            default=None,
            help="Look at the images of what is to be created before paying. Default: yes, but for --sandbox.",
        ),
        click.option("--max-in-flight", type=click.IntRange(min=1), metavar="N", help="At most N runs at once."),
        click.option(
            "--run-timeout", metavar="DURATION", help="Stop waiting when no run has finished for so long, such as 45m."
        ),
        click.option(
            "--max-duration",
            metavar="DURATION",
            help="Stop in good order so long after the start, waits included, such as 2h; run it again to continue.",
        ),
        click.option(
            "--wait",
            metavar="DURATION",
            help="Wait so long for another apply of the campaign. Default: exit 5.",
        ),
        click.option("--rate-limit", metavar="N/SECONDSs", help="Requests the key allows; Runbase's own is 20/10s."),
        click.option("--accept-price", is_flag=True, help="Go on although a run costs more than the plan showed."),
        click.option(
            "--require-ledger", is_flag=True, help="Exit 4 where there is no ledger yet, such as after a lost CI cache."
        ),
        click.option(
            "--new-ledger", is_flag=True, help="Start again where the ledger is missing: pays for all takes again."
        ),
    ]
)
no_sidecar = click.option("--no-sidecar", is_flag=True, help="Write no JSON file beside each video.")


class OrderedGroup(click.Group):
    """Shows its commands in the order in which they are declared, which is that in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return sorted(super().list_commands(ctx), key=list(self.commands).index)

"""The command line: what each command is called and what it takes.

Declarations only. Each command imports its parts when it is called, so that `--help` answers at once.
"""

import gc
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hailuo_batch.adapters.local.streams import guard_streams
from hailuo_batch.cli.error_boundary import exit_with, open_missing_streams, run_guarded
from hailuo_batch.cli.help import OrderedGroup
from hailuo_batch.cli.manifest_argument import default_manifest, optional_manifest
from hailuo_batch.cli.options import (
    DecimalNumber,
    Invocation,
    WholeNumber,
    apply_options,
    as_json,
    campaign_command,
    common_options,
    ledger_options,
    no_sidecar,
    only_option,
    plan_options,
    strict,
)
from hailuo_batch.cli.parameter_types import MANIFEST_PATH, PICKS_PATH

if TYPE_CHECKING:
    from hailuo_batch.app.workspace import CampaignLocation
    from hailuo_batch.ui.console import Console

_GC_THRESHOLDS = (500_000, 5, 5)


@click.group(cls=OrderedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@common_options
def cli() -> None:
    """Make video campaigns from a manifest: resumable, and nothing is paid for twice."""


@cli.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("manifest.yaml"))
@common_options
@click.pass_obj
def init(invocation: Invocation, /, file: Path) -> int:
    """Write a commented starter manifest to FILE (manifest.yaml). Never overwrites."""
    from hailuo_batch.commands import init as command

    return command.run(file, invocation.console())


@cli.command()
@click.argument("manifests", nargs=-1, type=MANIFEST_PATH, metavar="[MANIFEST...]")
@click.option(
    "--changed",
    is_flag=True,
    help="For hooks: MANIFEST... are changed files. Check the manifests among them, and those that read a table "
    "among them.",
)
@strict
@as_json
@common_options
@click.pass_obj
def validate(invocation: Invocation, /, manifests: tuple[Path, ...], changed: bool, strict: bool, as_json: bool) -> int:
    """Check manifests, without network or ledger."""
    from hailuo_batch.commands import validate as command
    from hailuo_batch.manifest.diagnostics import warning_severity

    run = command.run_for_changed if changed else command.run
    return run(
        manifests or (default_manifest(click.get_current_context()),),
        warning_severity(strict=strict),
        invocation.console(as_json),
    )


@cli.command()
@campaign_command(
    plan_options,
    click.option("--check-images", is_flag=True, help="Also check the images of takes that apply would request."),
    click.option(
        "--out", type=click.Path(path_type=Path), metavar="FILE", help="Keep the plan in this file for apply --plan."
    ),
    click.option("--detailed-exitcode", is_flag=True, help="Exit 0: nothing to do, 1: any error, 2: something to do."),
    has_json=True,
)
def plan(where: "CampaignLocation", console: "Console", **options: Any) -> int:
    """Show what apply would do and roughly cost. Requests nothing."""
    from hailuo_batch.app.plan_campaign import PlanOptions
    from hailuo_batch.commands import plan as command

    return command.run(where, PlanOptions(**options), console)


@cli.command()
@campaign_command(
    click.option(
        "--yes", is_flag=True, help="Agree to pay without being asked. Needed if there is no terminal to ask at."
    ),
    plan_options,
    apply_options,
    no_sidecar,
    has_json=True,
)
def apply(where: "CampaignLocation", console: "Console", **options: Any) -> int:
    """Request missing videos, follow running ones, download, report."""
    from hailuo_batch.app.config import ApplyOptions
    from hailuo_batch.commands import apply as command

    return command.run(where, ApplyOptions(**options), console)


@cli.command()
@campaign_command(
    only_option,
    click.option("--all", "show_all", is_flag=True, help="Show every take, also those that are done."),
    click.option("--watch", is_flag=True, help="Show it again every few seconds, until everything is done or Ctrl-C."),
    has_json=True,
)
def status(where: "CampaignLocation", console: "Console", **options: Any) -> int:
    """Show how far the campaign is, also while an apply runs. Sends nothing."""
    from hailuo_batch.commands import status as command

    return command.run(where, command.StatusOptions(**options), console)


@cli.command()
@campaign_command(
    click.option(
        "--format",
        "formats",
        multiple=True,
        type=click.Choice(["html", "json", "md", "csv", "junit"]),
        help="Write only this file; repeatable. Default: all files, and the sidecars.",
    ),
    no_sidecar,
)
def report(where: "CampaignLocation", console: "Console", **options: Any) -> int:
    """Rewrite the report from the ledger. Sends nothing."""
    from hailuo_batch.commands import report as command

    return command.run(where, console, **options)


@cli.command()
@campaign_command(
    click.argument("take_ids", nargs=-1, metavar="[TAKE...]"),
    click.option("--run-id", metavar="ID", help="The request of one TAKE made this run. Asks the API about it first."),
    click.option("--resubmit", is_flag=True, help="Let the next apply request them again, which pays again."),
    click.option("--abandon", is_flag=True, help="Give them up; what they may have cost still counts."),
    click.option("--all", "all_takes", is_flag=True, help="All takes that are in doubt, lost or without a file."),
    click.option("--attempt", type=WholeNumber(min=1), metavar="N", help="This older attempt at one TAKE."),
    click.option(
        "--yes", is_flag=True, help="Agree to another payment without being asked. Needed without a terminal."
    ),
)
def resolve(where: "CampaignLocation", console: "Console", **options: Any) -> int:
    """Resolve takes that are in doubt, lost or stuck. Needs one of --run-id, --resubmit and --abandon.

    TAKE may be a pattern for IDs, or tag:PATTERN for tags.
    """
    from hailuo_batch.commands import resolve as command

    return command.run(where, command.parse_request(**options), console)


@cli.command()
@campaign_command(
    click.argument("take_ids", nargs=-1, metavar="[TAKE...]"),
    click.option("--all", "all_takes", is_flag=True, help="All failed or rejected takes, as without TAKE."),
)
def retry(where: "CampaignLocation", console: "Console", take_ids: tuple[str, ...], all_takes: bool) -> int:
    """Allow one more attempt for failed or rejected takes. The next apply makes it. Without TAKE: all of them.

    TAKE may be a pattern for IDs, or tag:PATTERN for tags.
    """
    from hailuo_batch.commands import retry as command

    return command.run(where, take_ids, all_takes, console)


@cli.command()
@campaign_command(
    click.option("--repair", is_flag=True, help="Download again what differs. Keeps changed files under another name."),
    no_sidecar,
    has_json=True,
)
def verify(where: "CampaignLocation", console: "Console", **options: Any) -> int:
    """Compare the files on disk with the ledger's sizes and SHA-256. Pays for nothing."""
    from hailuo_batch.commands import verify as command

    return command.run(where, console, **options)


@cli.command()
@campaign_command(
    click.argument("picks", type=PICKS_PATH),
    click.option("--to", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The folder to copy to."),
    click.option(
        "--name",
        default="${take}",
        show_default=True,
        metavar="TEMPLATE",
        help="What each file is called: ${take}, ${shot}, ${number}, ${run}, ${campaign}, and the take's variables.",
    ),
    click.option("--link", is_flag=True, help="Make hard links instead of copies."),
    only_option,
)
def collect(where: "CampaignLocation", console: "Console", **options: Any) -> int:
    """Copy the videos chosen in PICKS to a folder."""
    from hailuo_batch.commands import collect as command

    return command.run(where, command.CollectOptions(**options), console)


@cli.group(cls=OrderedGroup)
@common_options
def state() -> None:
    """Show, export or restore the ledger, or forget a take."""


@state.command("show")
@campaign_command()
def state_show(where: "CampaignLocation", console: "Console") -> int:
    """Show every attempt at every take. Sends nothing."""
    from hailuo_batch.commands import state as command

    return command.show(where, console)


@state.command("export")
@campaign_command()
def state_export(where: "CampaignLocation", console: "Console") -> int:
    """Print the whole ledger, journal included, as one JSON document."""
    from hailuo_batch.commands import state as command

    return command.export(where, replace(console, as_json=True))


@state.command("restore")
@campaign_command()
def state_restore(where: "CampaignLocation", console: "Console") -> int:
    """Restore the ledger from its backup and the receipts. Keeps the previous ledger."""
    from hailuo_batch.commands import state as command

    return command.restore(where, console)


@state.command("rm")
@campaign_command(
    click.argument("take_id", metavar="TAKE"),
    click.option("--force", is_flag=True, help="Even if it was paid for, or may have been."),
)
def state_rm(where: "CampaignLocation", console: "Console", take_id: str, force: bool) -> int:
    """Forget a take. Its files stay, and its money still counts."""
    from hailuo_batch.commands import state as command

    return command.remove(where, take_id, force, console)


@cli.command()
@optional_manifest
@ledger_options
@common_options
@click.pass_obj
def doctor(invocation: Invocation, /, manifest: Path | None, **given: Any) -> int:
    """Say what keeps an apply from working, and how to mend it. Pays for nothing."""
    from hailuo_batch.commands import doctor as command

    sandbox = given["sandbox"]
    where = None if manifest is None else invocation.locate(manifest, given)
    return command.run(where, sandbox, invocation.console())


@cli.command()
@click.argument("name", type=click.Choice(["manifest", "report", "state", "plan", "picks"]), default="manifest")
@common_options
@click.pass_obj
def schema(invocation: Invocation, /, name: str) -> int:
    """Print a JSON Schema. Default: the manifest's."""
    from hailuo_batch.commands import schema as command

    return command.run(name, invocation.console())


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common_options
@click.pass_obj
def completion(invocation: Invocation, /, shell: str) -> int:
    """Print a shell's completion script."""
    from hailuo_batch.cli.completion import completion_script

    invocation.console().write_stdout(completion_script(cli, shell))
    return 0


@cli.command()
@click.option("--port", type=WholeNumber(0, 65535), default=0, metavar="N", help="Default: any free port.")
@click.option(
    "--latency",
    "latency_s",
    type=DecimalNumber(0),
    default=0.0,
    metavar="SECONDS",
    help="Delay each answer by this long.",
)
@click.option(
    "--fail-rate", type=DecimalNumber(0, 1), default=0.0, metavar="SHARE", help="Let this share of the runs fail."
)
@click.option(
    "--sensitive-rate",
    type=DecimalNumber(0, 1),
    default=0.0,
    metavar="SHARE",
    help="Let this share fail because the input is sensitive: such a run is not tried again by itself.",
)
@click.option(
    "--rate-limit", default="20/10s", show_default=True, metavar="N/SECONDSs", help="The rate limit to enforce."
)
@click.option("--balance", metavar="USD", help="The balance of each account. Default: unlimited.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="KEY=NAME",
    help="Let this practice key belong to this account; repeatable. Keys of one account share its balance and know "
    "each other's runs. Any other key is an account of its own.",
)
@click.option("--seed", type=WholeNumber(0), default=0, metavar="N", help="The same seed gives the same results.")
@click.option(
    "--speed",
    type=DecimalNumber(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="Make runs this many times faster.",
)
@common_options
@click.pass_obj
def sandbox(invocation: Invocation, /, **options: Any) -> int:
    """Serve a Runbase look-alike on this machine until stopped."""
    from hailuo_batch.commands import sandbox as command

    return command.run(invocation.console(), **options)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    open_missing_streams()
    gc.set_threshold(*_GC_THRESHOLDS)  # ten thousand takes are 300,000 objects, and none of them is garbage
    guard_streams()
    exit_with(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line. Returns the exit code, after printing whatever went wrong."""
    return run_guarded(cli, arguments)

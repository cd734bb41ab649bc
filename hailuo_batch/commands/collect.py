"""`collect`: copies the videos that were chosen to a folder, under names made from what their takes are made of."""

import sys
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.app.config import check_only
from hailuo_batch.app.ledger_access import require_ledger
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.picks.collect import CollectResult, Selection, collect_files, prepare_folder, select_files
from hailuo_batch.app.picks.listing import NAME
from hailuo_batch.app.picks.picks_file import load_picks
from hailuo_batch.app.workspace import CampaignLocation, short_path
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.picks.names import DEFAULT_NAME, NameTemplate, parse_name_template
from hailuo_batch.core.picks.picks import Mark, Pick
from hailuo_batch.core.planning.selection import chooses
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.ui.console import Console, Verbosity, columns_of
from hailuo_batch.ui.progress import counting_bar
from hailuo_batch.ui.text import clean, count
from hailuo_batch.values import format_local_second

_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """The options of `collect`. With `link` the files get a second name instead of a copy."""

    picks: Path
    to: Path
    name: str = DEFAULT_NAME
    link: bool = False
    only: tuple[str, ...] = ()


def run(where: CampaignLocation, options: CollectOptions, console: Console) -> ExitCode:
    """Collect the chosen videos. Raises what reading a manifest or a ledger raises, UsageError for what cannot be
    named, and OutputError for a folder that cannot be written."""
    template = _parse_name(options.name)
    context = load_context(where, Terminal(console))
    given = load_picks(options.picks, context)
    picks = given.marked(Mark.CHOSEN)
    if given.exported_at is not None:  # a reviewer exports often, and an older file collects older choices
        console.print_info(f"{short_path(options.picks)}: picks of {format_local_second(given.exported_at)}.")
    view = require_ledger(context, "nothing to collect")
    if view.holder is not None:
        console.print_info(f"{view.holder} is running on this campaign: its files may change meanwhile.")
    chosen = _choose(picks, view.snapshot, options.only)
    if not chosen:
        console.print_info(f"{short_path(options.picks)} has no chosen video{' of these takes' if picks else ''}.")
        return ExitCode.DONE
    selection = select_files(chosen, view.snapshot, template)
    prepare_folder(options.to, context)
    columns = None if console.verbosity is Verbosity.QUIET else columns_of(sys.stderr)
    with counting_bar(sys.stderr, columns, len(selection.files), "files") as step:
        result = collect_files(selection, options.to, context, step, as_links=options.link)
    _print_damaged(selection, console)
    _print_result(result, options, console)
    return ExitCode.UNFINISHED if result.problems else ExitCode.DONE


def _parse_name(text: str) -> NameTemplate:
    try:
        return parse_name_template(text)
    except ValueError as error:
        raise UsageError(f"--name {clean(text)!r}: {error}. Nothing was copied.") from error


def _choose(picks: tuple[Pick, ...], snapshot: Snapshot, only: tuple[str, ...]) -> tuple[Pick, ...]:
    """The picks of the takes that `only` chooses: those whose takes have the runs now."""
    if not only:
        return picks
    takes = [record.take for record in snapshot.takes]
    check_only(only, takes)
    runs = {run.run_id for record in snapshot.takes if chooses(only, record.take) for run in record.runs}
    return tuple(pick for pick in picks if pick.run_id in runs)


def _print_damaged(selection: Selection, console: Console) -> None:
    damaged = [file for file in selection.files if file.output.flaw is not None]
    if damaged:
        names = "; ".join(f"{clean(file.name)}: {clean(file.output.flaw or '')}" for file in damaged[:_MOST_SHOWN])
        console.print_warning(f"{count(len(damaged), 'file')} arrived damaged and may not play: {names}.")


def _print_result(result: CollectResult, options: CollectOptions, console: Console) -> None:
    how = "linked" if options.link else "copied"
    files = result.made + result.there
    console.print_result_unless_quiet(
        f"{count(files, 'file')} in {short_path(options.to)}: {result.made:,} {how}, {result.there:,} there already. "
        f"{NAME} lists them."
        if files
        else f"Nothing was {how}."
    )
    if result.problems:
        shown = result.problems if console.is_verbose else result.problems[:_MOST_SHOWN]
        more = len(result.problems) - len(shown)
        console.print_warning(
            f"{count(len(result.problems), 'chosen video')} could not be collected:",
            *(f"  {problem}" for problem in shown),
            *([f"  ... and {more:,} more; -v shows them"] if more else []),
        )

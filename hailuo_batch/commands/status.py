"""`status`: the ledger, take by take, also while an apply runs. Sends and writes nothing."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hailuo_batch.app.config import check_only
from hailuo_batch.app.ledger_access import LedgerView, read_ledger, snapshot_before_first_apply
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.older_ledger import FilesBesideLedger, check_files_beside
from hailuo_batch.app.reports import report_of
from hailuo_batch.app.workspace import CampaignLocation, sandbox_hint
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.selection import chooses
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.advice import combine_commands
from hailuo_batch.report.model import Attempt, Report
from hailuo_batch.report.render_json import report_document
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.in_doubt import render_in_doubt
from hailuo_batch.ui.status import render_status
from hailuo_batch.ui.text import INDENT, count, name_some
from hailuo_batch.values import CampaignSpec

MOST_SHOWN = 10
"""The most kinds of advice shown, and of each the most takes, unless all are asked for."""

_RETRIED_BY_APPLY = frozenset({RunState.FAILED, RunState.REJECTED})


def run(where: CampaignLocation, console: Console, only: tuple[str, ...] = ()) -> ExitCode:
    """Show the ledger, or what it has of the takes that `only` chooses. Raises what reading a manifest or a ledger
    raises, and UsageError for a pattern that chooses no take."""
    context = load_context(where, console)
    view = read_ledger(context)
    files_beside = FilesBesideLedger() if view is None else check_files_beside(context)
    if view is None:
        console.print_info(f"No ledger yet: nothing was ever sent for this campaign.{sandbox_hint(context)}")
        snapshot = snapshot_before_first_apply(context)
        view = LedgerView(snapshot, None, snapshot)
    elif view.holder is not None:
        console.print_info(f"{view.holder} is running on this campaign.")
    view.print_receipts_ahead(console)
    if only:
        view = _choose(view, context.campaign, only, console)
    resume, state = view.resume_command, view.submitting_state
    report = report_of(context, view.snapshot, Clock().wall(), resume=resume, submitting_state=state)
    if console.as_json:
        console.print_json(report_document(report))
    else:
        columns = columns_of(sys.stdout)
        doubts = render_in_doubt(view.snapshot_with_doubts, where.command_line("resolve"), columns, show_all=True)
        console.print_result(render_status(report, doubts, columns))
    _print_advice(report, context.campaign, only, console)
    problem = files_beside.problem(context)
    if problem:  # an older ledger is shown all the same: the user needs to see what it has
        console.print_warning(problem)
        return ExitCode.LEDGER
    return ExitCode.DONE


def _choose(view: LedgerView, campaign: CampaignSpec, only: tuple[str, ...], console: Console) -> LedgerView:
    """The view of the chosen takes alone, and of their money. Those that left the manifest can be chosen too."""
    recorded = view.snapshot.takes
    known = {take.id: take for take in (*(record.take for record in recorded), *campaign.takes)}
    check_only(only, [*known.values()])
    # a take that is in both is chosen as the manifest has it: its tags may be newer than those on record
    # rule status_chosen
    chosen = {take.id for take in known.values() if chooses(only, take)}
    takes = tuple(record for record in recorded if record.take.id in chosen)
    console.print_info(f"Shown: {len(takes):,} of {count(len(recorded), 'take')} (--only), and their money alone.")
    return replace(view, snapshot=replace(view.snapshot, takes=takes, forgotten=()))


def _print_advice(report: Report, campaign: CampaignSpec, only: tuple[str, ...], console: Console) -> None:
    """Print what the ledger cannot show, and what needs attention."""
    recorded = {take.id for take in report.takes}
    new = sum(take.id not in recorded for take in campaign.takes if not only or chooses(only, take))
    if new:
        console.print_info(
            f"The manifest asks for {new:,} more; `hailuo-batch plan MANIFEST` shows what the next apply does with "
            "them."
        )
    attempts = (attempt for take in report.takes for attempt in take.attempts)
    groups = list(_group_by_advice(attempts).items())
    left = frozenset(take.id for take in report.takes if take.in_manifest and take.state is not TakeState.DONE)
    shown = groups if console.is_verbose else groups[:MOST_SHOWN]
    for text, alike in shown:
        names = [attempt.run.take_id for attempt in alike]
        console.print_info(f"{name_some(names, len(names) if console.is_verbose else MOST_SHOWN)}: {text}")
        retried = all(attempt.run.state in _RETRIED_BY_APPLY for attempt in alike)
        is_all = retried and not new and left == set(names)
        advised = [(attempt.run.take_id, attempt.advice) for attempt in alike if attempt.advice]
        console.print_info_lines("\n".join(f"{INDENT}{command}" for command in combine_commands(advised, is_all)))
    if len(shown) < len(groups):
        more = sum(len(alike) for _, alike in groups[MOST_SHOWN:])
        console.print_info(f"... and {more:,} more; -v shows what to do about each, and so does the report.")


def _group_by_advice(attempts: Iterable[Attempt]) -> dict[str, Sequence[Attempt]]:
    """The attempts with the same advice, by its text. Those in doubt are listed with the money at risk."""
    groups: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.advice is not None and attempt.run.state is not RunState.IN_DOUBT:
            groups.setdefault(attempt.advice.text, []).append(attempt)
    return {**groups}

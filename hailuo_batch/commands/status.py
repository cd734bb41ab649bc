"""`status`: the ledger, take by take, also while an apply is at work. Sends and writes nothing."""

import sys
from collections.abc import Iterable, Sequence

from hailuo_batch.app.config import read_endpoint
from hailuo_batch.app.ledger_access import LedgerView, read_ledger, snapshot_before_first_apply
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import FilesBesideLedger, check_files_beside
from hailuo_batch.app.workspace import CampaignLocation, command_line, folder_options, locate, sandbox_hint
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.advice import combine_commands
from hailuo_batch.report.model import Report, ReportRun, build_report
from hailuo_batch.report.render_json import report_document
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.in_doubt import render_in_doubt
from hailuo_batch.ui.status import render_status
from hailuo_batch.ui.text import INDENT
from hailuo_batch.values import CampaignSpec

MOST_SHOWN = 10
"""What needs a person, and of each the takes, shown at most, unless all are asked for."""

_MADE_AGAIN = frozenset({RunState.FAILED, RunState.REJECTED})


def run(where: CampaignLocation, console: Console) -> ExitCode:
    """Show the ledger. Raises what reading a manifest or a ledger raises."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    reading = read_ledger(paths, campaign, endpoint)
    files_beside = FilesBesideLedger() if reading is None else check_files_beside(paths, campaign.name, endpoint)
    if reading is None:
        console.print_info(
            "There is no ledger yet: nothing was ever sent for this campaign." + sandbox_hint(where, campaign.name)
        )
        snapshot = snapshot_before_first_apply(campaign, endpoint)
        reading = LedgerView(snapshot, None, snapshot)
    elif reading.holder is not None:
        console.print_info(f"{reading.holder} is at work on this campaign.")
    reading.print_receipts_ahead(console)
    report = build_report(
        reading.snapshot,
        generated_at=Clock().wall(),
        manifest=str(where.manifest),
        options=folder_options(where),
        resume=reading.resume_command,
        submitting_state=reading.submitting_state,
        max_attempts=campaign.limits.max_attempts,
    )
    if console.as_json:
        console.print_json(report_document(report))
    else:
        columns = columns_of(sys.stdout)
        doubts = render_in_doubt(reading.snapshot_with_doubts, command_line("resolve", where), columns, show_all=True)
        console.print_result(render_status(report, doubts, columns))
    _print_advice(report, campaign, console)
    problem = files_beside.problem(paths, where)
    if problem:  # shown all the same: this is what the ledger has
        console.print_warning(problem)
        return ExitCode.LEDGER
    return ExitCode.DONE


def _print_advice(report: Report, campaign: CampaignSpec, console: Console) -> None:
    """What the ledger cannot show, and what a person has to do."""
    recorded = {take.id for take in report.takes}
    new = sum(take.id not in recorded for take in campaign.takes)
    if new:
        console.print_info(
            f"The manifest asks for {new:,} more; `hailuo-batch plan MANIFEST` shows what the next apply does with "
            "them."
        )
    # what is in doubt was shown with the money that is at risk
    advised = [run for take in report.takes for run in take.runs if run.advice and run.state is not RunState.IN_DOUBT]
    left = frozenset(take.id for take in report.takes if take.in_manifest and take.state is not TakeState.DONE)
    groups = list(_group_by_advice(advised).items())
    shown = groups if console.is_verbose else groups[:MOST_SHOWN]
    for text, alike in shown:
        console.print_info(f"{_take_names(alike, console.is_verbose)}: {text}")
        made_again = all(run.state in _MADE_AGAIN for run in alike)
        is_all = made_again and not new and left == {run.take_id for run in alike}
        commands = combine_commands([(run.take_id, run.advice) for run in alike if run.advice], is_all)
        console.print_info_lines("\n".join(f"{INDENT}{command}" for command in commands))
    if len(shown) < len(groups):
        more = sum(len(alike) for _, alike in groups[MOST_SHOWN:])
        console.print_info(f"... and {more:,} more; -v shows what to do about each, and so does the report.")


def _take_names(alike: Sequence[ReportRun], show_all: bool) -> str:
    shown = alike if show_all else alike[:MOST_SHOWN]
    more = f" and {len(alike) - len(shown):,} more" if len(shown) < len(alike) else ""
    return ", ".join(run.take_id for run in shown) + more


def _group_by_advice(advised: Iterable[ReportRun]) -> dict[str, list[ReportRun]]:
    """The attempts about which the same is to be said, by what that is."""
    groups: dict[str, list[ReportRun]] = {}
    for run in advised:
        if run.advice is not None:
            groups.setdefault(run.advice.text, []).append(run)
    return groups

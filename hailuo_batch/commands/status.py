"""`status`: the ledger, take by take, also while an apply is at work. Sends and writes nothing."""

import sys

from hailuo_batch.commands.console import Console, columns_of
from hailuo_batch.commands.loading import load_campaign
from hailuo_batch.commands.reading import Reading, read_ledger, untouched_snapshot
from hailuo_batch.commands.settings import read_endpoint
from hailuo_batch.commands.status_view import render_status
from hailuo_batch.commands.workspace import Whereabouts, locate
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.model import Report, build_report
from hailuo_batch.report.render_json import document
from hailuo_batch.shell.clock import Clock
from hailuo_batch.values import Campaign


def run(where: Whereabouts, console: Console) -> ExitCode:
    """Show the ledger. Raises what reading a manifest or a ledger raises."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    reading = read_ledger(locate(where, campaign.name), campaign, endpoint)
    if reading is None:
        console.say("There is no ledger yet: nothing was ever sent for this campaign.")
        reading = Reading(untouched_snapshot(campaign, endpoint), None)
    elif reading.holder is not None:
        console.say(f"{reading.holder} is at work on this campaign.")
    report = build_report(
        reading.snapshot,
        generated_at=Clock().wall(),
        manifest=str(where.manifest),
        submitting_means=reading.submitting_means,
    )
    if console.as_json:
        console.document(document(report))
    else:
        console.result(render_status(report, columns_of(sys.stdout)))
    _point_out(report, campaign, console)
    return ExitCode.DONE


def _point_out(report: Report, campaign: Campaign, console: Console) -> None:
    """What the ledger cannot show, and what a person has to do."""
    recorded = {take.id for take in report.takes}
    new = sum(take.id not in recorded for take in campaign.takes)
    if new:
        console.say(
            f"The manifest asks for {new:,} more; `hailuo-batch plan` shows what the next apply does with them."
        )
    for take in report.takes:
        for attempt in take.runs:
            if attempt.advice is not None:
                commands = "".join(f"\n  {command}" for command in attempt.advice.commands)
                console.say(f"{take.id}: {attempt.advice.text}{commands}")

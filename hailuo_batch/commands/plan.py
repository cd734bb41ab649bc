"""`plan`: what an apply would do, against the ledger, and about what it would cost. Creates and sends nothing."""

import sys
from dataclasses import dataclass

from hailuo_batch.commands.console import Console, columns_of
from hailuo_batch.commands.estimate import estimate_cost
from hailuo_batch.commands.loading import load_campaign
from hailuo_batch.commands.plan_view import plan_document, render_plan
from hailuo_batch.commands.reading import empty_snapshot, read_ledger
from hailuo_batch.commands.settings import Bounds, read_endpoint, read_settings, read_wishes
from hailuo_batch.commands.workspace import Whereabouts, locate
from hailuo_batch.core.plan import make_plan
from hailuo_batch.core.records import in_doubt_if_submitting
from hailuo_batch.errors import ExitCode


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What `plan` is asked beyond the manifest."""

    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: str = "hold"
    max_spend: str | None = None


def run(where: Whereabouts, options: PlanOptions, console: Console) -> ExitCode:
    """Show the plan. Raises what reading a manifest or a ledger raises."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    wishes = read_wishes(campaign, options.only, options.replace, options.in_doubt)
    cap = read_settings(Bounds(max_spend=options.max_spend), campaign).cap_micro_usd
    reading = read_ledger(locate(where, campaign.name), campaign, endpoint)
    if reading is None:
        snapshot = empty_snapshot(campaign, endpoint)
    elif reading.holder is None:
        snapshot = in_doubt_if_submitting(reading.snapshot)
    else:
        snapshot = reading.snapshot
        console.say(f"{reading.holder} is at work on this campaign; this is the plan as of now.")
    plan = make_plan(campaign, snapshot, wishes)
    estimate = estimate_cost(plan, snapshot, campaign.limits)
    if console.as_json:
        console.document(plan_document(plan, snapshot, estimate, cap_micro_usd=cap))
        return ExitCode.DONE
    columns = columns_of(sys.stdout)
    console.result(
        render_plan(plan, snapshot, estimate, cap_micro_usd=cap, columns=columns, show_all=console.is_verbose)
    )
    return ExitCode.DONE

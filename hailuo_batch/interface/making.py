"""The values that a program gets, made of what the use cases work with."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hailuo_batch.app.consent import Proposal
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.plan import PAYING, PlanAction
from hailuo_batch.core.planning.spend import Spend
from hailuo_batch.interface.money import Money, money
from hailuo_batch.interface.values import Finding, Plan, PlannedTake, Spending, TakeStatus, Validation
from hailuo_batch.manifest import Diagnostic, LoadedManifest, render_diagnostic
from hailuo_batch.report.model import Report, ReportTake


def make_validation(loaded: LoadedManifest) -> Validation:
    """The findings, and what there would be to make."""
    campaign = loaded.campaign
    return Validation(
        tuple(map(_finding, loaded.diagnostics)),
        None if campaign is None else len(campaign.shots),
        None if campaign is None else sum(1 for _ in campaign.takes),
    )


def _finding(found: Diagnostic) -> Finding:
    return Finding(
        str(found.severity),
        None if found.code is None else str(found.code),
        found.path,
        found.line,
        found.column,
        found.message,
        found.hint,
        render_diagnostic(found),
    )


def make_plan_value(
    proposal: Proposal, settings: Settings, document: Mapping[str, Any] | None = None, notes: tuple[str, ...] = ()
) -> Plan:
    """The plan. `document` is the complete one, None for a plan that is only shown."""
    plan, estimate = proposal.plan, proposal.estimate
    prices = {price.model: price.cost_micro_usd for price in estimate.prices}
    counts = Counter(line.action for line in plan.lines)
    takes = tuple(
        PlannedTake(
            line.take_id,
            line.take.shot,
            line.model,
            str(line.action),
            line.explanation,
            money(prices.get(line.model)) if line.action in PAYING else None,
            dict(line.take.input),
            dict(line.take.variables),
        )
        for line in plan.lines
    )
    return Plan(
        str(document["id"]) if document is not None else _id_of(takes),
        proposal.snapshot.campaign,
        proposal.snapshot.endpoint,
        takes,
        {str(action): counts[action] for action in PlanAction},
        estimate.creates,
        money(estimate.micro_usd),
        money(settings.cap_micro_usd),
        proposal.time.least_s,
        proposal.time.about_s,
        notes,
        {} if document is None else document,
    )


def _id_of(takes: tuple[PlannedTake, ...]) -> str:
    told = json.dumps([(take.id, take.action, take.model, take.input) for take in takes], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def image_notes(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What a plan's document says against images, in words."""
    found = (each for each in document["findings"] if each["url"] is not None)
    return tuple(
        f"{each['severity']}: the image {each['url']} {each['message']} ({', '.join(each['takes'])})" for each in found
    )


def make_takes(report: Report, outputs: Path) -> tuple[TakeStatus, ...]:
    """Where each take stands."""
    return tuple(_take_status(take, outputs) for take in report.takes)


def _take_status(take: ReportTake, outputs: Path) -> TakeStatus:
    live = take.live or next(reversed(take.attempts), None)
    return TakeStatus(
        take.id,
        take.take.shot,
        str(take.state),
        len(take.attempts),
        None if live is None else live.run.run_id,
        None if live is None else money(live.run.cost_micro_usd),
        tuple(outputs / output.path for output in take.outputs if output.path is not None),
        "" if live is None else live.problem,
        take.damaged,
        take.in_manifest,
        take.take.tags,
        take.prompt,
        dict(take.take.variables),
    )


def make_counts(report: Report) -> Mapping[str, int]:
    """How many takes are in each state."""
    return {str(state): number for state, number in report.totals.items()}


def make_spending(spend: Spend) -> Spending:
    """The campaign's money."""
    doubt = Money(0) if not spend.in_doubt_takes else money(spend.in_doubt_micro_usd)
    return Spending(Money(spend.charged_micro_usd), Money(spend.refunded_micro_usd), doubt)

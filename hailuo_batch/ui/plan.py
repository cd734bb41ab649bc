"""A plan for a person, and as JSON.

Pure: the terminal's width is passed in. What an apply changes comes first. Long lists are shortened unless all is asked
for.
"""

from collections import Counter
from typing import Any

from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.cap import Cap
from hailuo_batch.core.planning.estimate import Basis, Estimate, Price, TimeNeeded, describe_time
from hailuo_batch.core.planning.plan import Plan, PlanAction, PlanLine
from hailuo_batch.core.planning.spend import Spend, spend_of
from hailuo_batch.report.fields import spend_fields
from hailuo_batch.report.model import risk_sentence
from hailuo_batch.ui.in_doubt import render_in_doubt
from hailuo_batch.ui.text import INDENT, clean, count, elide, layout_lines, layout_rows
from hailuo_batch.values import CampaignSpec, format_usd

MOST_SHOWN = 12
"""The most lines shown of one kind, unless all are asked for."""

_SHOWN_IMAGES = 2
_LONGEST_URL = 500

_ORDER = tuple(PlanAction)
_TOTALS = {
    PlanAction.CREATE: "to create",
    PlanAction.REPLACE: "to replace",
    PlanAction.RESUME: "to resume",
    PlanAction.DOWNLOAD: "to download",
    PlanAction.KEEP: "kept",
    PlanAction.HOLD: "held",
    PlanAction.UNWANTED: "no longer in the manifest",
}


def render_plan(
    plan: Plan,
    snapshot: Snapshot,
    estimate: Estimate,
    time: TimeNeeded,
    *,
    cap_micro_usd: int | None,
    resolve: str,
    columns: int | None,
    show_all: bool,
) -> str:
    """The plan in lines that fit `columns` (None: nothing is shortened).

    `resolve` is that command for this campaign, ready to be pasted into a shell.
    """
    rows = _rows(plan, columns, show_all)
    sentences = [
        f"Plan: {_totals_text(plan)}.",
        _cost_sentence(estimate, cap_micro_usd),
        # rule time_shown
        *([f"Time: {describe_time(time)}."] if estimate.creates else []),
        *_cap_warning(estimate, snapshot, cap_micro_usd),
        *_spend_sentence(_spend(snapshot)),
    ]
    doubts = render_in_doubt(snapshot, resolve, columns, show_all=show_all)
    # rule plan_table
    return "\n".join([*rows, *([""] if rows else []), *layout_lines(sentences, columns), *doubts])


def plan_document(
    campaign: CampaignSpec,
    plan: Plan,
    snapshot: Snapshot,
    estimate: Estimate,
    time: TimeNeeded,
    cap_micro_usd: int | None,
) -> dict[str, Any]:
    """The plan as JSON data. Amounts are in micro-USD, times in seconds, null if unknown."""
    fingerprints = {record.take.id: record.take.fingerprint for record in snapshot.takes}
    fingerprints |= {take.id: take.fingerprint for take in campaign.takes}
    counts = Counter(line.action for line in plan.lines)
    return {
        "version": 1,
        "campaign": snapshot.campaign,
        "endpoint": snapshot.endpoint,
        "totals": {str(action): counts[action] for action in _ORDER},
        "estimate": {
            "creates": estimate.creates,
            # rule unknown_cost_json
            "micro_usd": estimate.micro_usd,
            "models": [
                {
                    "model": price.model,
                    "creates": price.creates,
                    # rule unknown_price_json
                    "cost_micro_usd": price.cost_micro_usd,
                    "basis": str(price.basis),
                }
                for price in estimate.prices
            ],
        },
        # rule duration_json
        "duration": {"at_least_s": time.least_s, "about_s": time.about_s},
        "cap_micro_usd": cap_micro_usd,
        "spend": spend_fields(_spend(snapshot)),
        "takes": [
            {
                "id": line.take_id,
                "model": line.model,
                "action": str(line.action),
                "reason": line.reason,
                "fingerprint": fingerprints[line.take_id],
                "moved_from": line.moved_from or None,
                "image_urls": [{"was": was or None, "now": now or None} for was, now in line.image_urls],
            }
            for line in plan.lines
        ],
    }


def _rows(plan: Plan, columns: int | None, show_all: bool) -> list[str]:
    cells: list[tuple[str, ...]] = []
    below: dict[int, list[str]] = {}
    for action in _ORDER:
        lines = [line for line in plan.lines if line.action is action]
        worth = lines if show_all else [line for line in lines if _is_worth_showing(line, plan)]
        shown = worth if show_all else worth[:MOST_SHOWN]
        for line in shown:
            # rule reason_shown
            cells.append((str(line.action), line.take_id, clean(line.reason)))
            below[len(cells)] = _changed_images(line, columns, show_all)
        if len(shown) < len(worth):
            below[len(cells)] += [f"{INDENT}{action}  ... and {len(worth) - len(shown):,} more; -v shows them"]
    rows = layout_rows(cells, columns)
    return [text for number, row in enumerate(rows, 1) for text in (row, *below[number])]


def _changed_images(line: PlanLine, columns: int | None, show_all: bool) -> list[str]:
    """The image URLs that changed, the old one above the new one: they may differ in a signature only."""
    shown = line.image_urls if show_all else line.image_urls[:_SHOWN_IMAGES]
    width = _LONGEST_URL if columns is None else columns - len(f"{INDENT * 2}was  ")
    # rule was_and_now
    lines = [
        f"{INDENT * 2}{when}  {url or 'none'}"
        for was, now in shown
        for when, url in zip(("was", "now"), _side_by_side(clean(was), clean(now), width), strict=True)
    ]
    others = len(line.image_urls) - len(shown)
    return lines + ([f"{INDENT * 2}... and {count(others, 'more image')}; -v shows them"] if others else [])


def _side_by_side(was: str, now: str, columns: int) -> tuple[str, str]:
    """Two texts shortened to fit, without losing where they differ: a signature is near the end of a URL."""
    differ = (at for at, (one, other) in enumerate(zip(was, now, strict=False)) if one != other)
    shared = next(differ, min(len(was), len(now)))
    start = shared - columns // 3 if shared > columns // 2 and max(len(was), len(now)) > columns else 0
    cut = "…" if start else ""
    return elide(cut + was[start:], columns), elide(cut + now[start:], columns)


def _is_worth_showing(line: PlanLine, plan: Plan) -> bool:
    """Takes that are kept, or left out by --only, are shown only if they were renamed."""
    is_quiet = line.action is PlanAction.KEEP or _is_left_out(line, plan)
    return bool(line.moved_from) or not is_quiet


def _is_left_out(line: PlanLine, plan: Plan) -> bool:
    return line.action is PlanAction.HOLD and line.take_id not in plan.scope


def _totals_text(plan: Plan) -> str:
    counts = Counter(line.action for line in plan.lines if not _is_left_out(line, plan))
    parts = [f"{counts[action]:,} {_TOTALS[action]}" for action in _ORDER if counts[action]]
    left_out = sum(_is_left_out(line, plan) for line in plan.lines)
    parts += [f"{left_out:,} left out by --only"] if left_out else []
    return ", ".join(parts) or "no takes"


def _cost_sentence(estimate: Estimate, cap_micro_usd: int | None) -> str:
    if not estimate.creates:
        return "Cost: none."
    how = "; ".join(_price_text(price) for price in estimate.prices)
    cap = "" if cap_micro_usd is None else f" Cap: {format_usd(cap_micro_usd)}."
    total = estimate.micro_usd
    # rule unknown_cost
    cost = "unknown until the first run finishes" if total is None else f"about {format_usd(total)}"
    return f"Cost: {cost} ({how}).{cap}"


def _price_text(price: Price) -> str:
    match price.basis:
        case Basis.LEDGER:
            assert price.cost_micro_usd is not None
            return f"{price.creates:,} x {format_usd(price.cost_micro_usd)}, the newest price paid"
        case Basis.EXPECTED:
            assert price.cost_micro_usd is not None
            return f"{price.creates:,} x {format_usd(price.cost_micro_usd)}, as the manifest expects"
        case Basis.UNKNOWN:
            return f"{count(price.creates, 'run')} of {clean(price.model)}, price not known yet"


def _spend_sentence(spend: Spend) -> list[str]:
    if not spend.charged_micro_usd and not spend.in_doubt_takes:
        return []
    return [f"So far: {format_usd(spend.net_micro_usd)} spent. {risk_sentence(spend)}".rstrip()]


def _spend(snapshot: Snapshot) -> Spend:
    """The money so far. A request that a running apply is sending just now is not in doubt yet."""
    return spend_of(run for run in snapshot.paid_runs if run.state is not RunState.SUBMITTING)


def _cap_warning(estimate: Estimate, snapshot: Snapshot, cap_micro_usd: int | None) -> list[str]:
    if cap_micro_usd is None or not estimate.creates or estimate.micro_usd is None:
        return []
    cap = Cap(cap_micro_usd)
    for run in snapshot.paid_runs:
        cap.on_run_changed(run)
    total = cap.committed_micro_usd + estimate.micro_usd
    if total <= cap_micro_usd:
        return []
    return [f"That would bring the campaign to {format_usd(total)}: apply stops at the cap and exits 3."]

"""A plan as JSON: for `plan --json`, and for the file that a reviewer reads and `apply --plan` follows.

Pure. What is paid for is shown as it is sent, so that whoever sees only this document can say which words and which
images each amount buys.
"""

from collections import Counter
from typing import Any

from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.planning.diff import RecordedRequest
from hailuo_batch.core.planning.estimate import Estimate, TimeNeeded
from hailuo_batch.core.planning.plan import FOLLOWED, PAYING, Plan, PlanAction, PlanLine
from hailuo_batch.report.fields import spend_fields
from hailuo_batch.ui.plan import spend_so_far

_SHOWN = PAYING | FOLLOWED
"""The takes whose input is part of the document: a run that is followed, and fails, may be made again."""


def plan_document(
    plan: Plan, snapshot: Snapshot, estimate: Estimate, time: TimeNeeded, cap_micro_usd: int | None
) -> dict[str, Any]:
    """The plan as JSON data. Amounts are in micro-USD, times in seconds, null if unknown."""
    counts = Counter(line.action for line in plan.lines)
    costs = {price.model: price.cost_micro_usd for price in estimate.prices}
    return {
        "version": 1,
        "campaign": snapshot.campaign,
        "endpoint": snapshot.endpoint,
        "totals": {str(action): counts[action] for action in PlanAction},
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
        "spend": spend_fields(spend_so_far(snapshot)),
        "takes": [_take_fields(line, costs.get(line.model) if line.action in PAYING else None) for line in plan.lines],
    }


def _take_fields(line: PlanLine, cost_micro_usd: int | None) -> dict[str, Any]:
    return {
        "id": line.take_id,
        "shot": line.take.shot,
        "template": line.template or None,
        "variables": dict(line.take.variables),
        "model": line.model,
        "action": str(line.action),
        "reason": line.explanation,
        "cost_micro_usd": cost_micro_usd,
        "fingerprint": line.take.fingerprint,
        # rule input_json_shown
        "input": dict(line.take.input) if line.action in _SHOWN else None,
        "before": None if line.before is None else _before_fields(line.before),
        "moved_from": line.moved_from or None,
        "note": line.note or None,
        "image_urls": [{"was": was or None, "now": now or None} for was, now in line.image_urls],
    }


def _before_fields(before: RecordedRequest) -> dict[str, Any]:
    return {"model": before.model, "input": dict(before.input), "complete": before.is_whole}

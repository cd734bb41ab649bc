"""JSON fields that several documents share: the report, the exported ledger and the plan.

Amounts are integers in micro-USD. Times are RFC 3339 in UTC with milliseconds and `Z`; no clock is read here.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hailuo_batch.core.model.runs import Output, Run
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.spend import Spend
from hailuo_batch.values import Take

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(epoch_s: float | None) -> str | None:
    """`2025-11-22T08:00:00.000Z` for seconds since the epoch; None for None and for times outside the calendar."""
    if epoch_s is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=round(epoch_s * 1000))
    except (OverflowError, ValueError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spend_fields(spend: Spend) -> dict[str, Any]:
    """The campaign's money."""
    return {
        "charged_micro_usd": spend.charged_micro_usd,
        "refunded_micro_usd": spend.refunded_micro_usd,
        "net_micro_usd": spend.net_micro_usd,
        "in_doubt_takes": spend.in_doubt_takes,
        "in_doubt_micro_usd": spend.in_doubt_micro_usd,
    }


def take_fields(take: Take, state: TakeState, in_manifest: bool) -> dict[str, Any]:
    """A take without its runs."""
    return {
        "id": take.id,
        "shot": take.shot,
        "number": take.number,
        "tags": list(take.tags),
        "fingerprint": take.fingerprint,
        "state": str(state),
        "in_manifest": in_manifest,
        "model": take.model,
        "input": json.loads(take.input_json),
        "variables": dict(take.variables),
    }


def run_fields(run: Run) -> dict[str, Any]:
    """A run without its outputs."""
    return {
        "run_id": run.run_id,
        "attempt": run.attempt,
        "state": str(run.state),
        "fingerprint": run.fingerprint,
        "create_id": run.create_id,
        "cost_micro_usd": run.cost_micro_usd,
        "submitted_at": format_time(run.submitted_at),
        "completed_at": format_time(run.completed_at),
    }


def output_fields(output: Output) -> dict[str, Any]:
    """One output of a run; `flaw` is that of the file on disk, null while there is none."""
    return {
        "path": output.path,
        "url": output.url,
        "bytes": output.bytes,
        "sha256": output.sha256,
        "flaw": output.flaw if output.path is not None else None,
    }

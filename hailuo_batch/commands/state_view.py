"""The ledger as a person reads it, and as a document: every attempt of every take, forgotten ones included."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hailuo_batch.commands.text import INDENT, clean, count, layout_rows
from hailuo_batch.commands.workspace import CampaignPaths
from hailuo_batch.core.records import Output, Run, Snapshot, TakeRecord
from hailuo_batch.core.spend import spend_of
from hailuo_batch.report.times import format_time
from hailuo_batch.values import format_usd

EXPORT_VERSION = 1


def render_ledger(snapshot: Snapshot, paths: CampaignPaths, columns: int | None) -> str:
    """The ledger in lines: where it is, what it holds, then each attempt."""
    spend = spend_of(snapshot.paid_runs)
    lines = [
        f"{paths.ledger}",
        f"{INDENT}campaign {snapshot.campaign} at {snapshot.endpoint}, {count(len(snapshot.takes), 'take')}",
        f"{INDENT}charged {format_usd(spend.charged_micro_usd)}, refunded {format_usd(spend.refunded_micro_usd)}",
    ]
    rows = [_row(record, run) for record in snapshot.takes for run in record.runs]
    rows += [("forgotten", run.take_id, f"#{run.attempt}", _cost(run), run.run_id or "") for run in snapshot.forgotten]
    return "\n".join([*lines, *layout_rows(rows, columns)])


def export_document(snapshot: Snapshot, journal: Iterable[Mapping[str, Any]], at: float) -> dict[str, Any]:
    """The whole ledger as JSON data, as `schemas/state.schema.json` says. `at` is seconds since the epoch, UTC."""
    return {
        "version": EXPORT_VERSION,
        "campaign": snapshot.campaign,
        "endpoint": snapshot.endpoint,
        "exported_at": format_time(at),
        "manifest_sha256": snapshot.manifest_sha256 or None,
        "takes": [_take(record) for record in snapshot.takes],
        "forgotten": [{"take_id": run.take_id, **_run(run)} for run in snapshot.forgotten],
        "journal": [{**line, "at": format_time(line["at"])} for line in journal],
    }


def _row(record: TakeRecord, run: Run) -> tuple[str, ...]:
    state = run.take_state if not run.superseded else f"superseded, {run.state}"
    said = clean(run.reason) if run.reason else ", ".join(output.path or output.url for output in run.outputs)
    return (
        state.replace("_", " "),
        record.take.id,
        f"#{run.attempt}",
        _cost(run),
        f"{run.run_id or '-'}  {said}".rstrip(),
    )


def _cost(run: Run) -> str:
    return "?" if run.cost_micro_usd is None else format_usd(run.cost_micro_usd)


def _take(record: TakeRecord) -> dict[str, Any]:
    take = record.take
    return {
        "id": take.id,
        "shot": take.shot,
        "number": take.number,
        "state": record.state,
        "in_manifest": record.in_manifest,
        "model": take.model,
        "input": json.loads(take.input_json),
        "fingerprint": take.fingerprint,
        "images_sha256": take.images_sha256,
        "tags": list(take.tags),
        "runs": [_run(run) for run in record.runs],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "attempt": run.attempt,
        "state": run.state,
        "superseded_by": run.superseded_by,
        "create_id": run.create_id,
        "run_id": run.run_id,
        "model": run.model,
        "input": json.loads(run.input_json),
        "fingerprint": run.fingerprint,
        "images_sha256": run.images_sha256,
        "cost_micro_usd": run.cost_micro_usd,
        "reason": run.reason,
        "submitted_at": format_time(run.submitted_at),
        "completed_at": format_time(run.completed_at),
        "outputs": [_output(output) for output in run.outputs],
    }


def _output(output: Output) -> dict[str, Any]:
    return {"url": output.url, "path": output.path, "bytes": output.bytes, "sha256": output.sha256}

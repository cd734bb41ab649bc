"""The ledger for a person, and as a JSON document: every attempt at every take, forgotten ones included."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hailuo_batch.core.model.runs import Output, Run, Snapshot, TakeRecord
from hailuo_batch.core.planning.spend import spend_of
from hailuo_batch.report.fields import format_time, output_fields, run_fields, take_fields
from hailuo_batch.report.model import risk_sentence, state_text
from hailuo_batch.text import one_line
from hailuo_batch.ui.text import INDENT, clean, count, elide, layout_rows
from hailuo_batch.values import format_usd, format_utc_minute

EXPORT_VERSION = 1


def render_ledger(snapshot: Snapshot, path: Path, columns: int | None) -> str:
    """The ledger in lines: its path, its totals, then each attempt."""
    spend = spend_of(snapshot.paid_runs)
    charged, refunded = format_usd(spend.charged_micro_usd), format_usd(spend.refunded_micro_usd)
    lines = [
        one_line(str(path)),
        f"{INDENT}campaign {snapshot.campaign} at {snapshot.endpoint}, {count(len(snapshot.takes), 'take')}",
        f"{INDENT}charged {charged}, refunded {refunded}, net {format_usd(spend.net_micro_usd)}",
        *([f"{INDENT}{risk_sentence(spend)}"] if spend.in_doubt_takes else []),
    ]
    rows = [_row(_state_text(run), run) for run in snapshot.runs]
    rows += [_row("forgotten", run) for run in snapshot.forgotten]
    for line, run in zip(layout_rows(rows, columns), snapshot.paid_runs, strict=True):
        lines += [line, *(f"{3 * INDENT}{detail}" for detail in _detail_lines(run, columns))]
    return "\n".join(lines)


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


def _row(state: str, run: Run) -> tuple[str, ...]:
    sent = "" if run.submitted_at is None else f"sent {format_utc_minute(run.submitted_at)}"
    return state, run.take_id, f"#{run.attempt}", _cost(run), sent


def _state_text(run: Run) -> str:
    return f"superseded, {state_text(run.state)}" if run.is_superseded else state_text(run.take_state)


def _detail_lines(run: Run, columns: int | None) -> Iterator[str]:
    """The lines below an attempt. A run ID is never shortened, so that it can be copied."""
    if run.run_id is not None:
        yield one_line(run.run_id)
    texts = [run.reason] if run.reason else [_output_text(output) for output in run.outputs]
    for text in texts:
        yield clean(text) if columns is None else elide(clean(text), columns - 3 * len(INDENT))


def _output_text(output: Output) -> str:
    flaw = f", damaged: {output.flaw}" if output.flaw else ""
    return f"{output.path or output.url}{flaw}"


def _cost(run: Run) -> str:
    return "?" if run.cost_micro_usd is None else format_usd(run.cost_micro_usd)


def _take(record: TakeRecord) -> dict[str, Any]:
    return {
        **take_fields(record.take, record.state, record.in_manifest),
        "images_sha256": record.take.images_sha256,
        "runs": [_run(run) for run in record.runs],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        **run_fields(run),
        "superseded_by": run.superseded_by,
        "model": run.model,
        "input": json.loads(run.input_json),
        "images_sha256": run.images_sha256,
        "reason": run.reason,
        "api_key": run.api_key,
        # unlike in a report, a flaw stays here while the file is missing
        "outputs": [{**output_fields(output), "flaw": output.flaw} for output in run.outputs],
    }

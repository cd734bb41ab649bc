"""report.json: the report for machines, as `schemas/report.schema.json` describes it.

Owns the names and the order of the fields. Fields may be added, never changed; amounts stay integers, times are
RFC 3339 in UTC, and one report always gives the same text.
"""

from typing import Any

from hailuo_batch.report.advice import Advice
from hailuo_batch.report.encoding import encode_indented
from hailuo_batch.report.model import Report, ReportOutput, ReportRun, ReportTake
from hailuo_batch.report.times import format_time

VERSION = 1


def render_json(report: Report) -> str:
    """The text of report.json."""
    return encode_indented(report_document(report)) + "\n"


def report_document(report: Report) -> dict[str, Any]:
    """The report as plain JSON data."""
    spend = report.spend
    return {
        "version": VERSION,
        "campaign": report.campaign,
        "description": report.description,
        "endpoint": report.endpoint,
        "manifest_sha256": report.manifest_sha256 or None,
        "generated_at": format_time(report.generated_at),
        "applying": report.applying,
        "totals": {"takes": len(report.takes)} | {str(state): count for state, count in report.totals.items()},
        "damaged_takes": report.damaged,
        "spend": {
            "charged_micro_usd": spend.charged_micro_usd,
            "refunded_micro_usd": spend.refunded_micro_usd,
            "net_micro_usd": spend.net_micro_usd,
            "in_doubt_takes": spend.in_doubt_takes,
            "in_doubt_micro_usd": spend.in_doubt_micro_usd,
        },
        "resume_command": report.resume_command,
        "apply_command": report.apply_command,
        "takes": [_take(take) for take in report.takes],
    }


def _take(take: ReportTake) -> dict[str, Any]:
    return {
        "id": take.id,
        "shot": take.shot,
        "number": take.number,
        "tags": list(take.tags),
        "fingerprint": take.fingerprint,
        "state": str(take.state),
        "in_manifest": take.in_manifest,
        "model": take.model,
        "input": take.input,
        "runs": [_run(run) for run in take.runs],
        "outputs": [_output(output) for output in take.outputs],
    }


def _run(run: ReportRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "attempt": run.attempt,
        "state": str(run.state),
        "superseded": run.superseded,
        "fingerprint": run.fingerprint,
        "create_id": run.create_id,
        "cost_micro_usd": run.cost_micro_usd,
        "submitted_at": format_time(run.submitted_at),
        "completed_at": format_time(run.completed_at),
        "error": run.error,
        "outputs": [_output(output) for output in run.outputs],
        "advice": _advice(run.advice),
    }


def _output(output: ReportOutput) -> dict[str, Any]:
    return {
        "path": output.path,
        "url": output.url,
        "bytes": output.bytes,
        "sha256": output.sha256,
        "flaw": output.flaw,
    }


def _advice(advice: Advice | None) -> dict[str, Any] | None:
    return None if advice is None else {"text": advice.text, "commands": list(advice.commands)}

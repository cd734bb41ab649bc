"""report.json: the report for machines, as `schemas/report.schema.json` describes it.

Fields may be added, never changed. One report always gives the same text.
"""

from typing import Any

from hailuo_batch.report.encoding import encode_indented
from hailuo_batch.report.fields import format_time, output_fields, run_fields, spend_fields, take_fields
from hailuo_batch.report.model import Attempt, Report, ReportTake

VERSION = 1


def render_json(report: Report) -> str:
    """The text of report.json."""
    return encode_indented(report_document(report)) + "\n"


def report_document(report: Report) -> dict[str, Any]:
    """The report as JSON data."""
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
        "spend": spend_fields(report.spend),
        "resume_command": report.resume_command,
        "apply_command": report.apply_command,
        "collect_command": report.collect_command,
        "takes": [_take(take) for take in report.takes],
    }


def _take(take: ReportTake) -> dict[str, Any]:
    fields = take_fields(take.take, take.state, take.in_manifest)
    fields["runs"] = [_run(attempt) for attempt in take.attempts]
    fields["outputs"] = [output_fields(output) for output in take.outputs]
    return fields


def _run(attempt: Attempt) -> dict[str, Any]:
    run, advice = attempt.run, attempt.advice
    fields = run_fields(run)
    fields["superseded"] = run.is_superseded
    fields["error"] = run.reason
    fields["outputs"] = [output_fields(output) for output in run.outputs]
    fields["advice"] = None if advice is None else {"text": advice.text, "commands": list(advice.commands)}
    return fields

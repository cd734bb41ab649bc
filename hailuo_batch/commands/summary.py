"""How an apply ended: in words, and as an exit code."""

from collections.abc import Iterable, Sequence

from hailuo_batch.commands.status_view import money_line, totals_line
from hailuo_batch.commands.text import INDENT, clean, layout_lines, layout_rows
from hailuo_batch.core.lifecycle import TakeState
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.model import Report, ReportTake, is_money_in_limbo

SHOWN = 10
"""Takes that are not done shown at most."""

_SEVERITY = (ExitCode.SIGINT, ExitCode.SIGTERM, ExitCode.LEDGER, ExitCode.ACCOUNT, ExitCode.UNFINISHED)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The code that speaks for all: a signal before 4 before 3 before 1, and DONE where there is none."""
    given = set(codes)
    return next((code for code in _SEVERITY if code in given), ExitCode.DONE)


def not_done(report: Report, scope: frozenset[str]) -> tuple[ReportTake, ...]:
    """The takes asked for that have no video yet."""
    return tuple(take for take in report.takes if take.id in scope and take.state is not TakeState.DONE)


def render_summary(
    report: Report,
    missing: Sequence[ReportTake],
    doubts: Sequence[str],
    *,
    page: str,
    resume: str,
    status: str,
    columns: int | None,
) -> str:
    """What was made and paid, the creates of unknown outcome, laid out already, what is not done and how to go on."""
    lines = [*layout_lines([totals_line(report), money_line(report)], columns), *doubts]
    missing = [take for take in missing if take.state is not TakeState.IN_DOUBT]
    missing.sort(key=lambda take: not is_money_in_limbo(take.state))
    if missing:
        rows = [(take.state.replace("_", " "), take.id, clean(_why(take))) for take in missing[:SHOWN]]
        lines += layout_rows(rows, columns)
        if len(missing) > SHOWN:
            lines.append(f"{INDENT}... and {len(missing) - SHOWN:,} more")
    lines.append(f"Report: {page}")
    if any(run.advice for take in missing for run in take.runs):
        lines.append(f"What to do about each: {status}")
    if report.unfinished:
        lines.append(f"To go on: {resume}")
    return "\n".join(lines)


def _why(take: ReportTake) -> str:
    run = take.live
    if run is None:
        return "nothing sent yet"
    if take.state in {TakeState.RUNNING, TakeState.DOWNLOADING}:
        return ": ".join(filter(None, (run.run_id, run.error)))
    return run.error or run.run_id or ""

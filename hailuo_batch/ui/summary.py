"""How an apply ended: in words, and as an exit code."""

from collections.abc import Iterable, Sequence

from hailuo_batch.core.model.states import TakeState
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.model import Report, ReportTake, is_money_in_limbo
from hailuo_batch.text import one_line
from hailuo_batch.ui.status import money_line, state_word, totals_line, why_waiting
from hailuo_batch.ui.text import INDENT, clean, layout_lines, layout_rows

MOST_SHOWN = 10
"""The most unfinished takes shown."""

_SEVERITY = (
    ExitCode.SIGINT,
    ExitCode.SIGTERM,
    ExitCode.BUSY,
    ExitCode.LEDGER,
    ExitCode.ACCOUNT,
    ExitCode.USAGE,  # --yes was missing, which says more than that takes are unfinished
    ExitCode.UNFINISHED,
)


def worst_code(codes: Iterable[ExitCode]) -> ExitCode:
    """The most important of the codes: a signal, then 5, 4, 3, 2 and 1; DONE if there is none."""
    given = set(codes)
    return next((code for code in _SEVERITY if code in given), ExitCode.DONE)


def unfinished_takes(report: Report, scope: frozenset[str]) -> tuple[ReportTake, ...]:
    """The takes asked for that have no video yet, or a damaged one."""
    asked_for = (take for take in report.takes if take.id in scope)
    return tuple(take for take in asked_for if take.state is not TakeState.DONE or take.damaged)


def render_summary(
    report: Report,
    unfinished: Sequence[ReportTake],
    doubts: Sequence[str],
    *,
    page: str,
    resume: str,
    status: str,
    later: str = "",
    columns: int | None,
) -> str:
    """What was made and paid, the `doubts` as they are laid out already, what is unfinished, what --limit has left for
    `later`, and how to continue."""
    lines = [*layout_lines([totals_line(report), money_line(report)], columns), *doubts]
    unfinished = [take for take in unfinished if take.state is not TakeState.IN_DOUBT]
    unfinished.sort(key=lambda take: not is_money_in_limbo(take.state))
    if unfinished:
        rows = [(state_word(take), take.id, clean(_why(take))) for take in unfinished[:MOST_SHOWN]]
        lines += layout_rows(rows, columns)
        if len(unfinished) > MOST_SHOWN:
            lines.append(f"{INDENT}... and {len(unfinished) - MOST_SHOWN:,} more")
    lines += [later] if later else []
    lines.append(f"Report: {one_line(page)}")
    if any(attempt.advice for take in unfinished for attempt in take.attempts):
        lines.append(f"What to do about each take: {status}")
    if any(take.damaged for take in unfinished):
        lines.append(f"To try damaged videos again, at no cost: {report.repair_command}")
    if report.unfinished:
        lines.append(f"To continue: {resume}")
    return "\n".join(lines)


def _why(take: ReportTake) -> str:
    attempt = take.live
    if attempt is None:
        return why_waiting(take) if take.state is TakeState.WAITING else "nothing sent yet"
    if take.state in {TakeState.RUNNING, TakeState.DOWNLOADING}:
        return ": ".join(filter(None, (attempt.run.run_id, attempt.problem)))
    return attempt.problem or attempt.run.run_id or ""

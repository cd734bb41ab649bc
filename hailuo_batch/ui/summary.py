"""How an apply ended: in words, and as an exit code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hailuo_batch.core.model.states import TakeState
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.model import Report, ReportTake, is_money_in_limbo
from hailuo_batch.text import PLAIN, Palette, one_line
from hailuo_batch.ui.screen.paint import paint_text
from hailuo_batch.ui.status.sentences import money_line, state_label, totals_line, why_waiting
from hailuo_batch.ui.text import INDENT, clean, count, layout_lines, layout_rows
from hailuo_batch.values import format_duration, format_usd

MOST_SHOWN = 10
"""The most unfinished takes shown."""

_UNDER_WAY = frozenset({TakeState.RUNNING, TakeState.DOWNLOADING})

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


@dataclass(frozen=True, slots=True)
class Ending:
    """What the summary says last: where the `page` is, which command `resume`s and which shows the `status`, what
    --limit has left for `later`, how long it `took`, and the `remedy` that is needed before it can be resumed."""

    page: str
    resume: str
    status: str
    later: str = ""
    took: str = ""
    remedy: str = ""


def render_summary(
    report: Report,
    unfinished: Sequence[ReportTake],
    doubts: Sequence[str],
    ending: Ending,
    columns: int | None,
    palette: Palette = PLAIN,
) -> str:
    """What was made and paid, the `doubts` as they are laid out already, what is unfinished, and how to continue."""
    lines = [*layout_lines([totals_line(report), money_line(report)], columns), *doubts]
    unfinished = [take for take in unfinished if take.state is not TakeState.IN_DOUBT]
    unfinished.sort(key=lambda take: not is_money_in_limbo(take.state))
    if unfinished:
        shown = unfinished[:MOST_SHOWN]
        rows = [(state_label(take), take.id, clean(_why(take))) for take in shown]
        under_way = {number for number, take in enumerate(shown) if take.state in _UNDER_WAY}
        lines += layout_rows(rows, columns, in_one_line=under_way)
        if len(unfinished) > MOST_SHOWN:
            lines.append(f"{INDENT}... and {len(unfinished) - MOST_SHOWN:,} more")
    lines += [ending.later] if ending.later else []
    lines.append(f"Report: {one_line(ending.page)}")
    if any(attempt.advice for take in unfinished for attempt in take.attempts):
        lines.append(f"What to do about each take: {ending.status}")
    if any(take.damaged for take in unfinished):
        lines.append(f"To try damaged videos again, at no cost: {report.repair_command}")
    lines += [ending.took] if ending.took else []
    if report.unfinished:
        lines += [f"First, {ending.remedy}."] if ending.remedy else []
        lines.append(f"To continue: {ending.resume}")
    return paint_text("\n".join(lines), palette)


def time_sentence(elapsed_s: float, videos: int, paid_micro_usd: int) -> str:
    """How long an apply took, in seconds, and what it brought: `Took 13m 5s: 6 videos, $1.68 spent.`"""
    made = count(videos, "video") if videos else "no video"
    money = f"{format_usd(abs(paid_micro_usd))} {'refunded' if paid_micro_usd < 0 else 'spent'}"
    return f"Took {format_duration(elapsed_s)}: {made}, {money}."


def _why(take: ReportTake) -> str:
    attempt = take.live
    if attempt is None:
        return why_waiting(take) if take.state is TakeState.WAITING else "nothing sent yet"
    if take.state in _UNDER_WAY:
        return ": ".join(filter(None, (attempt.run.run_id, attempt.problem)))
    return attempt.problem or attempt.run.run_id or ""

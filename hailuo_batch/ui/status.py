"""The ledger take by take, as lines for a person. Pure: the terminal's width is passed in."""

from collections.abc import Sequence

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.diff import describe_difference
from hailuo_batch.report.model import Attempt, Report, ReportTake, risk_sentence, state_text
from hailuo_batch.ui.text import clean, count, layout_lines, layout_rows
from hailuo_batch.values import format_duration, format_usd


def render_status(report: Report, doubts: Sequence[str], columns: int | None) -> str:
    """Every take with its state, then the totals, the money, and the `doubts` about requests, laid out already."""
    rows = [(state_word(take), take.id, clean(_detail(take, report.generated_at))) for take in report.takes]
    sentences = [*layout_lines([totals_line(report), money_line(report)], columns), *doubts]
    return "\n".join([*layout_rows(rows, columns), "", *sentences] if rows else sentences)


def totals_line(report: Report) -> str:
    """`4 of 6 takes done (1 damaged), 2 running.`"""
    states = [state for state in TakeState if state is not TakeState.DONE and report.totals[state]]
    done = f"{report.totals[TakeState.DONE]:,} of {count(len(report.takes), 'take')} done"
    done += f" ({report.damaged:,} damaged)" if report.damaged else ""
    return ", ".join([done, *(f"{report.totals[state]:,} {state_text(state)}" for state in states)]) + "."


def money_line(report: Report) -> str:
    """What was charged, what was refunded, and what is at risk."""
    spend = report.spend
    text = f"Charged {format_usd(spend.charged_micro_usd)}, refunded {format_usd(spend.refunded_micro_usd)}"
    text += f", net {format_usd(spend.net_micro_usd)}"
    text += " (sandbox: no real money)." if report.is_sandbox else "."
    return f"{text} {risk_sentence(spend)}".rstrip()


def state_word(take: ReportTake) -> str:
    """The take's state in a word or two, or that its video is damaged."""
    return "damaged" if take.damaged else state_text(take.state)


def why_waiting(take: ReportTake) -> str:
    """Why a take waits whose request was not sent: it is its first, or it replaces an earlier attempt."""
    attempt = _newest(take)
    error = attempt.run.reason if attempt else None
    if attempt is None or not attempt.run.is_superseded:
        return error or "nothing sent yet"
    if attempt.run.superseded_by is Supersession.EDIT:
        changed = describe_difference(attempt.run, take.take).reason.removeprefix("changed: ")
        return f"to be made again ({changed} changed)" + (f": {error}" if error else "")
    return f"to be requested again, after attempt {attempt.run.attempt}" + (f": {error}" if error else "")


def _newest(take: ReportTake) -> Attempt | None:
    return take.live or (take.attempts[-1] if take.attempts else None)


def _detail(take: ReportTake, now: float) -> str:
    attempt = _newest(take)
    left = "" if take.in_manifest else "no longer in the manifest; "
    if attempt is None:
        return left + "nothing sent yet"
    run = attempt.run
    match take.state:
        case TakeState.DONE if take.damaged:
            return left + attempt.problem
        case TakeState.DONE:
            cost = "" if run.cost_micro_usd is None else f", {format_usd(run.cost_micro_usd)}"
            return left + ", ".join(output.path for output in take.outputs if output.path) + cost
        case TakeState.RUNNING | TakeState.DOWNLOADING:
            age = "" if run.submitted_at is None else f", sent {format_duration(now - run.submitted_at)} ago"
            return f"{left}{run.run_id}{age}" + (f"; {run.reason}" if run.reason else "")
        case TakeState.WAITING:
            return left + why_waiting(take)
        case _:
            name = f"{run.run_id}: " if run.run_id else ""
            return f"{left}{name}{run.reason or ''}"

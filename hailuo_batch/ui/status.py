"""The ledger take by take, as lines for a person. The terminal's width is passed in; nothing is read or written."""

from collections.abc import Sequence

from hailuo_batch.core.model.states import TakeState
from hailuo_batch.report.model import Report, ReportTake
from hailuo_batch.ui.in_doubt import risk_sentence
from hailuo_batch.ui.text import clean, count, layout_lines, layout_rows
from hailuo_batch.values import format_duration, format_usd


def render_status(report: Report, doubts: Sequence[str], columns: int | None) -> str:
    """Every take with its state, then the totals, the money, and the creates of unknown outcome, laid out already."""
    rows = [(state_word(take), take.id, clean(_detail(take, report.generated_at))) for take in report.takes]
    sentences = [*layout_lines([totals_line(report), money_line(report)], columns), *doubts]
    return "\n".join([*layout_rows(rows, columns), "", *sentences] if rows else sentences)


def totals_line(report: Report) -> str:
    """`4 of 6 takes done (1 damaged), 2 running.`"""
    others = [
        f"{report.totals[state]:,} {_word(state)}"
        for state in TakeState
        if state is not TakeState.DONE and report.totals[state]
    ]
    done = f"{report.totals[TakeState.DONE]:,} of {count(len(report.takes), 'take')} done"
    done += f" ({report.damaged:,} damaged)" if report.damaged else ""
    return ", ".join([done, *others]) + "."


def money_line(report: Report) -> str:
    """What was charged, what came back, and what is at risk."""
    spend = report.spend
    text = f"Charged {format_usd(spend.charged_micro_usd)}, refunded {format_usd(spend.refunded_micro_usd)}"
    text += f", net {format_usd(spend.net_micro_usd)}"
    text += " (sandbox: no real money)." if report.is_sandbox else "."
    return f"{text} {risk_sentence(spend)}".rstrip()


def state_word(take: ReportTake) -> str:
    """How a take stands, in a word: that of its state, or that its video is damaged."""
    return "damaged" if take.damaged else _word(take.state)


def why_waiting(take: ReportTake) -> str:
    """Why a take waits whose create was not sent: it is its first, or one that came before has made room for it."""
    run = take.live or (take.runs[-1] if take.runs else None)
    if run is None or not run.superseded:
        return (run.error if run else "") or "nothing sent yet"
    return f"to be made again, after attempt {run.attempt}" + (f": {run.error}" if run.error else "")


def _word(state: TakeState) -> str:
    return state.replace("_", " ")


def _detail(take: ReportTake, now: float) -> str:
    run = take.live or (take.runs[-1] if take.runs else None)
    left = "" if take.in_manifest else "no longer in the manifest; "
    if run is None:
        return left + "nothing sent yet"
    match take.state:
        case TakeState.DONE if take.damaged:
            return left + run.problem
        case TakeState.DONE:
            cost = "" if run.cost_micro_usd is None else f", {format_usd(run.cost_micro_usd)}"
            return left + ", ".join(output.path for output in take.outputs if output.path) + cost
        case TakeState.RUNNING | TakeState.DOWNLOADING:
            age = "" if run.submitted_at is None else f", sent {format_duration(now - run.submitted_at)} ago"
            return f"{left}{run.run_id}{age}" + (f"; {run.error}" if run.error else "")
        case TakeState.WAITING:
            return left + why_waiting(take)
        case _:
            name = f"{run.run_id}: " if run.run_id else ""
            return f"{left}{name}{run.error or ''}"

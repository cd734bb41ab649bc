"""What is said of a campaign and of one take. Pure; styles are marked, and whoever prints a line paints it."""

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.diff import describe_difference
from hailuo_batch.report.model import Attempt, Report, ReportTake, risk_sentence, state_text
from hailuo_batch.ui.screen.paint import Style, styled
from hailuo_batch.ui.text import count
from hailuo_batch.values import format_duration, format_usd

_DAMAGED = (Style.ERROR, "✗")
_LOOKS = {
    TakeState.DONE: (Style.DONE, "✓"),
    TakeState.WAITING: (Style.STRONG, "◦"),
    TakeState.RUNNING: (Style.RUNNING, "▸"),
    TakeState.DOWNLOADING: (Style.RUNNING, "▸"),
    TakeState.FAILED: (Style.ERROR, "✗"),
    TakeState.REJECTED: (Style.ERROR, "✗"),
    TakeState.ABANDONED: (Style.QUIET, "-"),
    TakeState.IN_DOUBT: (Style.DOUBT, "?"),
    TakeState.LOST: (Style.DOUBT, "?"),
}


def totals_line(report: Report) -> str:
    """`4 of 6 takes done (1 damaged), 2 running.`"""
    states = [state for state in TakeState if state is not TakeState.DONE and report.totals[state]]
    done = styled(Style.DONE, f"{report.totals[TakeState.DONE]:,} of {count(len(report.takes), 'take')} done")
    done += styled(Style.ERROR, f" ({report.damaged:,} damaged)") if report.damaged else ""
    others = (styled(_LOOKS[state][0], f"{report.totals[state]:,} {state_text(state)}") for state in states)
    return ", ".join([done, *others]) + "."


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


def state_label(take: ReportTake) -> str:
    """The same with its symbol, marked in its style."""
    style, symbol = _DAMAGED if take.damaged else _LOOKS[take.state]
    return styled(style, f"{symbol} {state_word(take)}")


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


def detail_text(take: ReportTake, now: float) -> str:
    """What is to be known of the take in its state. `now` is seconds since the epoch."""
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
            age = "" if run.submitted_at is None else f"sent {format_duration(now - run.submitted_at)} ago"
            return left + "; ".join(filter(None, (age, run.reason, run.run_id)))
        case TakeState.WAITING:
            return left + why_waiting(take)
        case _:
            return left + "; ".join(filter(None, (run.reason, run.run_id)))

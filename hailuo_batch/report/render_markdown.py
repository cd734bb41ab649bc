"""report.md: the report for a CI summary or a terminal, short however large the campaign is.

Text from a manifest or the API is escaped, put on one line and shortened: it can never act as Markdown. Counts and
money come first, then the takes that need attention, then the others.
"""

import html
import re
import unicodedata
from collections.abc import Iterable

from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.report.fields import format_time
from hailuo_batch.report.model import Attempt, Report, ReportTake, is_money_in_limbo, risk_sentence, state_text
from hailuo_batch.values import format_usd, format_utc_second

LISTED = 25
"""The most rows in a table; the rest is counted."""
EXCERPT = 90
"""The most characters shown of a prompt or an error."""

_ESCAPED = frozenset("\\`*_[]~$")
_SPECIAL = re.compile(r"^[-+=#\d]|[\\`*_\[\]~$&<>|]|(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # Persian is spelled with them, and emoji are joined by them


def render_markdown(report: Report) -> str:
    """The text of report.md."""
    blocks = [
        f"# {escape(report.campaign)}",
        escape(report.description, 400),
        _summary(report),
        _money(report),
        _attention(report),
        _others(report),
        _done(report),
        f"Written {format_time(report.generated_at)}. The videos are in report.html, every detail in report.json.",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape(text: str, limit: int = EXCERPT) -> str:
    """Text as Markdown that shows it on one line, and nothing else; invisible characters are named."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    seen = "".join(_visible(character) for character in line)
    return _SPECIAL.sub(lambda match: _literal(match[0]), seen)


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in _INVISIBLE and character not in _JOINERS
    return f"U+{ord(character):04X}" if hidden else character


def _literal(character: str) -> str:
    """The character with a backslash, or as an entity where a backslash would not work everywhere."""
    if character in _ESCAPED:
        return f"\\{character}"
    return html.escape(character) if character in "&<>" else f"&#{ord(character)};"


def _code(text: str) -> str:
    """A command as code, whatever characters its manifest's name has."""
    return f"<code>{escape(text, 500)}</code>" if re.search(r"[`|\\\n]|[^\x20-\x7e]", text) else f"`{text}`"


def _summary(report: Report) -> str:
    damaged = f" ({report.damaged:,} damaged)" if report.damaged else ""
    parts = [f"**{report.totals[TakeState.DONE]:,} of {len(report.takes):,} takes done**{damaged}"]
    others = (state for state in TakeState if state is not TakeState.DONE and report.totals[state])
    parts += [f"{report.totals[state]:,} {state_text(state)}" for state in others]
    return " · ".join(parts)


def _money(report: Report) -> str:
    spend = report.spend
    parts = [
        f"Charged {format_usd(spend.charged_micro_usd)}",
        f"refunded {format_usd(spend.refunded_micro_usd)}",
        f"net {format_usd(spend.net_micro_usd)}",
    ]
    parts += [risk_sentence(spend)] if spend.in_doubt_takes else []
    text = " · ".join(parts)
    return f"{text}\n\nPractice run on the sandbox: no real money." if report.is_sandbox else text


def _attention(report: Report) -> str:
    attempts = [(take, attempt) for take in report.takes for attempt in take.attempts if attempt.advice]
    if not attempts:
        return ""
    attempts.sort(key=lambda pair: not is_money_in_limbo(pair[1].run.state))
    rows = [_attention_row(take, attempt) for take, attempt in attempts[:LISTED]]
    return _table("## Needs attention", ("Take", "State", "What happened", "What to do"), rows, len(attempts))


def _attention_row(take: ReportTake, attempt: Attempt) -> tuple[str, ...]:
    run, advice = attempt.run, attempt.advice
    name = escape(take.id) + (f" (attempt {run.attempt})" if run.is_superseded else "")
    run_id = f" ({escape(run.run_id)})" if run.run_id else ""
    to_do = "" if advice is None else "<br>".join((escape(advice.text, 500), *map(_code, advice.commands)))
    unsure = run.state is RunState.IN_DOUBT and run.submitted_at is not None
    since = f"since {format_utc_second(run.submitted_at or 0.0)}: " if unsure else ""
    prompt = f"<br>prompt: {escape(run.prompt)}" if unsure else ""
    state = "damaged" if take.damaged and attempt is take.live else state_text(run.state)
    return name, state, since + escape(attempt.problem) + run_id + prompt, to_do


def _others(report: Report) -> str:
    """Takes that are in progress or were abandoned."""
    takes = [
        take
        for take in report.takes
        if take.state is not TakeState.DONE and not any(attempt.advice for attempt in take.attempts)
    ]
    if not takes:
        return ""
    rows = [(escape(take.id), state_text(take.state), _run_id(take), escape(take.prompt)) for take in takes[:LISTED]]
    table = _table("## Not done", ("Take", "State", "Run", "Prompt"), rows, len(takes))
    return f"{table}\n\nTo continue: {_code(report.resume_command)}" if report.unfinished else table


def _done(report: Report) -> str:
    takes = [take for take in report.takes if take.state is TakeState.DONE]
    if not takes:
        return ""
    rows = [(escape(take.id), _cost(take), _files(take), escape(take.prompt)) for take in takes[:LISTED]]
    return _table("## Done", ("Take", "Cost", "File", "Prompt"), rows, len(takes))


def _run_id(take: ReportTake) -> str:
    """The run's ID, and what the API reports about it."""
    run = take.live.run if take.live else None
    if run is None or not run.run_id:
        return ""
    return f"{escape(run.run_id)}: {escape(run.reason)}" if run.reason else escape(run.run_id)


def _cost(take: ReportTake) -> str:
    cost = take.live.run.cost_micro_usd if take.live else None
    return "unknown" if cost is None else format_usd(cost)


def _files(take: ReportTake) -> str:
    return ", ".join(escape(output.path) for output in take.outputs if output.path)


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]], total: int) -> str:
    lines = [title, "", _row(head), _row(("---",) * len(head)), *map(_row, rows)]
    more = [] if total <= LISTED else ["", f"And {total - LISTED:,} more; report.json lists them all."]
    return "\n".join(lines + more)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"

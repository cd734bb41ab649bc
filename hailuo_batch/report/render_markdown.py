"""report.md: the report for a CI summary or a terminal, short whatever the campaign's size.

Owns the Markdown and its escaping: everything that came from a manifest or the API is text here and nothing else,
in one line, cut to an excerpt. Counts and money first, then what is not done, then what is.
"""

import html
import re
import unicodedata
from collections.abc import Iterable

from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.report.model import Report, ReportRun, ReportTake, is_money_in_limbo
from hailuo_batch.report.times import format_time
from hailuo_batch.values import format_usd, format_utc_minute

LISTED = 25
"""Rows a table shows at most; the rest is counted."""
EXCERPT = 90
"""Characters of a prompt or an error shown at most."""

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
    """Text as Markdown that shows it in one line and means nothing else; what cannot be seen is named."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    seen = "".join(_visible(character) for character in line)
    return _SPECIAL.sub(lambda match: _literal(match[0]), seen)


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in _INVISIBLE and character not in _JOINERS
    return f"U+{ord(character):04X}" if hidden else character


def _literal(character: str) -> str:
    """The character with a backslash where that reads well, else as an entity, which no reader takes for syntax."""
    if character in _ESCAPED:
        return f"\\{character}"
    return html.escape(character) if character in "&<>" else f"&#{ord(character)};"


def _code(text: str) -> str:
    """A command as code, whatever its manifest is called."""
    return f"<code>{escape(text, 500)}</code>" if re.search(r"[`|\\\n]|[^\x20-\x7e]", text) else f"`{text}`"


def _summary(report: Report) -> str:
    damaged = f" ({report.damaged:,} damaged)" if report.damaged else ""
    parts = [f"**{report.totals[TakeState.DONE]:,} of {len(report.takes):,} takes done**{damaged}"]
    others = (state for state in TakeState if state is not TakeState.DONE and report.totals[state])
    parts += [f"{report.totals[state]:,} {_words(state)}" for state in others]
    return " · ".join(parts)


def _money(report: Report) -> str:
    spend = report.spend
    parts = [
        f"Charged {format_usd(spend.charged_micro_usd)}",
        f"refunded {format_usd(spend.refunded_micro_usd)}",
        f"net {format_usd(spend.net_micro_usd)}",
    ]
    if spend.in_doubt_takes:
        amount = spend.in_doubt_micro_usd
        most = "an unknown amount" if amount is None else f"up to {format_usd(amount)}"
        creates = "1 create" if spend.in_doubt_takes == 1 else f"{spend.in_doubt_takes:,} creates"
        parts.append(f"{most} at risk in {creates} of unknown outcome")
    text = " · ".join(parts)
    return f"{text}\n\nA rehearsal on the sandbox: no real money." if report.is_sandbox else text


def _attention(report: Report) -> str:
    attempts = [(take, run) for take in report.takes for run in take.runs if run.advice]
    if not attempts:
        return ""
    attempts.sort(key=lambda attempt: not is_money_in_limbo(attempt[1].state))
    rows = [_attention_row(take, run) for take, run in attempts[:LISTED]]
    return _table("## Needs you", ("Take", "State", "What happened", "What to do"), rows, len(attempts))


def _attention_row(take: ReportTake, run: ReportRun) -> tuple[str, ...]:
    name = escape(take.id) + (f" (attempt {run.attempt})" if run.superseded else "")
    run_id = f" ({escape(run.run_id)})" if run.run_id else ""
    advice = run.advice
    to_do = "" if advice is None else "<br>".join((escape(advice.text, 500), *map(_code, advice.commands)))
    unsure = run.state is RunState.IN_DOUBT and run.submitted_at is not None
    since = f"since {format_utc_minute(run.submitted_at or 0.0)}: " if unsure else ""
    state = "damaged" if take.damaged and run is take.live else _words(run.state)
    return name, state, since + escape(run.problem) + run_id, to_do


def _others(report: Report) -> str:
    """Takes that are under way or were given up."""
    takes = [take for take in report.takes if take.state is not TakeState.DONE and not any(r.advice for r in take.runs)]
    if not takes:
        return ""
    rows = [(escape(take.id), _words(take.state), _run_id(take), escape(take.prompt)) for take in takes[:LISTED]]
    table = _table("## Not done", ("Take", "State", "Run", "Prompt"), rows, len(takes))
    return f"{table}\n\nTo continue: {_code(report.resume_command)}" if report.unfinished else table


def _done(report: Report) -> str:
    takes = [take for take in report.takes if take.state is TakeState.DONE]
    if not takes:
        return ""
    rows = [(escape(take.id), _cost(take), _files(take), escape(take.prompt)) for take in takes[:LISTED]]
    return _table("## Done", ("Take", "Cost", "File", "Prompt"), rows, len(takes))


def _run_id(take: ReportTake) -> str:
    """The run's ID, and what the API says of it where it goes on all the same."""
    run = take.live
    if run is None or not run.run_id:
        return ""
    return f"{escape(run.run_id)}: {escape(run.error)}" if run.error else escape(run.run_id)


def _cost(take: ReportTake) -> str:
    cost = take.live.cost_micro_usd if take.live else None
    return "unknown" if cost is None else format_usd(cost)


def _files(take: ReportTake) -> str:
    return ", ".join(escape(output.path) for output in take.outputs if output.path)


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]], total: int) -> str:
    lines = [title, "", _row(head), _row(("---",) * len(head)), *map(_row, rows)]
    more = [] if total <= LISTED else ["", f"And {total - LISTED:,} more; report.json lists them all."]
    return "\n".join(lines + more)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _words(state: str) -> str:
    return state.replace("_", " ")

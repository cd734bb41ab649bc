"""Creates of unknown outcome, as a person reads them: how much money is at risk, for which takes, since when and why.

Pure: the terminal's width is passed in. Every create that the money counts as at risk has a line, whether its take is
wanted, was given up, or was forgotten.
"""

from collections.abc import Sequence

from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.spend import Spend, is_in_doubt
from hailuo_batch.ui.text import INDENT, clean, count, layout_lines, layout_rows
from hailuo_batch.values import format_usd, format_utc_minute

MOST_SHOWN = 10
"""Creates shown at most, unless all are asked for."""

_WAYS_OUT = (
    "Each may exist and be paid for. Look for it in your Runbase account, then settle it with --run-id ID (it is "
    "there){again} or --abandon (give it up; its money still counts):"
)
_RESUBMIT_WAY = ", --resubmit (have it made again; if it was there, that pays twice)"
_ABANDONED_HEADER = "Given up or forgotten: there is nothing left to settle, and what each may have cost still counts:"


def risk_sentence(spend: Spend) -> str:
    """`2 creates of unknown outcome, up to $0.56 at risk.`; empty where there is none."""
    if not spend.in_doubt_takes:
        return ""
    amount = spend.in_doubt_micro_usd
    most = "an unknown amount" if amount is None else f"up to {format_usd(amount)}"
    return f"{count(spend.in_doubt_takes, 'create')} of unknown outcome, {most} at risk."


def render_in_doubt(snapshot: Snapshot, resolve: str, columns: int | None, *, show_all: bool = False) -> list[str]:
    """A line for each such create that is to be settled, then the ways out; then those that are settled already, and
    only cost. Nothing where there is none.

    `resolve` is that command for this campaign, as it can be pasted into a shell.
    """
    # rule in_doubt_shown
    counting = [run for run in snapshot.runs if _is_at_risk(run)]
    unresolved = [run for run in counting if run.state is not RunState.ABANDONED]
    abandoned = [_row(run) for run in counting if run.state is RunState.ABANDONED]
    abandoned += [(run.take_id, _since(run), "forgotten") for run in snapshot.forgotten if _is_at_risk(run)]
    lines = _listed([_row(run) for run in unresolved], columns, show_all)
    if unresolved:
        is_superseded = all(run.is_superseded for run in unresolved)  # another attempt speaks for each of their takes
        ways = _WAYS_OUT.format(again="" if is_superseded else _RESUBMIT_WAY)
        lines += [*layout_lines([ways], columns), f"{INDENT}{resolve} TAKE --run-id ID"]
    if abandoned:
        lines += [*layout_lines([_ABANDONED_HEADER], columns), *_listed(abandoned, columns, show_all)]
    return lines


def _listed(rows: Sequence[Sequence[str]], columns: int | None, show_all: bool) -> list[str]:
    shown = rows if show_all else rows[:MOST_SHOWN]
    more = (
        [f"{INDENT}... and {len(rows) - len(shown):,} more; `hailuo-batch status MANIFEST` shows them"]
        if len(shown) < len(rows)
        else []
    )
    return [*layout_rows(shown, columns), *more]


def _row(run: Run) -> tuple[str, str, str]:
    whose = f"{run.take_id} --attempt {run.attempt}" if run.is_superseded else run.take_id
    return whose, _since(run), clean(run.reason or "")


def _is_at_risk(run: Run) -> bool:
    """One that is on its way while an apply is at work is not in doubt yet."""
    return is_in_doubt(run) and run.state is not RunState.SUBMITTING


def _since(run: Run) -> str:
    return "" if run.submitted_at is None else f"since {format_utc_minute(run.submitted_at)}"

"""Requests without an answer, as a person reads them: for which takes, since when and why, and what to do about them.

Pure: the terminal's width is passed in. Every request that counts as money at risk has a line, whether its take is
wanted, was abandoned, or was forgotten.
"""

from collections.abc import Sequence

from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.spend import is_in_doubt
from hailuo_batch.ui.text import INDENT, clean, layout_lines, layout_rows
from hailuo_batch.values import format_utc_minute

MOST_SHOWN = 10
"""The most requests shown, unless all are asked for."""

_WAYS_OUT = (
    "They may have been charged. Check your Runbase account's logs. If you find the run: --run-id ID. If not:"
    "{resubmit} --abandon (give it up; its money still counts):"
)
_RESUBMIT_WAY = " --resubmit (request it again; if the run does exist, that pays twice) or"
_ABANDONED_HEADER = "Abandoned or forgotten: there is nothing left to do, but what each may have cost still counts:"


def render_in_doubt(snapshot: Snapshot, resolve: str, columns: int | None, *, show_all: bool = False) -> list[str]:
    """A line for each unresolved request, then what to do; then those that are resolved already and only cost money.

    Empty if there is no such request. `resolve` is that command for this campaign, ready to be pasted into a shell.
    """
    # rule in_doubt_shown
    at_risk = [run for run in snapshot.runs if _is_at_risk(run)]
    unresolved = [run for run in at_risk if run.state is not RunState.ABANDONED]
    abandoned = [_row(run) for run in at_risk if run.state is RunState.ABANDONED]
    abandoned += [(run.take_id, _since(run), "forgotten") for run in snapshot.forgotten if _is_at_risk(run)]
    lines = _listed([_row(run) for run in unresolved], columns, show_all)
    if unresolved:
        is_superseded = all(run.is_superseded for run in unresolved)  # each of their takes has another attempt already
        ways = _WAYS_OUT.format(resubmit="" if is_superseded else _RESUBMIT_WAY)
        lines += [*layout_lines([ways], columns), f"{INDENT}{resolve} TAKE --run-id ID"]
    if abandoned:
        lines += [*layout_lines([_ABANDONED_HEADER], columns), *_listed(abandoned, columns, show_all)]
    return lines


def _listed(rows: Sequence[Sequence[str]], columns: int | None, show_all: bool) -> list[str]:
    shown = rows if show_all else rows[:MOST_SHOWN]
    hidden = len(rows) - len(shown)
    more = [f"{INDENT}... and {hidden:,} more; `hailuo-batch status MANIFEST` shows them"] if hidden else []
    return [*layout_rows(shown, columns), *more]


def _row(run: Run) -> tuple[str, str, str]:
    whose = f"{run.take_id} --attempt {run.attempt}" if run.is_superseded else run.take_id
    return whose, _since(run), clean(run.reason or "")


def _is_at_risk(run: Run) -> bool:
    """Whether the request got no answer. One that a running apply is sending just now may still get one."""
    return is_in_doubt(run) and run.state is not RunState.SUBMITTING


def _since(run: Run) -> str:
    return "" if run.submitted_at is None else f"since {format_utc_minute(run.submitted_at)}"

"""Requests without an answer, as a person reads them: enough to find each in the account's logs, then what to type.

Printed once by each command that knows of some. What the user has settled already, by abandoning or forgetting it, is
asked about no more: one line says that its money still counts. The terminal's width is passed in; of the outside only
this machine's time zone is read.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hailuo_batch.core.model.runs import Run, Snapshot, Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.spend import highest_costs, is_in_doubt
from hailuo_batch.ui.text import INDENT, clean, count, display_width, elide, layout_lines, layout_rows
from hailuo_batch.values import format_usd

MOST_SHOWN = 10
"""The most requests shown, unless all are asked for."""

_HEADER = "In doubt, until you resolve {them}:"
_LOOK = "Look for {them} in your Runbase account's logs, by time and prompt. Then type:"
_BELOW = 2 * INDENT
_PROMPT_COLUMNS = 120


def render_in_doubt(snapshot: Snapshot, resolve: str, columns: int | None, *, show_all: bool = False) -> list[str]:
    """Each unresolved request with its time and prompt, then the commands; then a line about those that are settled.

    Empty if there is no such request. `resolve` is that command for this campaign, ready to be pasted into a shell.
    """
    # rule in_doubt_shown
    at_risk = [run for run in snapshot.runs if _is_at_risk(run)]
    unresolved = [run for run in at_risk if not _is_settled(run)]
    settled = [run for run in at_risk if _is_settled(run)]
    settled += [run for run in snapshot.forgotten if _is_at_risk(run)]
    costs = highest_costs(snapshot.paid_runs)
    lines = []
    if unresolved:
        them = "it" if len(unresolved) == 1 else "them"
        lines += layout_lines([_HEADER.format(them=them)], columns)
        lines += _listed(unresolved, costs, columns, show_all)
        lines += layout_lines([_LOOK.format(them=them)], columns)
        lines += [text for way in _ways_out(snapshot, unresolved) for text in _command_lines(resolve, *way, columns)]
    return [*lines, *(layout_lines([_settled_text(settled, costs)], columns) if settled else [])]


def _listed(runs: Sequence[Run], costs: Mapping[str, int], columns: int | None, show_all: bool) -> list[str]:
    shown = runs if show_all else runs[:MOST_SHOWN]
    hidden = len(runs) - len(shown)
    rows = layout_rows([_row(run, costs) for run in shown], columns)
    more = [f"{INDENT}... and {hidden:,} more; `hailuo-batch status MANIFEST -v` shows them"] if hidden else []
    return [*(text for row, run in zip(rows, shown, strict=True) for text in (row, *_details(run, columns))), *more]


def _row(run: Run, costs: Mapping[str, int]) -> tuple[str, str, str]:
    whose = f"{run.take_id} --attempt {run.attempt}" if run.is_superseded else run.take_id
    sent_at = "at an unknown time" if run.submitted_at is None else format_local_with_offset(run.submitted_at)
    cost = costs.get(run.model)
    return whose, sent_at, "of unknown cost" if cost is None else f"up to {format_usd(cost)}"


def _details(run: Run, columns: int | None) -> list[str]:
    """The prompt that was sent and why there is no answer, each on one line."""
    width = _PROMPT_COLUMNS if columns is None else max(20, columns - len(_BELOW))
    texts = [f"prompt: {clean(run.prompt)}"] if run.prompt else []
    texts += [clean(run.reason)] if run.reason else []
    return [_BELOW + elide(text, width) for text in texts]


def _ways_out(snapshot: Snapshot, unresolved: Sequence[Run]) -> list[tuple[str, str]]:
    """The words after `resolve`, and what each way means: one command for all where one can name them."""
    wanted = {record.take.id for record in snapshot.takes if record.in_manifest}
    again = [run for run in unresolved if not run.is_superseded and run.take_id in wanted]
    one = unresolved[0]
    is_one = len(unresolved) == 1
    named = _words([one]) if is_one else "TAKE"
    it, exists = ("it", "it does exist") if is_one else ("them", "they do exist")
    ways = [(f"{named} --run-id ID", "found: this run is the take's")]
    if again:
        means = f"not found: request {it} again; if {exists}, that pays twice"
        ways.append((f"{_subject(snapshot, again)} --resubmit", means))
    return [*ways, (f"{_subject(snapshot, unresolved)} --abandon", f"give {it} up; the money still counts")]


def _command_lines(resolve: str, words: str, means: str, columns: int | None) -> list[str]:
    """The command, ready to be pasted, and what it means: behind it, or above where that is too wide."""
    command, comment = f"{INDENT}{resolve} {words}", f"# {means}"
    whole = f"{command}  {comment}"
    return [whole] if columns is None or display_width(whole) <= columns else [INDENT + comment, command]


def _subject(snapshot: Snapshot, runs: Sequence[Run]) -> str:
    """How these are named in a command: one by one where they are few, else all, as long as that is nothing else."""
    if len(runs) == 1 or (len(runs) <= MOST_SHOWN and not any(run.is_superseded for run in runs)):
        return _words(runs)
    return "TAKE" if any(_may_be_stuck(run) for run in snapshot.runs) else "--all"


def _words(runs: Sequence[Run]) -> str:
    return " ".join(f"{run.take_id} --attempt {run.attempt}" if run.is_superseded else run.take_id for run in runs)


def _may_be_stuck(run: Run) -> bool:
    """Whether `resolve --all` could be about this run too, although it is not in doubt."""
    return run.state is RunState.LOST or (run.state is RunState.SUCCEEDED and not run.outputs)


def _settled_text(runs: Sequence[Run], costs: Mapping[str, int]) -> str:
    known = [costs[run.model] for run in runs if run.model in costs]
    most = f"up to {format_usd(sum(known))}" if len(known) == len(runs) else "an unknown amount"
    settled = f"{count(len(runs), 'settled request')} (abandoned, made again or forgotten)"
    return f"{settled} may have been charged: {most} still counts."


def format_local_with_offset(epoch_s: float) -> str:
    """A time in this machine's time zone, with its offset from UTC: `2025-11-22 09:00:27 +01:00`."""
    local = datetime.fromtimestamp(epoch_s, UTC).astimezone()
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def _is_settled(run: Run) -> bool:
    """Whether the user has said what is to become of it: it is given up, or was looked for and not found."""
    return run.state is RunState.ABANDONED or run.superseded_by is Supersession.RESUBMIT


def _is_at_risk(run: Run) -> bool:
    """Whether the request got no answer. One that a running apply is sending just now may still get one."""
    return is_in_doubt(run) and run.state is not RunState.SUBMITTING

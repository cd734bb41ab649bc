"""A plan for a person.

Pure: the terminal's width is passed in. What an apply changes comes first. Long lists are shortened unless all is asked
for.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.cap import Cap
from hailuo_batch.core.planning.estimate import Basis, Estimate, Price, TimeNeeded, describe_time
from hailuo_batch.core.planning.plan import FOLLOWED, PAYING, Plan, PlanAction, PlanLine
from hailuo_batch.core.planning.spend import Spend, spend_of
from hailuo_batch.report.model import risk_sentence
from hailuo_batch.text import sanitize
from hailuo_batch.ui.in_doubt import render_in_doubt
from hailuo_batch.ui.plan_groups import MOST_SHOWN, render_groups
from hailuo_batch.ui.request_text import View, request_lines
from hailuo_batch.ui.screen.paint import Style, paint, paint_text, styled
from hailuo_batch.ui.text import INDENT, clean, count, layout_lines, layout_rows
from hailuo_batch.values import format_usd

_ORDER = tuple(PlanAction)
_TOTALS = {
    PlanAction.CREATE: "to create",
    PlanAction.REPLACE: "to replace",
    PlanAction.RESUME: "to resume",
    PlanAction.DOWNLOAD: "to download",
    PlanAction.KEEP: "kept",
    PlanAction.HOLD: "held",
    PlanAction.UNWANTED: "no longer in the manifest",
}


_LABELS = {
    PlanAction.CREATE: (Style.ADDED, "+ create"),
    PlanAction.REPLACE: (Style.WARNING, "~ replace"),
    PlanAction.RESUME: (Style.RUNNING, "▸ resume"),
    PlanAction.DOWNLOAD: (Style.RUNNING, "▸ download"),
    PlanAction.KEEP: (Style.DONE, "✓ keep"),
    PlanAction.HOLD: (Style.STRONG, "◦ hold"),
    PlanAction.UNWANTED: (Style.QUIET, "- left"),
}
_LINE_LABEL = re.compile(r"(Plan|Cost|Time|So far):")


def render_plan(
    plan: Plan,
    snapshot: Snapshot,
    estimate: Estimate,
    time: TimeNeeded,
    view: View,
    *,
    cap_micro_usd: int | None,
    resolve: str,
    retry: str = "",
) -> str:
    """The plan in lines that fit the terminal.

    `resolve` and `retry` are those commands for this campaign, ready to be pasted into a shell; `resolve` is empty
    where the requests in doubt are shown elsewhere. All but our own colours is escaped.
    """
    rows, columns = _rows(plan, estimate, view), view.columns
    sentences = _sentences(plan, snapshot, estimate, time, cap_micro_usd)
    doubts = render_in_doubt(snapshot, resolve, columns, show_all=view.is_full) if resolve else []
    lines = [*layout_lines(sentences, columns), *doubts, *_retry_lines(plan, retry, columns)]
    # rule plan_table
    return "\n".join([*rows, *([""] if rows else []), *_with_strong_labels(map(sanitize, lines), view)])


def render_plan_totals(
    plan: Plan,
    snapshot: Snapshot,
    estimate: Estimate,
    time: TimeNeeded,
    view: View,
    *,
    cap_micro_usd: int | None,
) -> str:
    """What matters of the plan, without its takes: the totals, the cost and the time."""
    lines = layout_lines(_sentences(plan, snapshot, estimate, time, cap_micro_usd), view.columns)
    return "\n".join(_with_strong_labels(map(sanitize, lines), view))


def _sentences(
    plan: Plan, snapshot: Snapshot, estimate: Estimate, time: TimeNeeded, cap_micro_usd: int | None
) -> list[str]:
    return [
        f"Plan: {_totals_text(plan)}.",
        _cost_sentence(estimate, cap_micro_usd),
        # rule time_shown
        *([f"Time: {describe_time(time)}."] if estimate.creates else []),
        *_cap_warning(plan, estimate, snapshot, cap_micro_usd),
        *_spend_sentence(spend_so_far(snapshot)),
    ]


def _with_strong_labels(lines: Iterable[str], view: View) -> list[str]:
    """The lines with what they begin with, such as `Cost:`, in bold."""
    return paint((_LINE_LABEL.sub(lambda found: styled(Style.STRONG, found[0]), line) for line in lines), view.palette)


def _retry_lines(plan: Plan, retry: str, columns: int | None) -> list[str]:
    """What to type for takes that can be tried once more: once, however many they are."""
    takes = sum("`retry`" in line.remedy for line in plan.lines)
    if not takes or not retry:
        return []
    which = "the one that failed or was rejected" if takes == 1 else f"the {takes:,} that failed or were rejected"
    return layout_lines([f"To allow {which} one more attempt: {retry}"], columns)


def left_for_later_text(plan: Plan) -> str:
    """How many takes --limit has left for later, as a sentence; empty if none."""
    left = len(plan.left_for_later)
    return f"{left:,} more left for later by --limit." if left else ""


def spend_so_far(snapshot: Snapshot) -> Spend:
    """The money so far. A request that a running apply is sending just now is not in doubt yet."""
    return spend_of(run for run in snapshot.paid_runs if run.state is not RunState.SUBMITTING)


def _rows(plan: Plan, estimate: Estimate, view: View) -> list[str]:
    """What is paid for, by the template of its shots where it is much, and then all other takes."""
    is_much = len(plan.paying) > MOST_SHOWN and not view.is_full
    groups = render_groups(plan.paying, estimate, view) if is_much else []
    return groups + _lines_of_takes(plan, [each for each in _ORDER if not (is_much and each in PAYING)], view)


def _lines_of_takes(plan: Plan, actions: Iterable[PlanAction], view: View) -> list[str]:
    cells: list[tuple[str, ...]] = []
    below: dict[int, list[str]] = {}
    for action in actions:
        lines = [line for line in plan.lines if line.action is action]
        worth = lines if view.is_full else [line for line in lines if _is_worth_showing(line, plan)]
        shown = worth if view.is_full else worth[:MOST_SHOWN]
        for line in shown:
            # rule reason_shown
            cells.append((label_of(line.action), line.take_id, clean(_reason(line, view))))
            below[len(cells)] = request_lines(line, view) if line.action in PAYING else []
        if len(shown) < len(worth):
            more = f"... and {len(worth) - len(shown):,} more; -v shows them"
            below[len(cells)] += paint([f"{INDENT}{label_of(action)}  {more}"], view.palette)
    # what is only followed needs nobody: its run's ID may be cut
    short = (
        frozenset() if view.is_full else {number for number, cell in enumerate(cells) if cell[0] in _FOLLOWED_LABELS}
    )
    rows = [paint_text(row, view.palette) for row in layout_rows(cells, view.columns, in_one_line=short)]
    return [text for number, row in enumerate(rows, 1) for text in (row, *below[number])]


def label_of(action: PlanAction) -> str:
    """The action with its symbol, marked in its style."""
    return styled(*_LABELS[action])


_FOLLOWED_LABELS = frozenset(map(label_of, FOLLOWED))


def _reason(line: PlanLine, view: View) -> str:
    """The reason, with the remedy only where no sentence below the takes says it once for all of them."""
    is_said_below = "`" in line.remedy and not view.is_full
    return line.reason if is_said_below else line.explanation


def _is_worth_showing(line: PlanLine, plan: Plan) -> bool:
    """Takes that are kept, or left out by an option, are shown only if they were renamed."""
    is_quiet = line.action is PlanAction.KEEP or _is_left_out(line, plan)
    return bool(line.moved_from) or not is_quiet


def _is_left_out(line: PlanLine, plan: Plan) -> bool:
    return line.action is PlanAction.HOLD and line.take_id not in plan.scope


def _totals_text(plan: Plan) -> str:
    counts = Counter(line.action for line in plan.lines if not _is_left_out(line, plan))
    parts = [f"{counts[action]:,} {_TOTALS[action]}" for action in _ORDER if counts[action]]
    later = len(plan.left_for_later)
    left_out = sum(_is_left_out(line, plan) for line in plan.lines) - later
    parts += [f"{left_out:,} left out by --only"] if left_out else []
    # rule left_for_later_shown
    parts += [f"{later:,} more left for later by --limit"] if later else []
    return ", ".join(parts) or "no takes"


def _cost_sentence(estimate: Estimate, cap_micro_usd: int | None) -> str:
    if not estimate.creates:
        return "Cost: none."
    how = "; ".join(_price_text(price) for price in estimate.prices)
    cap = "" if cap_micro_usd is None else f" Cap: {format_usd(cap_micro_usd)}."
    total = estimate.micro_usd
    # rule unknown_cost
    cost = "unknown until the first run finishes" if total is None else f"about {format_usd(total)}"
    return f"Cost: {cost} ({how}).{cap}"


def _price_text(price: Price) -> str:
    match price.basis:
        case Basis.LEDGER:
            assert price.cost_micro_usd is not None
            return f"{price.creates:,} x {format_usd(price.cost_micro_usd)}, the newest price paid"
        case Basis.EXPECTED:
            assert price.cost_micro_usd is not None
            return f"{price.creates:,} x {format_usd(price.cost_micro_usd)}, as the manifest expects"
        case Basis.UNKNOWN:
            return f"{count(price.creates, 'run')} of {clean(price.model)}, price not known yet"


def _spend_sentence(spend: Spend) -> list[str]:
    if not spend.charged_micro_usd and not spend.in_doubt_takes:
        return []
    return [f"So far: {format_usd(spend.net_micro_usd)} spent. {risk_sentence(spend)}".rstrip()]


def _cap_warning(plan: Plan, estimate: Estimate, snapshot: Snapshot, cap_micro_usd: int | None) -> list[str]:
    if cap_micro_usd is None or not estimate.creates or estimate.micro_usd is None:
        return []
    cap = Cap(cap_micro_usd)
    for run in snapshot.paid_runs:
        cap.on_run_changed(run)
    left = cap_micro_usd - cap.committed_micro_usd
    if estimate.micro_usd <= left:
        return []
    prices = {price.model: price.cost_micro_usd or 0 for price in estimate.prices}
    fitting = sum(spent <= left for spent in accumulate(prices[line.model] for line in plan.paying))
    total = format_usd(cap.committed_micro_usd + estimate.micro_usd)
    enough = f"The cap leaves {format_usd(max(0, left))}, enough for {fitting:,} of {estimate.creates:,}"
    raised = f"For all of them, raise limits.max_spend_usd or --max-spend to {total}."
    return [f"{enough}: apply stops there and exits 3. {raised}"]

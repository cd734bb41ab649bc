"""What a plan pays for, where it is much: by the template of its shots, each with its number, its cost and an example.

Pure. Takes of one template are one line as long as they are made by one model, for one kind of reason.
"""

from collections.abc import Sequence

from hailuo_batch.core.planning.estimate import Estimate
from hailuo_batch.core.planning.plan import PlanAction, PlanLine
from hailuo_batch.ui.request_text import BELOW, View, example_lines, note_lines, words_changed
from hailuo_batch.ui.screen.paint import Style, paint_text, styled
from hailuo_batch.ui.text import INDENT, clean, count, layout_rows
from hailuo_batch.values import format_usd

MOST_SHOWN = 12
"""The most lines shown of one kind, unless all are asked for."""

_MOST_COMPARED = 1_000
"""The most takes whose changes are compared with each other: that takes up to a second."""

_VERBS = {PlanAction.CREATE: (Style.ADDED, "to create"), PlanAction.REPLACE: (Style.WARNING, "to replace")}


def render_groups(lines: Sequence[PlanLine], estimate: Estimate, view: View) -> list[str]:
    """The groups of these paying lines, in the manifest's order."""
    groups: dict[tuple[str, ...], list[PlanLine]] = {}
    for line in lines:
        # rule group_of_takes
        key = (line.template or line.take.shot, line.model, str(line.action), _kind_of_reason(line))
        groups.setdefault(key, []).append(line)
    costs = {price.model: price.cost_micro_usd for price in estimate.prices}
    shown = list(groups.items())[:MOST_SHOWN]
    is_model_shown = len({line.model for line in lines}) > 1
    cells = [
        (
            clean(template),
            _number_text(len(group), group[0].action),
            _cost_text(len(group), costs.get(model)),
            clean("; ".join(filter(None, (model if is_model_shown else "", kind)))),
        )
        for (template, model, _, kind), group in shown
    ]
    rows = zip(
        (paint_text(row, view.palette) for row in layout_rows(cells, view.columns)),
        (group for _, group in shown),
        strict=True,
    )
    compared = _MOST_COMPARED // len(shown)
    texts = [text for row, group in rows for text in (row, *_example(group, compared, view))]
    rest = [group for _, group in list(groups.items())[MOST_SHOWN:]]
    takes = sum(map(len, rest))
    more = [f"{INDENT}... and {count(len(rest), 'more group')} of {count(takes, 'take')}"] if rest else []
    return [*texts, *more, f"{INDENT}(-v shows every take with its whole prompt and its images)"]


def _example(group: Sequence[PlanLine], most: int, view: View) -> list[str]:
    """The first take of the group, and how many of the others it does not stand for, of so many at the most."""
    first, *others = group
    lines = [*example_lines(first, view), *_notes(group, view)]
    if first.before is None:
        return lines
    change = words_changed(first)
    different = sum(words_changed(line) != change for line in others[:most])
    where = f"the first {most:,}" if len(others) > most else "them"
    return lines + ([f"{BELOW}... and {different:,} of {where} changed in other words"] if different else [])


def _notes(group: Sequence[PlanLine], view: View) -> list[str]:
    """The notes on the videos that are made again, each with its take."""
    noted = [line for line in group if line.note.strip()]
    most = MOST_SHOWN if len(noted) > MOST_SHOWN + 1 else len(noted)  # a line that counts one more saves no line
    shown = [text for line in noted[:most] for text in note_lines(line, view, f"note on {clean(line.take_id)}")]
    more = len(noted) - most
    return shown + ([f"{BELOW}... and {count(more, 'more note')}; -v shows them"] if more else [])


def _kind_of_reason(line: PlanLine) -> str:
    """The reason without what is of one take alone. What is new needs none."""
    if line.reason == "new":
        return ""
    return line.reason if line.before is not None else line.reason.partition(";")[0].partition(": ")[0]


def _number_text(number: int, action: PlanAction) -> str:
    style, verb = _VERBS[action]
    return styled(style, f"{number:,} {verb}")


def _cost_text(number: int, cost_micro_usd: int | None) -> str:
    return "price not known yet" if cost_micro_usd is None else format_usd(number * cost_micro_usd)

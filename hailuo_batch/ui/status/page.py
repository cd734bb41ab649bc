"""`status` as a page for a person: totals, time and money first, then what is not done, then what to do about it.

Pure: the terminal's width is passed in. Long lists are shortened unless all is asked for, so that a page of a thousand
takes fits a screen or so. Styles are marked; whoever prints the lines paints them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.estimate import TimeNeeded
from hailuo_batch.report.model import Report, ReportTake
from hailuo_batch.ui.screen.paint import Style, styled
from hailuo_batch.ui.status.advice import MOST_NAMED, advice_groups, render_advice
from hailuo_batch.ui.status.sentences import detail_text, money_line, state_label, state_word, totals_line
from hailuo_batch.ui.text import INDENT, clean, count, layout_lines, layout_rows, name_some
from hailuo_batch.values import format_estimated_duration

MOST_SHOWN = 20
"""The most takes shown, unless all are asked for."""
_MOST_LINES = 36
_ROWS_BESIDE = 13  # of a terminal: what stands above and below the takes, and the prompt
_FEWEST_SHOWN = 4
_LONGEST_BAR = 40
_ORDER = (
    *(TakeState.DONE, TakeState.LOST, TakeState.FAILED, TakeState.REJECTED, TakeState.ABANDONED),
    *(TakeState.DOWNLOADING, TakeState.RUNNING, TakeState.WAITING),
)
"""What needs attention comes first. A take that is done is listed if its video is damaged; doubts have a part of their
own."""


class Detail(Enum):
    """How much of a campaign is shown."""

    TOTALS = "the totals, the time and the money"
    SHORT = "what is not done, as far as it fits"
    UNFINISHED = "everything that is not done"
    ALL = "every take"


@dataclass(frozen=True, slots=True)
class StatusPage:
    """All that the page shows.

    `new` is how many takes the manifest asks for that the ledger does not know. `time` is what is left for the apply
    that is running, or for the next one, None for nothing. `remark` says who writes the ledger, or that there
    is none yet; it is empty where nothing is to be said of it, or that stands elsewhere. `is_part` is whether only
    chosen takes are shown. `rows` is the terminal's height, None without one: what comes first must not scroll out of
    it. `doubts` are laid out already; `with_full_commands` completes the commands that a sentence
    names.
    """

    report: Report
    doubts: Sequence[str]
    new: int
    remark: str
    time: TimeNeeded | None
    is_part: bool
    has_ledger: bool = True
    rows: int | None = None
    with_full_commands: Callable[[str], str] = str

    @property
    def most_shown(self) -> int:
        """The most takes that are shown, unless all are asked for."""
        return MOST_SHOWN if self.rows is None else max(_FEWEST_SHOWN, min(MOST_SHOWN, self.rows - _ROWS_BESIDE))

    @property
    def most_lines(self) -> int:
        """How long the page may be in short."""
        return _MOST_LINES if self.rows is None else min(_MOST_LINES, self.rows - 1)


def render_page(page: StatusPage, detail: Detail, columns: int | None) -> list[str]:
    """The page in lines that fit the terminal; nothing is cut where `columns` is None."""
    head = _head_lines(page, columns)
    if detail is Detail.TOTALS:
        return head
    takes = _all_rows(page, columns) if detail is Detail.ALL else _unfinished_rows(page, detail, columns)
    below = [*takes, *map(page.with_full_commands, page.doubts)]
    lines = [line for row in (*head, *([""] if below else []), *below) for line in row.split("\n")]
    after = layout_lines([page.with_full_commands(text) for text in _closing_sentences(page)], columns)
    after += _resume_lines(page)
    advice = _advice_lines(page, detail, columns, page.most_lines - len(lines) - len(after))
    return [*lines, *([""] if advice or after else []), *advice, *after]


def _head_lines(page: StatusPage, columns: int | None) -> list[str]:
    report = page.report
    sentences = [_time_sentence(page), page.remark]
    return [
        *layout_lines([totals_line(report)], columns),
        *([] if columns is None else [_bar(report, columns)]),
        *layout_lines([*filter(None, sentences), money_line(report)], columns),
    ]


def _bar(report: Report, columns: int) -> str:
    done, takes = report.totals[TakeState.DONE], len(report.takes)
    width = min(_LONGEST_BAR, columns - len(" 100 %"))
    filled = width * done // takes if takes else width
    percent = 100 * done // takes if takes else 100
    return styled(Style.DONE, "█" * filled) + styled(Style.QUIET, "░" * (width - filled)) + f" {percent} %"


def _time_sentence(page: StatusPage) -> str:
    """How long it still takes, or how long the next apply would."""
    if page.time is None:
        return ""
    what = "Time left" if page.report.applying else "Time for the next apply"
    return f"{what}: {_time_text(page.time)}."


def _time_text(time: TimeNeeded) -> str:
    if time.about_s is not None:
        return f"about {format_estimated_duration(max(1.0, time.about_s))}"
    at_least = f"; at least {format_estimated_duration(time.least_s)}" if time.least_s > 0 else ""
    return f"not known yet{at_least}"


def _cells(takes: Sequence[ReportTake], report: Report) -> list[tuple[str, str, str]]:
    return [(state_label(take), take.id, clean(detail_text(take, report.generated_at))) for take in takes]


def _all_rows(page: StatusPage, columns: int | None) -> list[str]:
    return layout_rows(_cells(page.report.takes, page.report), columns)


def _unfinished_rows(page: StatusPage, detail: Detail, columns: int | None) -> list[str]:
    """What is not done, in groups: of each as many as there is room for."""
    report, groups = page.report, _groups(page.report)
    sizes = [len(takes) for takes in groups]
    doubtful = min(page.most_shown // 2, report.totals[TakeState.IN_DOUBT])
    allotted = sizes if detail is Detail.UNFINISHED else share_rows(sizes, page.most_shown - doubtful)
    shown = [take for takes, number in zip(groups, allotted, strict=True) for take in takes[:number]]
    in_one_line = range(len(shown)) if detail is Detail.SHORT else ()
    rows = iter(layout_rows(_cells(shown, report), columns, in_one_line=in_one_line))
    lines: list[str] = []
    for takes, number in zip(groups, allotted, strict=True):
        lines += islice(rows, number)
        if number < len(takes):
            lines.append(f"{INDENT}... and {len(takes) - number:,} more {state_word(takes[0])}; -v shows them")
    return lines


def _groups(report: Report) -> list[list[ReportTake]]:
    by_state: dict[TakeState, list[ReportTake]] = {state: [] for state in _ORDER}
    for take in report.takes:
        if take.state in by_state and (take.state is not TakeState.DONE or take.damaged):
            by_state[take.state].append(take)
    return [takes for takes in by_state.values() if takes]


def share_rows(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each group to show, so many at the most: of each a few, and then of the first as many as fit."""
    if not sizes:
        return []
    allotted = [min(size, max(1, min(3, most // len(sizes)))) for size in sizes]
    for place, size in enumerate(sizes):
        allotted[place] += max(0, min(size - allotted[place], most - sum(allotted)))
    return allotted


def _advice_lines(page: StatusPage, detail: Detail, columns: int | None, room: int) -> list[str]:
    """What to do, kind by kind: at least one kind, and as many others as there is room for."""
    most_named = MOST_NAMED if detail is Detail.SHORT else None
    lines: list[str] = []
    groups = advice_groups(page.report, page.new)
    for place, group in enumerate(groups):
        block = render_advice(group, most_named, columns)
        if detail is Detail.SHORT and lines and len(lines) + len(block) >= room:
            more = sum(len(each.attempts) for each in groups[place:])
            hint = f"... and {more:,} more; -v shows what to do about each, and so does the report."
            return [*lines, *layout_lines([hint], columns)]
        lines += block
    return lines


def _closing_sentences(page: StatusPage) -> list[str]:
    report = page.report
    gone = [clean(take.id) for take in report.takes if not take.in_manifest]
    sentences = []
    if page.new:
        sentences.append(
            f"The manifest asks for {page.new:,} more; `hailuo-batch plan MANIFEST` shows what the next apply does "
            "with them."
        )
    if gone:
        sentences.append(
            f"{count(len(gone), 'take')} left the manifest: {name_some(gone, MOST_NAMED)}. Files stay where they are, "
            "the money counts, runs that are paid for are still collected, and nothing more is paid."
        )
    return sentences


def _resume_lines(page: StatusPage) -> list[str]:
    """The command that makes what only needs another apply. It is one line: wrapped, it could not be pasted."""
    if not page.report.unfinished or page.report.applying or page.is_part:
        return []
    return [f"To {'continue' if page.has_ledger else 'begin'}: {page.report.resume_command}"]

"""Text that YAML drops although its author wrote it as a part of a value, and the warning of it.

`A lamp #3` is the text `A lamp` and a comment to YAML, `&hero wide shot` an anchor and a text. Whether such a value is
sent is for others to know: here is only what was dropped beside which scalar. A comment is dropped text where a sign
that is no blank follows the `#`; an anchor, as long as no alias refers to it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.manifest.diagnostics import Diagnostics, Position
from hailuo_batch.manifest.files.lines import BOM, LineBreaks
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import ScalarNode
from hailuo_batch.manifest.yaml.source_lines import SourceLines
from hailuo_batch.manifest.yaml.written_values import WrittenValue, find_value, put_in_quotes, without_comment
from hailuo_batch.warning_codes import WarningCode

# a `#` after a blank and before a sign; `## note` and `#----- ` are comments that somebody drew
# rule text_after_hash
_TEXT_AFTER_HASH = re.compile(rb"#(?<=[ \t]#)(?!#*(?:\s|\Z|\xc2\x85|\xe2\x80[\xa8\xa9]))")
_COMMENT_LINES = re.compile(rb"(?:[ \t]*+#[^\n\r\x80-\xff]*+[\n\r])++")  # only plain ones: they may be millions
_NEVER = (1 << 62, 0, 0)


class DropKind(StrEnum):
    """What YAML takes the dropped text for."""

    COMMENT = "a comment"
    ANCHOR = "an anchor"
    TAG = "a tag"


@dataclass(frozen=True, slots=True)
class DroppedText:
    """What was dropped, and where its sign stands. `on_one_line`: whether the whole value stands on that line."""

    place: Position
    kind: DropKind
    on_one_line: bool


class DroppedTexts:
    """What YAML dropped beside the plain scalars of a manifest's bytes. The composer writes it, and goes along them."""

    def __init__(self, data: bytes) -> None:
        self.lines = SourceLines(data)
        self._by_scalar: dict[tuple[int, int], DroppedText] = {}
        self._cuts = _find_cuts(data)
        self._next = next(self._cuts, _NEVER)
        self.has_comments = self._next is not _NEVER
        """Whether the file has any comment that may be dropped text: in most it saves the search."""

    def __bool__(self) -> bool:
        return bool(self._by_scalar)

    def find(self, node: ScalarNode) -> DroppedText | None:
        """What was dropped beside this scalar."""
        return self._by_scalar.get((node.line, node.column))

    def texts(self) -> Iterator[str]:
        """All that was dropped, each as it is written."""
        return map(self.shown, self._by_scalar.values())

    def shown(self, dropped: DroppedText) -> str:
        """The dropped text itself; only its first word if it is no comment."""
        rest = self.lines.text(dropped.place.line)[dropped.place.column - 1 :].rstrip()
        return without_comment(rest) if dropped.kind is DropKind.COMMENT else (rest.split() or [""])[0]

    def written(self, node: ScalarNode, dropped: DroppedText) -> WrittenValue | None:
        """The whole value as it is written; None if it is not all on one line."""
        at = (node.column if node.text else dropped.place.column) - 1
        line = self.lines.text(dropped.place.line)
        is_named = dropped.kind is DropKind.COMMENT and line[at : at + 1] in {"&", "!"}  # which quotes would undo
        return find_value(line, at) if dropped.on_one_line and not is_named else None

    def note_scalar(self, begin: tuple[int, int], end: tuple[int, int]) -> None:
        """Note what follows a plain scalar. Scalars come in the order in which they are written."""
        while self._next[:2] < end:
            self._next = next(self._cuts, _NEVER)
        # rule dropped_comment
        if self._next[:2] == end:
            place = Position(end[0], self._next[2])
            self._by_scalar[begin] = DroppedText(place, DropKind.COMMENT, begin[0] == end[0])

    def note_property(self, kind: DropKind, node: ScalarNode, end_line: int) -> None:
        """Note the anchor or the tag that a plain scalar begins with."""
        place = Position(node.line, node.column)
        self._by_scalar.setdefault((node.line, node.column), DroppedText(place, kind, node.line == end_line))

    def forget(self, node: ScalarNode) -> None:
        """What was dropped beside this scalar has been reported."""
        self._by_scalar.pop((node.line, node.column), None)

    def forget_anchor(self, node: ScalarNode) -> None:
        """An alias refers to the anchor of this scalar: it is one."""
        dropped = self.find(node)
        # rule used_anchor
        if dropped is not None and dropped.kind is DropKind.ANCHOR:
            self.forget(node)


def _find_cuts(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each place where a comment may have cut off text: its line, the column behind the text, and that of the `#`."""
    line, column = 1, 1
    line_begin = counted_to = len(BOM) if data.startswith(BOM) else 0
    found = _TEXT_AFTER_HASH.search(data, counted_to)
    while found is not None:
        at = found.start()
        breaks, last_break = _line_breaks(data, counted_to, at)
        if breaks:
            line, column = line + breaks, 1
            line_begin = counted_to = last_break
        end = counted_to + len(data[counted_to:at].rstrip(b" \t"))
        if end > line_begin:
            column += len(data[counted_to:end].decode("utf-8", "replace"))
            yield line, column, column + at - end
            column += at - end
            counted_to = at
            found = _TEXT_AFTER_HASH.search(data, at + 1)
        else:
            own_lines = _COMMENT_LINES.match(data, line_begin)
            found = _TEXT_AFTER_HASH.search(data, max(at + 1, own_lines.end() if own_lines else 0))


def _line_breaks(data: bytes, begin: int, end: int) -> tuple[int, int]:
    """How many lines end between these offsets, and where the last of them ends."""
    part = data[begin:end]
    if part.isascii() and b"\r" not in part:
        return part.count(b"\n"), begin + part.rfind(b"\n") + 1
    marks = LineBreaks.YAML.value
    ends = ((part.rfind(mark), len(mark)) for mark in marks)
    last = max((at + length for at, length in ends if at >= 0), default=0)
    return sum(map(part.count, marks)) - part.count(b"\r\n"), begin + last


def warn_of_dropped_text(nodes: Iterable[ScalarNode], dropped: DroppedTexts, diagnostics: Diagnostics) -> None:
    """Warn of what was dropped beside these scalars: once for each kind, at the first place."""
    by_kind: dict[DropKind, dict[tuple[int, int], tuple[ScalarNode, DroppedText]]] = {}
    for node in nodes:
        found = dropped.find(node)
        if found is not None:
            by_kind.setdefault(found.kind, {})[found.place.line, found.place.column] = (node, found)
    for kind, all_found in by_kind.items():
        node, first = all_found[min(all_found)]
        message = f"YAML takes {quoted(dropped.shown(first))} for {kind}, so it is not sent"
        hint = put_in_quotes(dropped.written(node, first))
        diagnostics.warn(
            first.place, WarningCode.DROPPED_TEXT, message, hint, cause=f"dropped: {kind}", more=len(all_found) - 1
        )

"""The lines of a file's bytes: where a byte stands, and what a line says around a place.

YAML and CSV end lines at different characters: what is counted as a line here must be what the parser counts. Knows
nothing else of either. Works on the bytes, so that finding a place in a large file costs no copy of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from hailuo_batch.manifest.diagnostics import Spot

_BOM = b"\xef\xbb\xbf"
_WIDTH = 120
_MOST_LINES = 1_000_000  # beyond them a line is not worth the search


class Breaks(Enum):
    """What ends a line."""

    CSV = (b"\n", b"\r")
    YAML = (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """The breaks as an expression."""
        return re.compile(b"\r\n|" + b"|".join(self.value))


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A source line, shortened to what is around a place in it; `caret` is where the place is in `text`, from 0."""

    text: str = ""
    caret: int = 0


def spot_at(data: bytes, index: int, breaks: Breaks) -> Spot:
    """The line and the column of the byte at `index`, both from 1; columns count characters."""
    line = 1 - data.count(b"\r\n", 0, index)
    begin = 0
    for mark in breaks.value:
        line += data.count(mark, 0, index)
        last = data.rfind(mark, 0, index)
        begin = max(begin, last + len(mark) if last >= 0 else 0)
    return Spot(line, len(_decoded(data, begin, index)) + 1)


def lines_of(data: bytes, wanted: Iterable[int], breaks: Breaks) -> dict[int, str]:
    """The lines with these numbers, without their ends."""
    numbers = sorted({number for number in wanted if 0 < number <= _MOST_LINES})
    found: dict[int, str] = {}
    begin, line = 0, 1
    ends = breaks.pattern.finditer(data)
    for number in numbers:
        if number > line:
            before = next(islice(ends, number - line - 1, None), None)
            if before is None:
                break
            begin, line = before.end(), number
        after = breaks.pattern.search(data, begin)
        found[number] = _decoded(data, begin, after.start() if after else len(data))
    return found


def excerpt(line: str, column: int) -> Excerpt:
    """What the line says around a column, on one line and unable to hide or move anything."""
    at = min(column - 1, len(line))
    first = 0 if len(line) <= _WIDTH else max(0, min(at - _WIDTH // 2, len(line) - _WIDTH))
    text = "".join(character if character.isprintable() else " " for character in line[first : first + _WIDTH])
    cut = "…" if first else ""
    return Excerpt(cut + text.rstrip() + ("…" if first + _WIDTH < len(line) else ""), at - first + len(cut))


def _decoded(data: bytes, begin: int, end: int) -> str:
    if begin == 0 and data.startswith(_BOM):
        begin = len(_BOM)
    return data[begin : max(begin, end)].decode("utf-8", "replace")

"""The lines of a file's bytes: where a byte is, and what a line says around a place.

YAML and CSV end lines at different characters: what is counted as a line here must be what the parser counts. Knows
nothing else of either. Works on the bytes, so that finding a place in a large file costs no copy of it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from operator import attrgetter

from hailuo_batch.manifest.diagnostics import Position, Positioned

BOM = b"\xef\xbb\xbf"
_CHUNK = 1024 * 1024
_CONTINUATION_BYTES = bytes(range(0x80, 0xC0))  # the bytes of a character except its first
_MAX_WIDTH = 120
_MAX_LINES = 1_000_000  # beyond them a line is not worth the search


class LineBreaks(Enum):
    """What ends a line, by the kind of file."""

    CSV = (b"\n", b"\r")
    YAML = (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """The line breaks as a regular expression."""
        return re.compile(b"\r\n|" + b"|".join(self.value))


@dataclass(frozen=True, slots=True)
class SourceLine:
    """What a line says around a place in it, which is at `at` of `text`. `is_cut`: whether the line begins before."""

    text: str = ""
    at: int = 0
    is_cut: bool = False

    def excerpt(self) -> tuple[str, int]:
        """What the line says around the place, shortened and printable, and where the place is in that, from 0."""
        text, at = self.text, self.at
        first = 0 if len(text) <= _MAX_WIDTH else max(0, min(at - _MAX_WIDTH // 2, len(text) - _MAX_WIDTH))
        shown = "".join(c if c.isprintable() else " " for c in text[first : first + _MAX_WIDTH])
        cut = "…" if first or self.is_cut else ""
        return cut + shown.rstrip() + ("…" if first + _MAX_WIDTH < len(text) else ""), at - first + len(cut)


def position_at(data: bytes, index: int, breaks: LineBreaks) -> Position:
    """The line and the column of the byte at `index`, both from 1; columns count characters."""
    line = 1 - data.count(b"\r\n", 0, index)
    begin = 0
    for mark in breaks.value:
        line += data.count(mark, 0, index)
        last = data.rfind(mark, 0, index)
        begin = max(begin, last + len(mark) if last >= 0 else 0)
    return Position(line, _count_characters(data, _skip_bom(data, begin), index) + 1)


def find_source_lines(
    data: bytes, places: Iterable[Positioned], breaks: LineBreaks, width: int = _MAX_WIDTH
) -> dict[Positioned, SourceLine]:
    """What the lines say around these places, `width` characters to both sides. Places on no line are left out."""
    by_line: dict[int, list[Positioned]] = {}
    for place in places:
        by_line.setdefault(place.line, []).append(place)
    return {
        place: source_line
        for number, (begin, end) in _find_lines(data, by_line, breaks)
        for place, source_line in _cut_line(data, begin, end, by_line[number], width)
    }


def _find_lines(data: bytes, wanted: Iterable[int], breaks: LineBreaks) -> Iterator[tuple[int, tuple[int, int]]]:
    """Where the lines with these numbers begin and end, without their breaks."""
    begin, line = 0, 1
    ends = breaks.pattern.finditer(data)
    for number in sorted(number for number in wanted if 0 < number <= _MAX_LINES):
        if number > line:
            before = next(islice(ends, number - line - 1, None), None)
            if before is None:
                return
            begin, line = before.end(), number
        after = breaks.pattern.search(data, begin)
        yield number, (_skip_bom(data, begin), after.start() if after else len(data))


def _cut_line(
    data: bytes, begin: int, end: int, places: list[Positioned], width: int
) -> Iterator[tuple[Positioned, SourceLine]]:
    """What one line says around each of its places. Goes along the line once, and never decodes it as a whole."""
    offset, column = begin, 1
    for place in sorted(places, key=attrgetter("column")):
        offset, passed = _skip_characters(data, offset, end, max(0, place.column - width - column))
        column += passed
        text = data[offset : min(end, offset + 4 * 2 * width)].decode("utf-8", "replace")[: 2 * width]
        yield place, SourceLine(text, min(place.column - column, len(text)), column > 1)


def _skip_characters(data: bytes, offset: int, end: int, characters: int) -> tuple[int, int]:
    """The offset after so many characters, but not past the end, and how many they were."""
    passed = 0
    while passed < characters and offset < end:
        ahead = min(end, offset + min(_CHUNK, characters - passed))
        while ahead < end and data[ahead] & 0xC0 == 0x80:
            ahead += 1
        passed += _count_characters(data, offset, ahead)
        offset = ahead
    return offset, passed


def _count_characters(data: bytes, begin: int, end: int) -> int:
    """How many characters begin between these offsets."""
    chunks = range(begin, end, _CHUNK)
    return sum(len(data[at : min(end, at + _CHUNK)].translate(None, _CONTINUATION_BYTES)) for at in chunks)


def _skip_bom(data: bytes, begin: int) -> int:
    return len(BOM) if begin == 0 and data.startswith(BOM) else begin

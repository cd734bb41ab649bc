"""A word-by-word difference as text, as `git diff --word-diff` writes it: `a [-white-] {+teal+} lamp`.

Pure. A prompt is hostile until it is escaped, and lines are measured and wrapped before they are coloured. So the
places of the colours are marked with characters that have no width, and that no escaped text can hold; `paint` puts the
colours there, and is the last to touch a line.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hailuo_batch.core.planning.diff import Change, Piece
from hailuo_batch.text import Palette, clean, one_line, sanitize
from hailuo_batch.ui.text import elide, elide_middle

# direction marks, which `sanitize` escapes wherever a user writes one
_REMOVED, _ADDED, _END = "\u2066", "\u2067", "\u2069"
_MARKS = re.compile(f"[{_REMOVED}{_ADDED}{_END}]")
_CONTEXT = 4
"""How many unchanged words are shown on each side of a change."""
_LONGEST_CONTEXT = 40
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Text with whether a blank stands before and after it."""

    text: str
    blank_before: bool
    blank_after: bool


def render_whole(pieces: Sequence[Piece]) -> str:
    """The difference with all that did not change, in the lines of the text."""
    chunks = [_changed(piece, None) if piece.change is not Change.KEPT else _kept_whole(piece) for piece in pieces]
    return _join(chunks)


def render_short(pieces: Sequence[Piece], columns: int) -> str:
    """The difference on one line, with a few unchanged words around each change, none of which is longer than
    `columns`."""
    last = len(pieces) - 1
    chunks = [
        _changed(piece, columns)
        if piece.change is not Change.KEPT
        else _kept_short(piece, is_first=at == 0, is_last=at == last)
        for at, piece in enumerate(pieces)
    ]
    return _join(chunks)


def paint(lines: Iterable[str], palette: Palette) -> list[str]:
    """The lines with the colours of the palette in their places. A colour ends with its line, and begins again."""
    codes = {_REMOVED: palette.removed, _ADDED: palette.added, _END: palette.end}
    painted, colour = [], ""
    for line in lines:
        begin = colour
        for mark in _MARKS.findall(line):
            colour = "" if mark == _END else codes[mark]
        text = _MARKS.sub(lambda found: codes[found[0]], line)
        painted.append(begin + text + (palette.end if colour else ""))
    return painted


def _changed(piece: Piece, columns: int | None) -> _Chunk:
    text = piece.text.rstrip(" ") or piece.text
    shown = one_line(text) if columns is None else elide_middle(one_line(text), columns)
    mark, before, after = (_REMOVED, "[-", "-]") if piece.change is Change.REMOVED else (_ADDED, "{+", "+}")
    # the old words never touch the new ones
    blank = piece.change is Change.REMOVED or text != piece.text
    return _Chunk(f"{mark}{before}{shown}{after}{_END}", False, blank)


def _kept_whole(piece: Piece) -> _Chunk:
    text = piece.text
    return _Chunk(sanitize(text.strip(" ")), text.startswith(" "), text.endswith(" "))


def _kept_short(piece: Piece, *, is_first: bool, is_last: bool) -> _Chunk:
    text, words = clean(piece.text), clean(piece.text).split(" ")
    head, tail = " ".join(words[:_CONTEXT]), " ".join(words[-_CONTEXT:])
    head, tail = elide(head, _LONGEST_CONTEXT), elide(tail[::-1], _LONGEST_CONTEXT)[::-1]
    if is_first and text != tail:
        text = f"{_ELLIPSIS}{tail}"
    elif is_last and text != head:
        text = f"{head}{_ELLIPSIS}"
    elif len(text) > len(head) + len(tail) + 3:
        text = f"{head} {_ELLIPSIS} {tail}"
    return _Chunk(text, piece.text[:1].isspace(), piece.text[-1:].isspace())


def _join(chunks: Sequence[_Chunk]) -> str:
    text, blank = "", False
    for chunk in chunks:
        text += " " if text and (blank or chunk.blank_before) else ""
        text += chunk.text
        blank = chunk.blank_after
    return text

"""A word-by-word difference as text, as `git diff --word-diff` writes it: `a [-white-] {+teal+} lamp`.

Pure. A prompt is hostile until it is escaped, and lines are measured and wrapped before they are coloured. So the
places of the colours are marked with characters that have no width, and that no escaped text can hold; whoever prints
the lines paints them last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hailuo_batch.core.planning.diff import Change, Piece
from hailuo_batch.text import clean, one_line, sanitize
from hailuo_batch.ui.screen.paint import Style, styled
from hailuo_batch.ui.text import elide, elide_middle

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


def _changed(piece: Piece, columns: int | None) -> _Chunk:
    text = piece.text.rstrip(" ") or piece.text
    shown = one_line(text) if columns is None else elide_middle(one_line(text), columns)
    is_removed = piece.change is Change.REMOVED
    style, before, after = (Style.REMOVED, "[-", "-]") if is_removed else (Style.ADDED, "{+", "+}")
    # the old words never touch the new ones
    blank = is_removed or text != piece.text
    return _Chunk(styled(style, f"{before}{shown}{after}"), False, blank)


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

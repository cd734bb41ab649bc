"""How a finding looks to a person: its place and message, the line it is in, a caret below, and what to write instead.

Pure: gives text and prints nothing. The first line is one that other programs can read; no text of the user's moves
the cursor, and the caret stands right below wide characters too.
"""

import unicodedata
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import Diagnostic, Severity


@dataclass(frozen=True, slots=True)
class Palette:
    """What is written before each kind of text, and after it."""

    error: str = ""
    warning: str = ""
    strong: str = ""
    quiet: str = ""
    end: str = ""


_LEAST_SOURCE = 20

PLAIN = Palette()
COLOURED = Palette(error="\x1b[1;31m", warning="\x1b[1;33m", strong="\x1b[1m", quiet="\x1b[36m", end="\x1b[0m")


def render(found: Diagnostic, palette: Palette = PLAIN, columns: int | None = None) -> str:
    """The finding in as many lines as it needs.

    The line that it is in fits a terminal of `columns`, as does the hint beside the caret; None: nothing is cut.
    """
    kind = palette.error if found.severity is Severity.ERROR else palette.warning
    place = f"{found.path}:{found.line}:{found.column}:"
    heading = (
        f"{palette.strong}{place}{palette.end} {kind}{found.severity}:{palette.end} "
        f"{palette.strong}{found.message}{palette.end}"
    )
    if not found.source:
        return heading + (f"\n  {palette.quiet}={palette.end} {found.hint}" if found.hint else "")
    number = f"{found.line:>5}"
    blank = " " * (len(number) + 1)
    room = None if columns is None else max(_LEAST_SOURCE, columns - len(f"{number} | "))
    source, caret = (found.source, found.caret) if room is None else _fitted(found.source, found.caret, room)
    below = " " * _columns(source[:caret])
    lines = [
        heading,
        f"{palette.quiet}{number} |{palette.end} {source}",
        f"{palette.quiet}{blank}|{palette.end} {below}{kind}^{palette.end}",
    ]
    if found.hint and (room is None or len(below) + _columns(f"^ {found.hint}") <= room):
        lines[-1] = f"{palette.quiet}{blank}|{palette.end} {below}{kind}^ {found.hint}{palette.end}"
    elif found.hint:
        lines.append(f"{palette.quiet}{blank}={palette.end} {found.hint}")
    return "\n".join(lines)


def _fitted(text: str, caret: int, room: int) -> tuple[str, int]:
    """The text cut to so many columns around the caret, and where the caret is then."""
    if _columns(text) <= room:
        return text, caret
    first = 0
    if _columns(text[: caret + 1]) > room - 1:
        first = caret
        while first > 0 and _columns(text[first - 1 : caret]) <= room // 2:
            first -= 1
    cut = "…" if first else ""
    last = len(text)
    while _columns(text[first:last]) > room - len(cut) - (last < len(text)):
        last -= 1
    return cut + text[first:last] + ("…" if last < len(text) else ""), caret - first + len(cut)


def _columns(text: str) -> int:
    """How many columns the text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )

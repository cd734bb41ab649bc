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


PLAIN = Palette()
COLOURED = Palette(error="\x1b[1;31m", warning="\x1b[1;33m", strong="\x1b[1m", quiet="\x1b[36m", end="\x1b[0m")


def render(found: Diagnostic, palette: Palette = PLAIN) -> str:
    """The finding in as many lines as it needs."""
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
    below = " " * _columns(found.source[: found.caret])
    hint = f" {found.hint}" if found.hint else ""
    return (
        f"{heading}\n{palette.quiet}{number} |{palette.end} {found.source}\n"
        f"{palette.quiet}{blank}|{palette.end} {below}{kind}^{hint}{palette.end}"
    )


def _columns(text: str) -> int:
    """How many columns the text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )

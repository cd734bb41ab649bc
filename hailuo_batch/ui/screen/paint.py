"""Styles in text that is still measured, shortened and wrapped: marks without width, which become colours at the end.

Pure. The marks are characters that `sanitize` escapes wherever a user writes them, so that no text but ours has any.
Text is made harmless first, then marked, laid out, and painted last.
"""

import re
from collections.abc import Iterable
from enum import Enum

from hailuo_batch.text import Palette


class Style(Enum):
    """What a piece of text means, with the mark before it."""

    REMOVED = "\u2066"
    ADDED = "\u2067"
    ERROR = "\u202a"
    WARNING = "\u202b"
    STRONG = "\u202d"
    QUIET = "\u202e"
    DONE = "\u200e"
    RUNNING = "\u200f"
    DOUBT = "\u061c"


_END = "\u2069"
_STYLE_OF = {style.value: style for style in Style}
_MARKS = re.compile(f"[{''.join(_STYLE_OF)}{_END}]")


def styled(style: Style, text: str) -> str:
    """The text with the marks of the style around it."""
    return f"{style.value}{text}{_END}"


def paint(lines: Iterable[str], palette: Palette) -> list[str]:
    """The lines with the colours of the palette in place of the marks. A colour ends with its line, and begins again on
    the next one."""
    painted, colour = [], ""
    for line in lines:
        begin = colour
        for mark in _MARKS.findall(line):
            colour = _code(mark, palette) if mark != _END else ""
        text = _MARKS.sub(lambda found: _code(found[0], palette), line)
        painted.append(begin + text + (palette.end if colour else ""))
    return painted


def paint_text(text: str, palette: Palette) -> str:
    """The lines of the text, painted."""
    return "\n".join(paint(text.split("\n"), palette))


def _code(mark: str, palette: Palette) -> str:
    return palette.end if mark == _END else palette.code_of(_STYLE_OF[mark].name.lower())

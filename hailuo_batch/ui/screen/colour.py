"""Whether a stream gets colours, and whether it can show symbols: decided here and nowhere else.

`--no-color` beats everything, then NO_COLOR (no-color.org), then FORCE_COLOR, which colours a pipe, too. Without any of
them a terminal has colours unless it calls itself dumb.
"""

import os
from enum import Enum
from typing import TextIO

from hailuo_batch.text import COLOURED, PLAIN, Palette, with_stand_ins


class Colour(Enum):
    """What the command line says about colours."""

    AUTO = "as the environment and the stream decide"
    NEVER = "--no-color"


def palette_of(stream: TextIO, colour: Colour = Colour.AUTO) -> Palette:
    """The colours for what is printed on the stream."""
    if colour is Colour.NEVER or os.environ.get("NO_COLOR"):
        return PLAIN
    if os.environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return COLOURED
    return COLOURED if has_cursor(stream) else PLAIN


def has_cursor(stream: TextIO) -> bool:
    """Whether the stream is a terminal that understands control sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_symbols(stream: TextIO) -> bool:
    """Whether what reads the stream can show more than ASCII.

    LC_ALL=C is asked for as well as the encoding: Python writes UTF-8 there, to a terminal that may not read it.
    """
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "")
    return encoding.startswith("utf") and os.environ.get("LC_ALL") not in {"C", "POSIX"}


def fit_to(stream: TextIO, text: str) -> str:
    """The text as the stream can show it: with an ASCII sign for each symbol of ours where it knows no others."""
    return text if text.isascii() or has_symbols(stream) else with_stand_ins(text)

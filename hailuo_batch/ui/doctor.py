"""The doctor's findings as lines: a symbol and a word, what it is about, what is so, and below what mends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hailuo_batch.text import Palette, clean, display_width, one_line, wrap
from hailuo_batch.ui.text import INDENT

_WORD_COLUMNS = 10
_GAP = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One finding as text. `word` is `ok`, `note`, `warning` or `problem`."""

    word: str
    subject: str
    text: str
    remedy: str = ""
    commands: tuple[str, ...] = ()


_SYMBOLS: Mapping[str, str] = {"ok": "✓", "note": "◦", "warning": "!", "problem": "✗"}


def render_lines(lines: Sequence[Line], columns: int | None, palette: Palette) -> str:
    """The lines, wrapped to fit `columns`, None for no limit."""
    colours = {"ok": palette.added, "warning": palette.warning, "problem": palette.error}
    widest = max((display_width(line.subject) for line in lines), default=0)
    indent = " " * (_WORD_COLUMNS + _GAP + widest + _GAP)
    shown = list[str]()
    for line in lines:
        colour = colours.get(line.word, "")
        head = f"{_SYMBOLS[line.word]} {line.word}".ljust(_WORD_COLUMNS)
        marked = f"{colour}{head}{palette.end}" if colour else head
        subject = line.subject + " " * (widest - display_width(line.subject))
        texts = [clean(line.text), *([clean(line.remedy)] if line.remedy else [])]
        body = [part for text in texts for part in _wrapped(text, columns, len(indent))]
        shown.append(f"{marked}{' ' * _GAP}{subject}{' ' * _GAP}{body[0]}")
        shown += [indent + part for part in body[1:]]
        # a command is never broken into lines: it is there to be copied
        shown += [f"{2 * INDENT}{one_line(command)}" for command in line.commands]
    return "\n".join(shown)


def _wrapped(text: str, columns: int | None, used: int) -> list[str]:
    return [text] if columns is None else wrap(text, max(columns - used, 1)).split("\n")

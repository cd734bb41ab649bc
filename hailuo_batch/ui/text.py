"""Text for terminals: shortened to fit, laid out in rows. Pure."""

from collections.abc import Container, Sequence

from hailuo_batch.text import clean, columns_of, display_width, wrap

__all__ = [
    "INDENT",
    "clean",
    "count",
    "display_width",
    "elide",
    "elide_middle",
    "layout_lines",
    "layout_rows",
    "name_some",
]

INDENT = "  "
_CELL_GAP = 2
_LEAST_LAST_CELL = 30
_LEAST_CELL = 16
_ELLIPSIS = "…"


def elide(text: str, columns: int) -> str:
    """The text, shortened at its end to fit."""
    if display_width(text) <= columns:
        return text
    return _head(text, columns - 1).rstrip() + _ELLIPSIS


def elide_middle(text: str, columns: int) -> str:
    """The text, shortened in its middle to fit: take IDs differ at their ends."""
    if display_width(text) <= columns:
        return text
    tail = _head(text[::-1], (columns - 1) // 2)[::-1]
    return _head(text, columns - 1 - display_width(tail)) + _ELLIPSIS + tail


def layout_rows(
    rows: Sequence[Sequence[str]], columns: int | None, *, in_one_line: Container[int] = frozenset()
) -> list[str]:
    """Each row of cells as text that fits `columns`. A last cell that is too long is wrapped into lines of its own, or,
    in the rows with the numbers `in_one_line`, shortened at its end.

    The other cells are shortened in their middle if they must be. Nothing is shortened if `columns` is None.
    """
    widths = _column_widths(rows, columns)
    return [
        _lay_out_short(row, widths, columns) if number in in_one_line else _lay_out(row, widths, columns)
        for number, row in enumerate(rows)
    ]


def _column_widths(rows: Sequence[Sequence[str]], columns: int | None) -> list[int]:
    """The widths of all columns but the last."""
    if not rows:
        return []
    *widths, last_width = (max(map(display_width, cells)) for cells in zip(*rows, strict=True))
    return widths if columns is None else _shrink_to_fit(widths, columns - min(last_width, _LEAST_LAST_CELL))


def layout_lines(lines: Sequence[str], columns: int | None) -> list[str]:
    """Sentences wrapped at whole words to fit `columns`; unchanged if that is None."""
    return list(lines) if columns is None or not lines else wrap("\n".join(lines), columns).split("\n")


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 take`, `2,000 takes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def name_some(names: Sequence[str], most: int) -> str:
    """The first names, and how many there are beyond them: `hero, desk and 3 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _lay_out_short(row: Sequence[str], widths: Sequence[int], columns: int | None) -> str:
    *cells, last = row
    line = (_align_cells(cells, widths) + last).rstrip()
    return line if columns is None else elide(line, columns)


def _lay_out(row: Sequence[str], widths: Sequence[int], columns: int | None) -> str:
    *cells, last = row
    line = (_align_cells(cells, widths) + last).rstrip()
    if columns is None or display_width(line) <= columns:
        return line
    own_widths = [max(width, display_width(cell)) for cell, width in zip(cells, widths, strict=True)]
    head = _align_cells(cells, _shrink_to_fit(own_widths, columns + _CELL_GAP)).rstrip()
    below = wrap(last, columns - 2 * len(INDENT)).splitlines()
    return "\n".join([head, *(2 * INDENT + text for text in below)])


def _align_cells(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (_pad(elide_middle(cell, width), width) for cell, width in zip(cells, widths, strict=True))
    return INDENT + "".join(cell + " " * _CELL_GAP for cell in padded)


def _shrink_to_fit(widths: Sequence[int], columns: int) -> list[int]:
    """Shrink the widest column so that all fit `columns`."""
    squeezed = list(widths)
    over = len(INDENT) + sum(widths) + _CELL_GAP * len(widths) - columns
    if over > 0 and squeezed:
        widest = max(range(len(squeezed)), key=squeezed.__getitem__)
        squeezed[widest] = max(_LEAST_CELL, squeezed[widest] - over)
    return squeezed


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - display_width(text))


def _head(text: str, columns: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += columns_of(character)
        if used > columns:
            return text[:index]
    return text

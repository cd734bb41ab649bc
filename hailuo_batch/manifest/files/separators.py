"""Which sign separates the fields of a table: what its first line says, or shows.

A comma, unless commas make one column of a header that holds `;` or tabs: spreadsheets of many countries write those.
Excel's own `sep=;` as a first line is no row. Pure; reads no more than the first row.
"""

import csv
import io
import re
from dataclasses import dataclass

from hailuo_batch.manifest.files.formats import BOM
from hailuo_batch.manifest.files.tables import MAX_ROW_BYTES

COMMA, SEMICOLON, TAB = ",", ";", "\t"
_STATED = re.compile(rb'"?sep=([\t!#-/:-@\[-`{-~])"?[\t,;]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written: the sign between fields, and where its header begins, in bytes and as a line from 1."""

    separator: str
    offset: int
    line: int


def find_dialect(data: bytes, usual: str = COMMA) -> Dialect:
    """The dialect of a table in which `usual` separates fields unless it says or shows something else."""
    # rule table_mark
    offset = len(BOM) if data.startswith(BOM) else 0
    stated = _STATED.match(data, offset)
    # rule stated_separator
    if stated is not None:
        return Dialect(stated[1].decode("latin-1"), stated.end(), 2)
    header = data[offset : offset + MAX_ROW_BYTES].decode("utf-8", "replace")
    # rule commas_first
    if len(read_header(header, usual)) != 1:
        return Dialect(usual, offset, 1)
    # rule other_separators
    others = [sign for sign in (SEMICOLON, TAB, COMMA) if sign != usual and len(read_header(header, sign)) > 1]
    return Dialect(others[0] if others else usual, offset, 1)


def read_header(text: str, separator: str) -> list[str]:
    """The names in the first row of a text that is not blank; empty for what cannot be read as one."""
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        return next(([name.strip() for name in row] for row in rows if row), [])
    except csv.Error:
        return []

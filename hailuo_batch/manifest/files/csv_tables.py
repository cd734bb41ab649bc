"""A table of rows from a CSV file: read row by row, checked, with only the used columns kept.

Owns the CSV notation and its limits. Every error has its place in the CSV file itself. Knows nothing of the manifest's
language. A table with any error is no table.
"""

import csv
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from hailuo_batch.manifest.diagnostics import FILE_START, Diagnostics, FatalDiagnostic, Position
from hailuo_batch.manifest.files.lines import BOM, LineBreaks
from hailuo_batch.manifest.files.text_files import MEBIBYTE, TextError, check_text
from hailuo_batch.manifest.quoting import quoted

MAX_BYTES = 64 * MEBIBYTE
MAX_ROWS = 300_000
MAX_COLUMNS = 1000
_MAX_ROW_BYTES = MEBIBYTE
_MAX_KEPT_ROWS = 100_000  # a campaign has no more takes
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAK = re.compile("\r\n|\r|\n")
_FIELD = re.compile('"(?:[^"]|"")*+"|[^",\r\n][^,\r\n]*|')
_QUOTING_HINT = 'put a field with a comma, a quote or a line break in double quotes, and write `""` for a quote in it'


@dataclass(slots=True)
class _RowStarts:
    """Where rows begin in the file: the offsets of their first bytes, and their lines from 1."""

    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    lines: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(frozen=True, slots=True)
class Table:
    """A table's rows: how many there are, and the values of the used columns. `path` is the file as it is shown."""

    path: str
    column_names: tuple[str, ...]
    columns: dict[str, list[str]]
    row_count: int
    data: bytes = field(repr=False)
    starts: _RowStarts = field(repr=False)

    def position(self, row: int, name: str) -> Position:
        """Where a row, counted from 0, has its value in a column; where the row begins, if there is no such column."""
        begin, line = self.starts.offsets[row], self.starts.lines[row]
        if name not in self.column_names:
            return Position(line, 1)
        following = self.starts.offsets[row + 1 : row + 2]
        end = following[0] if following else begin + _MAX_ROW_BYTES
        text = self.data[begin:end].decode("utf-8", "replace")
        return next(islice(_field_positions(text, line), self.column_names.index(name), None))


class _TableError(FatalDiagnostic):
    """An error after which nothing more of the table can be understood."""


class _LineReader:
    """The file's lines as text for the CSV reader; knows where the next line and the current row begin."""

    def __init__(self, data: bytes) -> None:
        self.offset = len(BOM) if data.startswith(BOM) else 0
        self.number = 1
        self.row_offset = self.offset
        self.row_line = 1
        self._data = data

    def begin_row(self) -> None:
        """Count what is read from here on to a new row."""
        self.row_offset, self.row_line = self.offset, self.number

    def __iter__(self) -> Iterator[str]:
        for match in _LINE.finditer(self._data, self.offset):
            self.offset = match.end()
            self.number += 1
            if self.offset - self.row_offset > _MAX_ROW_BYTES:
                message = "this row is longer than 1 MiB"
                raise _TableError(Position(self.row_line, 1), message, "look for a quote that is never closed")
            line = match[0].decode("utf-8")
            # a line break inside a quoted field is `\n` in its value, whatever system the file was written on
            yield line[:-2] + "\n" if line.endswith("\r\n") else line[:-1] + "\n" if line.endswith("\r") else line

    def row_text(self) -> str:
        """The current row as it is written."""
        return self._data[self.row_offset : self.offset].decode("utf-8", "replace")


def read_table(data: bytes, path: str, used: Collection[str], diagnostics: Diagnostics) -> Table | None:
    """The table in `data`, with its `used` columns; None if anything of it is wrong, which is reported."""
    try:
        check_text(data, LineBreaks.CSV)
        return _TableReader(data, path, diagnostics).read(used)
    except (TextError, _TableError) as error:
        diagnostics.error(error.place, error.message, error.hint, path=path)
        return None


class _TableReader:
    """A table while it is read."""

    def __init__(self, data: bytes, path: str, diagnostics: Diagnostics) -> None:
        self._data = data
        self._path = path
        self._diagnostics = diagnostics
        self._line_reader = _LineReader(data)
        self._rows = csv.reader(iter(self._line_reader), strict=True)

    def read(self, used: Collection[str]) -> Table | None:
        """The table; None if anything of it is wrong. Raises _TableError if nothing more of it can be understood."""
        names = self._read_header()
        if names is None:
            return None
        columns: dict[str, list[str]] = {name: [] for name in names if name in used}
        kept = [(names.index(name), values) for name, values in columns.items()]
        starts = _RowStarts()
        uneven = Counter[bool]()  # rows that are too short, rows that are too long
        faults: list[tuple[Position, str, str]] = []
        row_count = 0
        for row in self._next_rows():
            # rule row_length
            if len(row) != len(names):
                uneven[len(row) > len(names)] += 1
                if uneven[len(row) > len(names)] == 1:
                    faults.append(self._explain_field_count(row, names))
            elif row_count < _MAX_KEPT_ROWS:
                starts.offsets.append(self._line_reader.row_offset)
                starts.lines.append(self._line_reader.row_line)
                for at, values in kept:
                    values.append(row[at])
            row_count += 1
            if row_count > MAX_ROWS:
                raise _TableError(FILE_START, f"the table has more than {MAX_ROWS:,} rows", "split it")
        if row_count == 0:
            raise _TableError(FILE_START, "the table has no rows below its header", "add one")
        for (position, message, hint), count in zip(faults, uneven.values(), strict=True):
            self._diagnostics.error(position, message, hint, path=self._path, more=count - 1)
        return None if faults else Table(self._path, names, columns, row_count, self._data, starts)

    def _next_rows(self) -> Iterator[list[str]]:
        """The rows from here on, without blank lines."""
        while True:
            self._line_reader.begin_row()
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                raise self._explain_csv_error(str(error)) from None
            if row is None:
                return
            if row:
                yield row

    def _read_header(self) -> tuple[str, ...] | None:
        """The names of the columns; None if they are wrong, which is reported."""
        row = next(self._next_rows(), None)
        if row is None:
            hint = "begin it with a row of names, such as `sku,name,image`"
            raise _TableError(FILE_START, "the table is empty", hint)
        if len(row) > MAX_COLUMNS:
            raise _TableError(FILE_START, f"the table has more than {MAX_COLUMNS:,} columns", "remove unused ones")
        # rule header_names
        names = tuple(name.strip() for name in row)
        first: dict[str, Position] = {}
        for number, (name, position) in enumerate(zip(names, self._field_positions(), strict=False), 1):
            # rule header_empty
            if not name:
                self._report_error(position, f"column {number} of the header has no name", "give it one")
            # rule header_unique
            elif name in first:
                before = f"{first[name].line}:{first[name].column}"
                self._report_error(position, f"the header has {quoted(name)} twice, first at {before}", "rename one")
            elif len(names) == 1 and (";" in name or "\t" in name):
                separator = "`;`" if ";" in name else "tabs"
                self._report_error(position, f"the fields are separated by {separator}", "save the table with commas")
            else:
                first[name] = position
        return names if len(first) == len(names) else None

    def _explain_field_count(self, row: list[str], names: tuple[str, ...]) -> tuple[Position, str, str]:
        """Where a row has too few or too many fields, with a message and a hint."""
        positions = list(self._field_positions())
        fields = f"{len(row):,} field{'' if len(row) == 1 else 's'}"
        message = f"this row has {fields}, but the header has {len(names):,}"
        if len(row) > len(names):
            # rule long_row
            position = positions[min(len(names), len(positions) - 1)]
            return position, message, "put text with a comma in double quotes"
        missing = ", ".join(map(quoted, names[len(row) : len(row) + 3]))
        # rule short_row
        return positions[-1], message, f"add {missing}; a value may be empty"

    def _explain_csv_error(self, problem: str) -> _TableError:
        """The CSV reader's error in plain words, at its place."""
        if "field larger" in problem:
            place = Position(self._line_reader.row_line, 1)
            return _TableError(place, "a field of this row is longer than 131,072 characters", _QUOTING_HINT)
        *_, last = self._field_positions()
        if "unexpected end" in problem:
            return _TableError(last, "the quote that opens here is never closed", _QUOTING_HINT)
        return _TableError(last, "there is text after the closing quote of this field", _QUOTING_HINT)

    def _field_positions(self) -> Iterator[Position]:
        return _field_positions(self._line_reader.row_text(), self._line_reader.row_line)

    def _report_error(self, position: Position, message: str, hint: str = "") -> None:
        self._diagnostics.error(position, message, hint, path=self._path)


def _field_positions(text: str, line: int) -> Iterator[Position]:
    """Where the fields begin of a row that is written like `text`, beginning on this line; ends with it.

    After a field whose quotes are not in order nothing follows.
    """
    at = start_of_line = 0
    while True:
        yield Position(line, at - start_of_line + 1)
        written = _FIELD.match(text, at)
        end = at if written is None else written.end()
        for line_break in _BREAK.finditer(text, at, end):
            line, start_of_line = line + 1, line_break.end()
        if not text.startswith(",", end):
            return
        at = end + 1

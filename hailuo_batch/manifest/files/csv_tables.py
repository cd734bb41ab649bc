"""A table of rows from a CSV file: read row by row, checked, and kept as far as its columns are used.

Owns the CSV notation and its limits. Every finding has its place in the CSV file itself. Knows nothing of the
manifest's language. A table with any error is no table.
"""

import csv
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from hailuo_batch.manifest.diagnostics import Diagnostics, Position, Positioned
from hailuo_batch.manifest.files.lines import LineBreaks
from hailuo_batch.manifest.files.text_files import MEBIBYTE, find_text_error
from hailuo_batch.manifest.quoting import quoted

MAX_BYTES = 64 * MEBIBYTE
MAX_ROWS = 300_000
MAX_COLUMNS = 1000
_MAX_ROW_BYTES = MEBIBYTE
_MAX_KEPT_ROWS = 100_000
_SHOWN = 5
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAK = re.compile("\r\n|\r|\n")
_FIELD = re.compile('"(?:[^"]|"")*+"|[^",\r\n][^,\r\n]*|')
_QUOTING_HINT = 'put a field with a comma, a quote or a line break in double quotes, and write `""` for a quote in it'


@dataclass(frozen=True, slots=True)
class Table:
    """A table's rows: how many there are, and the values of the columns that are used.

    No more rows are kept than a campaign may have takes. `path` is the file as it is shown.
    """

    path: str
    column_names: tuple[str, ...]
    columns: dict[str, list[str]]
    row_count: int
    data: bytes = field(repr=False)
    starts: "_RowStarts" = field(repr=False)

    def position(self, row: int, name: str) -> Position:
        """Where a row, counted from 0, has its value of this name; where it begins, if it has none."""
        begin, line = self.starts.offsets[row], self.starts.lines[row]
        if name not in self.column_names:
            return Position(line, 1)
        following = self.starts.offsets[row + 1 : row + 2]
        end = following[0] if following else begin + _MAX_ROW_BYTES
        text = self.data[begin:end].decode("utf-8", "replace")
        return next(islice(_field_positions(text, line), self.column_names.index(name), None))


@dataclass(slots=True)
class _RowStarts:
    """Where rows begin in the file: their bytes' offsets and their lines from 1."""

    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    lines: "array[int]" = field(default_factory=lambda: array("q"))


class _TableError(Exception):
    def __init__(self, place: Positioned, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class _LineReader:
    """The file's lines as text, for the CSV reader; knows where the next one begins."""

    def __init__(self, data: bytes) -> None:
        self.offset = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        self.number = 1
        self.row_offset = self.offset
        self.row_line = 1
        self._data = data

    def begin_row(self) -> None:
        """What is read from here on belongs to a new row."""
        self.row_offset, self.row_line = self.offset, self.number

    def __iter__(self) -> Iterator[str]:
        for match in _LINE.finditer(self._data, self.offset):
            self.offset = match.end()
            self.number += 1
            if self.offset - self.row_offset > _MAX_ROW_BYTES:
                raise _TableError(
                    Position(self.row_line, 1), "this row is longer than 1 MiB", "look for a quote never closed"
                )
            line = match[0].decode("utf-8")
            # inside a quoted field a line break is one of the text, whatever system the file was written on
            yield line[:-2] + "\n" if line.endswith("\r\n") else line[:-1] + "\n" if line.endswith("\r") else line


def read_table(data: bytes, path: str, used: Collection[str], diagnostics: Diagnostics) -> Table | None:
    """The table in `data`, with its `used` columns; None where anything of it is wrong, which is reported."""
    fault = find_text_error(data, LineBreaks.CSV)
    if fault is not None:
        diagnostics.error(fault.position, fault.message, fault.hint, path=path)
        return None
    try:
        return _TableReader(data, path, diagnostics).read(used)
    except _TableError as wrong:
        diagnostics.error(wrong.place, wrong.message, wrong.hint, path=path)
        return None


class _TableReader:
    def __init__(self, data: bytes, path: str, diagnostics: Diagnostics) -> None:
        self._data = data
        self._path = path
        self._diagnostics = diagnostics
        self._line_reader = _LineReader(data)
        self._rows = csv.reader(iter(self._line_reader), strict=True)
        self._uneven_count = 0
        self._first_unshown: Position | None = None

    def read(self, used: Collection[str]) -> Table | None:
        names = self._read_header()
        if names is None:
            return None
        columns: dict[str, list[str]] = {name: [] for name in names if name in used}
        kept = [(names.index(name), values) for name, values in columns.items()]
        starts = _RowStarts()
        rows = 0
        for row in self._next_rows():
            # rule row_length
            if len(row) != len(names):
                self._report_field_count(row, names)
            elif rows < _MAX_KEPT_ROWS:
                starts.offsets.append(self._line_reader.row_offset)
                starts.lines.append(self._line_reader.row_line)
                for at, values in kept:
                    values.append(row[at])
            rows += 1
            if rows > MAX_ROWS:
                raise _TableError(Position(1, 1), f"the table has more than {MAX_ROWS:,} rows", "split it")
        if self._uneven_count > _SHOWN:
            others = self._uneven_count - _SHOWN
            more = f"this row and {others - 1:,} more have" if others > 1 else "this row has"
            self._report_error(f"{more} another number of fields than the header", "", self._first_unshown)
        if rows == 0:
            self._report_error("the table has no rows below its header", "add one", Position(1, 1))
        return None if self._uneven_count or rows == 0 else Table(self._path, names, columns, rows, self._data, starts)

    def _next_rows(self) -> Iterator[list[str]]:
        """Rows, without blank lines."""
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
        """The names of the columns; None where they are wrong, which is reported."""
        row = next(self._next_rows(), None)
        if row is None:
            raise _TableError(
                Position(1, 1), "the table is empty", "begin it with a row of names, such as `sku,name,image`"
            )
        if len(row) > MAX_COLUMNS:
            raise _TableError(
                Position(1, 1), f"the table has more than {MAX_COLUMNS:,} columns", "remove those not needed"
            )
        # rule header_names
        names = tuple(name.strip() for name in row)
        spots = _field_positions(self._row_text(), self._line_reader.row_line)
        first: dict[str, Position] = {}
        wrong = False
        for number, (name, spot) in enumerate(zip(names, spots, strict=False), 1):
            # rule header_empty
            if not name:
                self._report_error(f"column {number} of the header has no name", "give it one", spot)
            # rule header_unique
            elif name in first:
                before = f"{first[name].line}:{first[name].column}"
                self._report_error(f"the header has {quoted(name)} twice, first at {before}", "rename one", spot)
            elif len(names) == 1 and (";" in name or "\t" in name):
                apart = "`;`" if ";" in name else "tabs"
                self._report_error(f"the fields are separated by {apart}", "save the table with commas", spot)
            else:
                first[name] = spot
                continue
            wrong = True
        return None if wrong else names

    def _report_field_count(self, row: list[str], names: tuple[str, ...]) -> None:
        self._uneven_count += 1
        if self._uneven_count > _SHOWN:
            self._first_unshown = self._first_unshown or Position(self._line_reader.row_line, 1)
            return
        spots = list(_field_positions(self._row_text(), self._line_reader.row_line))
        has = f"this row has {len(row):,} field{'' if len(row) == 1 else 's'}, the header {len(names):,}"
        if len(row) > len(names):
            # rule long_row
            self._report_error(has, "put a text with a comma in double quotes", spots[min(len(names), len(spots) - 1)])
        else:
            missing = ", ".join(map(quoted, names[len(row) : len(row) + 3]))
            # rule short_row
            self._report_error(has, f"add {missing}; a value may be empty", spots[-1])

    def _explain_csv_error(self, problem: str) -> _TableError:
        """The CSV reader's error as a finding."""
        text, line = self._row_text(), self._line_reader.row_line
        if "field larger" in problem:
            return _TableError(
                Position(line, 1), "a field of this row is longer than 131,072 characters", _QUOTING_HINT
            )
        *_, last = _field_positions(text, line)
        if "unexpected end" in problem:
            return _TableError(last, "the quote that opens here is never closed", _QUOTING_HINT)
        return _TableError(last, "after its closing quote this field goes on", _QUOTING_HINT)

    def _row_text(self) -> str:
        """The row that was read last, as it is written."""
        return self._data[self._line_reader.row_offset : self._line_reader.offset].decode("utf-8", "replace")

    def _report_error(self, message: str, hint: str = "", position: Position | None = None) -> None:
        self._diagnostics.error(position or Position(self._line_reader.row_line, 1), message, hint, path=self._path)


def _field_positions(text: str, line: int) -> Iterator[Position]:
    """Where the fields begin of a row that is written like `text`, beginning on this line; ends with it.

    After a field whose quotes are not in order nothing follows.
    """
    at = start_of_line = 0
    while True:
        yield Position(line, at - start_of_line + 1)
        raw = _FIELD.match(text, at)
        end = at if raw is None else raw.end()
        for line_break in _BREAK.finditer(text, at, end):
            line, start_of_line = line + 1, line_break.end()
        if not text.startswith(",", end):
            return
        at = end + 1

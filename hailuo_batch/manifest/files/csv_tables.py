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

from hailuo_batch.manifest.diagnostics import Place, Report, Spot
from hailuo_batch.manifest.files.lines import Breaks
from hailuo_batch.manifest.files.text_files import MEBIBYTE, text_fault
from hailuo_batch.manifest.quoting import quoted

MAX_BYTES = 64 * MEBIBYTE
MAX_ROWS = 300_000
MAX_COLUMNS = 1000
_MAX_ROW_BYTES = MEBIBYTE
_KEPT_ROWS = 100_000
_SHOWN = 5
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAK = re.compile("\r\n|\r|\n")
_FIELD = re.compile('"(?:[^"]|"")*+"|[^",\r\n][^,\r\n]*|')
_WRITING = 'put a field with a comma, a quote or a line break in double quotes, and write `""` for a quote in it'


@dataclass(frozen=True, slots=True)
class Table:
    """A table's rows: how many there are, and the values of the columns that are used.

    No more rows are kept than a campaign may have takes. `path` is the file as it is shown.
    """

    path: str
    names: tuple[str, ...]
    columns: dict[str, list[str]]
    rows: int
    data: bytes = field(repr=False)
    starts: "_Starts" = field(repr=False)

    def spot(self, row: int, name: str) -> Spot:
        """Where a row, counted from 0, has its value of this name; where it begins, if it has none."""
        begin, line = self.starts.offsets[row], self.starts.lines[row]
        if name not in self.names:
            return Spot(line, 1)
        following = self.starts.offsets[row + 1 : row + 2]
        end = following[0] if following else begin + _MAX_ROW_BYTES
        text = self.data[begin:end].decode("utf-8", "replace")
        return next(islice(_field_spots(text, line), self.names.index(name), None))


@dataclass(slots=True)
class _Starts:
    """Where rows begin in the file: their bytes' offsets and their lines from 1."""

    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    lines: "array[int]" = field(default_factory=lambda: array("q"))


class _Wrong(Exception):  # noqa: N818 - a finding on its way to the report
    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class _Lines:
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
                raise _Wrong(Spot(self.row_line, 1), "this row is longer than 1 MiB", "look for a quote never closed")
            line = match[0].decode("utf-8")
            # inside a quoted field a line break is one of the text, whatever system the file was written on
            yield line[:-2] + "\n" if line.endswith("\r\n") else line[:-1] + "\n" if line.endswith("\r") else line


def read_table(data: bytes, path: str, used: Collection[str], report: Report) -> Table | None:
    """The table in `data`, with its `used` columns; None where anything of it is wrong, which is reported."""
    fault = text_fault(data, Breaks.CSV)
    if fault is not None:
        report.error(fault.spot, fault.message, fault.hint, path=path)
        return None
    try:
        return _Reader(data, path, report).read(used)
    except _Wrong as wrong:
        report.error(wrong.place, wrong.message, wrong.hint, path=path)
        return None


class _Reader:
    def __init__(self, data: bytes, path: str, report: Report) -> None:
        self._data = data
        self._path = path
        self._report = report
        self._lines = _Lines(data)
        self._rows = csv.reader(iter(self._lines), strict=True)
        self._odd = 0
        self._next_odd: Spot | None = None

    def read(self, used: Collection[str]) -> Table | None:
        names = self._header()
        if names is None:
            return None
        columns: dict[str, list[str]] = {name: [] for name in names if name in used}
        kept = [(names.index(name), values) for name, values in columns.items()]
        starts = _Starts()
        rows = 0
        for row in self._following():
            # rule row_length
            if len(row) != len(names):
                self._tell_odd_row(row, names)
            elif rows < _KEPT_ROWS:
                starts.offsets.append(self._lines.row_offset)
                starts.lines.append(self._lines.row_line)
                for at, values in kept:
                    values.append(row[at])
            rows += 1
            if rows > MAX_ROWS:
                raise _Wrong(Spot(1, 1), f"the table has more than {MAX_ROWS:,} rows", "split it")
        if self._odd > _SHOWN:
            others = self._odd - _SHOWN
            more = f"this row and {others - 1:,} more have" if others > 1 else "this row has"
            self._complain(f"{more} another number of fields than the header", "", self._next_odd)
        if rows == 0:
            self._complain("the table has no rows below its header", "add one", Spot(1, 1))
        return None if self._odd or rows == 0 else Table(self._path, names, columns, rows, self._data, starts)

    def _following(self) -> Iterator[list[str]]:
        """Rows, without blank lines."""
        while True:
            self._lines.begin_row()
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                raise self._explained(str(error)) from None
            if row is None:
                return
            if row:
                yield row

    def _header(self) -> tuple[str, ...] | None:
        """The names of the columns; None where they are wrong, which is reported."""
        row = next(self._following(), None)
        if row is None:
            raise _Wrong(Spot(1, 1), "the table is empty", "begin it with a row of names, such as `sku,name,image`")
        if len(row) > MAX_COLUMNS:
            raise _Wrong(Spot(1, 1), f"the table has more than {MAX_COLUMNS:,} columns", "remove those not needed")
        # rule header_names
        names = tuple(name.strip() for name in row)
        spots = _field_spots(self._row_text(), self._lines.row_line)
        first: dict[str, Spot] = {}
        wrong = False
        for number, (name, spot) in enumerate(zip(names, spots, strict=False), 1):
            # rule header_empty
            if not name:
                self._complain(f"column {number} of the header has no name", "give it one", spot)
            # rule header_unique
            elif name in first:
                before = f"{first[name].line}:{first[name].column}"
                self._complain(f"the header has {quoted(name)} twice, first at {before}", "rename one", spot)
            elif len(names) == 1 and (";" in name or "\t" in name):
                apart = "`;`" if ";" in name else "tabs"
                self._complain(f"the fields are separated by {apart}", "save the table with commas", spot)
            else:
                first[name] = spot
                continue
            wrong = True
        return None if wrong else names

    def _tell_odd_row(self, row: list[str], names: tuple[str, ...]) -> None:
        self._odd += 1
        if self._odd > _SHOWN:
            self._next_odd = self._next_odd or Spot(self._lines.row_line, 1)
            return
        spots = list(_field_spots(self._row_text(), self._lines.row_line))
        has = f"this row has {len(row):,} field{'' if len(row) == 1 else 's'}, the header {len(names):,}"
        if len(row) > len(names):
            # rule long_row
            self._complain(has, "put a text with a comma in double quotes", spots[min(len(names), len(spots) - 1)])
        else:
            missing = ", ".join(map(quoted, names[len(row) : len(row) + 3]))
            # rule short_row
            self._complain(has, f"add {missing}; a value may be empty", spots[-1])

    def _explained(self, problem: str) -> _Wrong:
        """The CSV reader's error as a finding."""
        text, line = self._row_text(), self._lines.row_line
        if "field larger" in problem:
            return _Wrong(Spot(line, 1), "a field of this row is longer than 131,072 characters", _WRITING)
        *_, last = _field_spots(text, line)
        if "unexpected end" in problem:
            return _Wrong(last, "the quote that opens here is never closed", _WRITING)
        return _Wrong(last, "after its closing quote this field goes on", _WRITING)

    def _row_text(self) -> str:
        """The row that was read last, as it is written."""
        return self._data[self._lines.row_offset : self._lines.offset].decode("utf-8", "replace")

    def _complain(self, message: str, hint: str = "", spot: Spot | None = None) -> None:
        self._report.error(spot or Spot(self._lines.row_line, 1), message, hint, path=self._path)


def _field_spots(text: str, line: int) -> Iterator[Spot]:
    """Where the fields begin of a row that is written like `text`, beginning on this line; ends with it.

    After a field whose quotes are not in order nothing follows.
    """
    at = start_of_line = 0
    while True:
        yield Spot(line, at - start_of_line + 1)
        written = _FIELD.match(text, at)
        end = at if written is None else written.end()
        for line_break in _BREAK.finditer(text, at, end):
            line, start_of_line = line + 1, line_break.end()
        if not text.startswith(",", end):
            return
        at = end + 1

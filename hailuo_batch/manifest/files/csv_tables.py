"""A table of rows from a text file with separators: read row by row, checked, with only the used columns kept.

Owns the CSV notation and its limits. Every error has its place in the file itself. Knows nothing of the manifest's
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
from hailuo_batch.manifest.files.separators import Dialect
from hailuo_batch.manifest.files.tables import MAX_COLUMNS, MAX_ROW_BYTES, MAX_ROWS, Table, is_used
from hailuo_batch.manifest.quoting import quoted

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAK = re.compile("\r\n|\r|\n")
_QUOTING_HINT = 'put a field with a comma, a quote or a line break in double quotes, and write `""` for a quote in it'
_SEPARATOR_NAMES = {",": "a comma", ";": "a `;`", "\t": "a tab"}
_MANY = 3
_CURLY_QUOTES = re.compile("[\u201c-\u201f\u00ab\u00bb\u300c-\u300f\uff02]")

_Explained = tuple[Position, str, str]
"""Where something is wrong, a message and a hint."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the rows of a file begin: the offsets of their first bytes, and their lines from 1."""

    data: bytes
    separator: str
    names: tuple[str, ...]
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    lines: "array[int]" = field(default_factory=lambda: array("q"))

    def locate(self, row: int, name: str) -> Position:
        begin, line = self.offsets[row], self.lines[row]
        if name not in self.names:
            return Position(line, 1)
        following = self.offsets[row + 1 : row + 2]
        end = following[0] if following else begin + MAX_ROW_BYTES
        text = self.data[begin:end].decode("utf-8", "replace")
        return next(islice(_field_positions(text, line, self.separator), self.names.index(name), None))


class _LineReader:
    """The file's lines as text for the CSV reader; knows where the next line and the current row begin."""

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        self.offset = dialect.offset
        self.number = dialect.line
        self.row_offset = self.offset
        self.row_line = self.number
        self._data = data

    def begin_row(self) -> None:
        """Count what is read from here on to a new row."""
        self.row_offset, self.row_line = self.offset, self.number

    def __iter__(self) -> Iterator[str]:
        for match in _LINE.finditer(self._data, self.offset):
            self.offset = match.end()
            self.number += 1
            if self.offset - self.row_offset > MAX_ROW_BYTES:
                message = "this row is longer than 1 MiB"
                raise FatalDiagnostic(Position(self.row_line, 1), message, "look for a quote that is never closed")
            line = match[0].decode("utf-8")
            # a line break inside a quoted field is `\n` in its value, whatever system the file was written on
            yield line[:-2] + "\n" if line.endswith("\r\n") else line[:-1] + "\n" if line.endswith("\r") else line

    def row_text(self) -> str:
        """The current row as it is written."""
        return self._data[self.row_offset : self.offset].decode("utf-8", "replace")


def read_csv(data: bytes, path: str, dialect: Dialect, used: Collection[str], diagnostics: Diagnostics) -> Table | None:
    """The table in `data`, with its `used` columns; None if anything of it is wrong, which is reported.

    Raises FatalDiagnostic if nothing more of it can be understood.
    """
    return _TableReader(data, path, dialect, diagnostics).read(used)


class _TableReader:
    """A table while it is read."""

    def __init__(self, data: bytes, path: str, dialect: Dialect, diagnostics: Diagnostics) -> None:
        self._data = data
        self._path = path
        self._separator = dialect.separator
        self._diagnostics = diagnostics
        self._line_reader = _LineReader(data, dialect)
        self._rows = csv.reader(iter(self._line_reader), delimiter=dialect.separator, strict=True)
        self._row_number = 0
        self._nameless: dict[int, Position] = {}

    def read(self, used: Collection[str]) -> Table | None:
        """The table; None if anything of it is wrong. Raises FatalDiagnostic."""
        names = self._read_header()
        if names is None:
            return None
        columns: dict[str, list[str]] = {name: [] for name in names if name and is_used(name, used)}
        kept = [(names.index(name), values) for name, values in columns.items()]
        places, numbers = _Places(self._data, self._separator, names), array("q")
        counts = Counter[bool]()  # rows that are too short, rows that are too long
        uneven: dict[bool, _Explained] = {}
        for row in self._next_rows():
            # rule row_length
            if len(row) != len(names) and not self._is_padded(row, len(names)):
                is_long = len(row) > len(names)
                counts[is_long] += 1
                if is_long not in uneven:
                    uneven[is_long] = self._explain_field_count(row, names)
                continue
            if self._nameless:
                self._check_nameless(row)
            places.offsets.append(self._line_reader.row_offset)
            places.lines.append(self._line_reader.row_line)
            numbers.append(self._row_number)
            for at, values in kept:
                values.append(row[at])
        if not numbers and not uneven:
            raise FatalDiagnostic(FILE_START, "the table has no rows below its header", "add one")
        if not numbers and counts[True] >= _MANY:  # no row fits: the header is not the table's
            place, message, _ = uneven[True]
            uneven[True] = (place, message, "delete the lines above the header, or name every column in it")
        for is_long, explained in uneven.items():
            self._diagnostics.error(*explained, path=self._path, more=counts[is_long] - 1)
        named = tuple(name for name in names if name)
        return None if uneven else Table(self._path, named, columns, numbers, places.locate)

    def _next_rows(self) -> Iterator[list[str]]:
        """The rows from here on, without blank lines, which are counted all the same."""
        while True:
            self._line_reader.begin_row()
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                raise self._explain_csv_error(str(error)) from None
            if row is None:
                return
            self._row_number += 1
            if self._row_number > MAX_ROWS:
                raise FatalDiagnostic(FILE_START, f"the table has more than {MAX_ROWS:,} rows", "split it")
            if row:
                yield row

    def _read_header(self) -> tuple[str, ...] | None:
        """The names of the columns, empty for those that have none; None if they are wrong, which is reported."""
        row = next(self._next_rows(), None)
        self._row_number = 0
        if row is None:
            hint = "begin it with a row of names, such as `sku,name,image`"
            raise FatalDiagnostic(FILE_START, "the table is empty", hint)
        # rule header_names
        names = tuple(name.strip() for name in row)
        while names and not names[-1]:  # a spreadsheet's empty columns at the end
            names = names[:-1]
        if len(names) > MAX_COLUMNS:
            raise FatalDiagnostic(FILE_START, f"the table has more than {MAX_COLUMNS:,} columns", "remove unused ones")
        if not names:
            raise FatalDiagnostic(FILE_START, "the header has no names", "begin the table with a row of names")
        first: dict[str, Position] = {}
        is_good = True
        for number, (name, position) in enumerate(zip(names, self._field_positions(), strict=False)):
            # rule header_empty
            if not name:
                self._nameless[number] = position
            # rule header_unique
            elif name in first:
                before = f"{first[name].line}:{first[name].column}"
                self._report_error(position, f"the header has {quoted(name)} twice, first at {before}", "rename one")
                is_good = False
            else:
                first[name] = position
        return names if is_good else None

    def _is_padded(self, row: list[str], columns: int) -> bool:
        """Whether a row has more fields than the header only because blank ones follow."""
        # rule padded_row
        return len(row) > columns and not any(value.strip() for value in row[columns:])

    def _check_nameless(self, row: list[str]) -> None:
        """Report a column without a name that has a value: without one it is no column."""
        for number, position in list(self._nameless.items()):
            # rule nameless_value
            if row[number].strip():
                place = next(islice(self._field_positions(), number, None))
                message = f"column {number + 1} of the header has no name, but a value at {place.line}:{place.column}"
                self._report_error(position, message, "give it a name")
                del self._nameless[number]

    def _explain_field_count(self, row: list[str], names: tuple[str, ...]) -> _Explained:
        """Why a row has too few or too many fields."""
        positions = list(self._field_positions())
        fields = f"{len(row):,} field{'' if len(row) == 1 else 's'}"
        message = f"this row has {fields}, but the header has {len(names):,}"
        if len(row) < len(names):
            missing = ", ".join(map(quoted, names[len(row) : len(row) + 3]))
            # rule short_row
            return positions[-1], message, f"add {missing}; a value may be empty"
        for position, value in zip(positions, row, strict=False):
            if value.lstrip().startswith('"') and value[:1].isspace():
                return position, f"{message}: the blank before this quote ends the quoting", "remove the blank"
            if _CURLY_QUOTES.match(value.lstrip()):
                return position, f"{message}: curly quotes do not hold a text together", 'write straight ones, "…"'
        # rule long_row
        position = positions[min(len(names), len(positions) - 1)]
        separator = _SEPARATOR_NAMES.get(self._separator, quoted(self._separator))
        return position, message, f"put text with {separator} in double quotes"

    def _explain_csv_error(self, problem: str) -> FatalDiagnostic:
        """The CSV reader's error in plain words, at its place."""
        if "field larger" in problem:
            place = Position(self._line_reader.row_line, 1)
            return FatalDiagnostic(place, "a field of this row is longer than 131,072 characters", _QUOTING_HINT)
        *_, last = self._field_positions()
        if "unexpected end" in problem:
            return FatalDiagnostic(last, "the quote that opens here is never closed", _QUOTING_HINT)
        return FatalDiagnostic(last, "there is text after the closing quote of this field", _QUOTING_HINT)

    def _field_positions(self) -> Iterator[Position]:
        return _field_positions(self._line_reader.row_text(), self._line_reader.row_line, self._separator)

    def _report_error(self, position: Position, message: str, hint: str = "") -> None:
        self._diagnostics.error(position, message, hint, path=self._path)


def _field_positions(text: str, line: int, separator: str) -> Iterator[Position]:
    """Where the fields begin of a row that is written like `text`, beginning on this line; ends with it.

    After a field whose quotes are not in order nothing follows.
    """
    sign = re.escape(separator)
    written_field = re.compile(f'"(?:[^"]|"")*+"|[^"{sign}\r\n][^{sign}\r\n]*|')
    at = start_of_line = 0
    while True:
        yield Position(line, at - start_of_line + 1)
        written = written_field.match(text, at)
        end = at if written is None else written.end()
        for line_break in _BREAK.finditer(text, at, end):
            line, start_of_line = line + 1, line_break.end()
        if not text.startswith(separator, end):
            return
        at = end + 1

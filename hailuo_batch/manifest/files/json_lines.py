"""A table of rows from JSON lines: one object a line, whose keys are the columns.

Values are used as they are written: `007` cannot stand there, and `7.50` stays `7.50`. A key that a line lacks, and
`null`, are a blank value. Every error has its place in the file itself.
"""

import json
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from hailuo_batch.manifest.diagnostics import FILE_START, FatalDiagnostic, Position
from hailuo_batch.manifest.files.formats import BOM
from hailuo_batch.manifest.files.tables import MAX_COLUMNS, MAX_ROW_BYTES, MAX_ROWS, Table, is_used
from hailuo_batch.manifest.files.text_files import UNPRINTABLE
from hailuo_batch.manifest.quoting import quoted

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_EXAMPLE = 'write it like `{"sku": "A1", "name": "A lamp"}`'
_WORDS = {True: "true", False: "false", None: ""}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the rows of a file begin: the offsets of their lines, and their numbers from 1."""

    data: bytes
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    lines: "array[int]" = field(default_factory=lambda: array("q"))

    def locate(self, row: int, name: str) -> Position:
        begin = self.offsets[row]
        text = self.data[begin : begin + MAX_ROW_BYTES].partition(b"\n")[0].decode("utf-8", "replace")
        key = max(text.find(json.dumps(name, ensure_ascii=False)), text.find(json.dumps(name)))
        return Position(self.lines[row], max(key, 0) + 1)


def read_json_lines(data: bytes, path: str, used: Collection[str]) -> Table:
    """The table in `data`, with its `used` columns. Raises FatalDiagnostic for what is not one."""
    places, numbers = _Places(data), array("q")
    columns: dict[str, list[str]] = {}
    names: dict[str, None] = {}
    for number, (offset, text) in enumerate(_lines(data), 1):
        if number > MAX_ROWS:
            raise FatalDiagnostic(FILE_START, f"the file has more than {MAX_ROWS:,} lines", "split it")
        if not text.strip():
            continue
        row = _parse_line(text, number, used)
        names.update(dict.fromkeys(row))
        if len(names) > MAX_COLUMNS:
            raise FatalDiagnostic(Position(number, 1), f"there are more than {MAX_COLUMNS:,} different keys", "")
        for name in row:
            if name not in columns and is_used(name, used):
                # rule key_lacked_before
                columns[name] = [""] * len(numbers)
        for name, values in columns.items():
            # rule lacking_key
            values.append(row.get(name, ""))
        places.offsets.append(offset)
        places.lines.append(number)
        numbers.append(number)
    if not numbers:
        raise FatalDiagnostic(FILE_START, "the file has no rows", _EXAMPLE)
    return Table(path, tuple(names), columns, numbers, places.locate)


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines, each with the offset of its first byte; none for the end after the last line break."""
    for match in _LINE.finditer(data, len(BOM) if data.startswith(BOM) else 0):
        if match.end() > match.start():
            yield match.start(), match[0].decode("utf-8")


def _parse_line(text: str, line: int, used: Collection[str]) -> dict[str, str]:
    """One row; what is no value in a column that is not used reads as blank. Raises FatalDiagnostic."""
    if len(text) > MAX_ROW_BYTES:
        raise FatalDiagnostic(Position(line, 1), "this row is longer than 1 MiB", "shorten it")
    try:
        row = _DECODER.decode(text.strip())
    except json.JSONDecodeError as error:
        column = len(text) - len(text.lstrip()) + error.pos + 1
        raise FatalDiagnostic(Position(line, column), f"this is not JSON: {error.msg.lower()}", _EXAMPLE) from None
    except RecursionError:
        raise FatalDiagnostic(Position(line, 1), "this row is nested too deeply", _EXAMPLE) from None
    except ValueError as error:
        raise FatalDiagnostic(Position(line, 1), str(error), _EXAMPLE) from None
    if not isinstance(row, dict):
        raise FatalDiagnostic(Position(line, 1), "a row must be an object, with names and values", _EXAMPLE)
    return {name.strip(): _to_text(name, value, text, line, used) for name, value in row.items()}


def _to_text(name: str, value: object, text: str, line: int, used: Collection[str]) -> str:
    place = Position(line, max(text.find(json.dumps(name, ensure_ascii=False)), 0) + 1)
    if not isinstance(value, str | bool | None):
        if not is_used(name.strip(), used):
            return ""
        hint = f'write it as one text, such as `"{name}": "a, b"`'
        raise FatalDiagnostic(place, f"{quoted(name)} must be text or a number, not a list or an object", hint)
    if not name.strip():
        raise FatalDiagnostic(place, "a key has no name", "give it one")
    shown = value if isinstance(value, str) else _WORDS[value]
    if UNPRINTABLE.search(shown) or UNPRINTABLE.search(name):
        raise FatalDiagnostic(place, f"{quoted(name)} holds a control character or an incomplete one", "remove it")
    return shown


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(twice)} is in this row twice")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value; write it in quotes, or leave it out")


# numbers stay the text that is written: a float would make 7.5 of 7.50
# rule json_numbers
_DECODER = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)

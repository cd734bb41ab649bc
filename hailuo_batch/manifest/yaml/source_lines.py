"""The lines of a manifest by their numbers, for messages that show how a line should read.

Finds all lines once, when the first is asked for: a thousand messages cost no thousand searches. Knows YAML's line
breaks, nothing else of it.
"""

from array import array
from functools import cached_property
from itertools import islice

from hailuo_batch.manifest.diagnostics import Positioned
from hailuo_batch.manifest.files.lines import BOM, LineBreaks
from hailuo_batch.manifest.yaml.written_values import WrittenValue, find_item, find_value

_MAX_LINES = 1_000_000  # beyond them a line is not worth the memory
_MAX_LINE_BYTES = 16 * 1024  # nobody reads how such a line should read
_BREAK = LineBreaks.YAML.pattern


class SourceLines:
    """The lines of a file's bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def text(self, number: int) -> str:
        """The line with this number, from 1, without its break; empty if there is none, or it is too long."""
        if not 0 < number <= len(self._begins):
            return ""
        begin = self._begins[number - 1]
        limit = begin + _MAX_LINE_BYTES
        found = _BREAK.search(self._data, begin, limit)
        if found is None and limit < len(self._data):
            return ""
        return self._data[begin : found.start() if found else len(self._data)].decode("utf-8", "replace")

    def find_value(self, place: Positioned, innermost: Positioned | None) -> WrittenValue | None:
        """The value that has this place in it; None if it cannot be told. `innermost` is the collection around it."""
        line, at = self.text(place.line), place.column - 1
        if innermost is not None and innermost.line != place.line and self.is_bracket(innermost):
            return find_item(line, at, bracket=self.text(innermost.line)[innermost.column - 1])
        return find_value(line, at)

    def is_bracket(self, place: Positioned) -> bool:
        """Whether a bracket or a brace opens there."""
        return self.text(place.line)[place.column - 1 : place.column] in {"[", "{"}

    @cached_property
    def _begins(self) -> "array[int]":
        first = len(BOM) if self._data.startswith(BOM) else 0
        breaks = islice(_BREAK.finditer(self._data), _MAX_LINES - 1)
        return array("Q", [first]) + array("Q", (found.end() for found in breaks))

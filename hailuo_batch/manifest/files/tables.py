"""A table of rows, whatever it was read from: the used columns, and where each value is written.

Knows nothing of CSV, JSON or YAML. A row has a number in its file, counted from 1 before any row is skipped, so that
what is made of it keeps its name when a row above it is filled in.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from hailuo_batch.manifest.diagnostics import Position
from hailuo_batch.manifest.slugs import to_variable_name

MAX_ROWS = 300_000
MAX_COLUMNS = 1000
MAX_ROW_BYTES = 1024 * 1024

Locate = Callable[[int, str], Position]
"""Where a row, counted from 0, has its value in a column; where the row begins, if there is no such column."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table's rows: the values of the used columns, and each row's number in its file.

    `path` is the file as it is shown.
    """

    path: str
    column_names: tuple[str, ...]
    columns: dict[str, list[str]]
    numbers: Sequence[int]
    locate: Locate = field(repr=False)

    @property
    def row_count(self) -> int:
        """How many rows it has."""
        return len(self.numbers)

    def row_labels(self) -> list[str]:
        """The number of each row, with at least three digits, and as many for all."""
        # rule row_digits
        digits = max(3, len(str(self.numbers[-1])))
        # rule row_labels
        return [f"{number:0{digits}}" for number in self.numbers]

    def columns_called(self, name: str) -> list[str]:
        """The columns that a variable of this name stands for: the one so called, else all with that slug."""
        # rule exact_column
        if name in self.column_names:
            return [name]
        return [column for column in self.column_names if to_variable_name(column) == name]


def is_used(column: str, used: Collection[str]) -> bool:
    """Whether a column is named by a used variable, as it is written or by its slug."""
    return column in used or to_variable_name(column) in used

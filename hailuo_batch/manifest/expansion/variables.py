"""What is filled in for `${name}`: the rows of a table times the combinations of a matrix, over the manifest's `vars`.

Owns the order in which names are looked up, and how a message names a row or a combination. Counts before it makes
anything. Knows nothing of the texts that values are filled into.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from hailuo_batch.manifest.diagnostics import Position
from hailuo_batch.manifest.expansion.matrix import Combination, Matrix
from hailuo_batch.manifest.expansion.templates import KnownNames
from hailuo_batch.manifest.files.tables import Table
from hailuo_batch.manifest.slugs import to_variable_name

Variables = Mapping[str, str]
ROW_NUMBER = "row"
"""The name of a row's number, where nothing else has it."""


@dataclass(frozen=True, slots=True)
class UsedColumn:
    """A name that a shot uses and the column it stands for, with the column's values; `header` is empty for the row's
    number."""

    header: str
    values: Sequence[str]


@dataclass(frozen=True)
class Expansion:
    """What one raw shot is expanded by: the rows of a table, the combinations of a matrix, both, or neither.

    `columns` are those that the shot uses, by the names it uses. `rows` are the indices of the rows that make shots;
    blank ones are left out.
    """

    manifest_vars: Variables
    table: Table | None = None
    matrix: Matrix | None = None
    columns: Mapping[str, UsedColumn] = field(default_factory=dict)
    rows: Sequence[int] = (0,)

    @property
    def size(self) -> int:
        """How many shots it makes."""
        # rule rows_times_matrix
        return len(self.rows) * self._combination_count

    @cached_property
    def known(self) -> KnownNames:
        """Every name that has a value, in the order in which names are looked up."""
        headers = () if self.table is None else self.table.column_names
        axes = () if self.matrix is None else self.matrix.names
        slugs = {header: to_variable_name(header) for header in headers}
        own = (*headers, *axes, *self.manifest_vars)
        number = () if self.table is None else (ROW_NUMBER,)
        written = {header: name if name not in own else "" for header, name in slugs.items() if header != name}
        remedy = "add it to `vars`" if self.table is not None else "add it to `vars`, or name a table with `rows`"
        return KnownNames(dict.fromkeys((*own, *filter(None, slugs.values()), *number)), written, remedy)

    @property
    def is_single(self) -> bool:
        """Whether there is no table and no matrix."""
        return self.table is None and self.matrix is None

    @property
    def formula(self) -> str:
        """How many shots it makes, as a product in words."""
        factors = [] if self.table is None else [f"{len(self.rows):,} rows"]
        if self.matrix is not None:
            is_plain = self.matrix.size == self.matrix.candidate_count
            factors.append(f"{self.matrix.formula if is_plain else f'{self.matrix.size:,}'} combinations")
        return " x ".join(factors)

    @property
    def noun(self) -> str:
        """What its shots are made from, in the plural."""
        if self.table is None:
            return "combinations"
        return "rows" if self.matrix is None else "rows and combinations"

    def own_names(self, used: Collection[str]) -> list[str]:
        """Those of the used names whose values come from the table or from the matrix."""
        axes = () if self.matrix is None else self.matrix.names
        return sorted(name for name in used if name in self.columns or name in axes)

    def variable_sets(self) -> Iterator[Variables]:
        """The values for each shot, in order, as one mapping that the next step overwrites."""
        if self.is_single:
            yield self.manifest_vars
            return
        variables = dict(self.manifest_vars)
        columns = [(name, column.values) for name, column in self.columns.items()]
        combinations: list[Combination] = [()] if self.matrix is None else list(self.matrix.combinations())
        names = () if self.matrix is None else self.matrix.names
        # rule shot_per_row
        for row in self.rows:
            for name, values in columns:
                # rule row_first
                variables[name] = values[row]
            # rule each_combination
            for combination in combinations:
                # rule matrix_first
                variables.update(zip(names, combination, strict=True))
                yield variables

    def length_of(self, name: str) -> int:
        """How many characters the values of a name have in all shots together."""
        if name in self.columns:
            return self._combination_count * sum(map(len, self.columns[name].values))
        if self.matrix is not None and name in self.matrix.names:
            return len(self.rows) * self.matrix.length_of(name)
        return self.size * len(self.manifest_vars.get(name, ""))

    def missing_names(self, names: Collection[str]) -> list[str]:
        """Which names a text that has `names` must have besides them to be different for each shot."""
        missing = [] if self.matrix is None else [name for name in self.matrix.varying_names if name not in names]
        table = self.table
        if table is not None and len(self.rows) > 1 and not any(name in self.columns for name in names):
            first = table.column_names[0]
            is_written = first in self.known.writable
            missing.append(first if is_written else self.known.columns.get(first) or ROW_NUMBER)
        return missing

    def origin_of(self, index: int, names: Collection[str]) -> tuple[int, int]:
        """The row and the combination of the shot at `index`, both from 0; -1 where a text with `names` uses none."""
        row, combination = divmod(index, self._combination_count)
        uses_row, uses_combination = self._uses(names)
        return row if uses_row else -1, combination if uses_combination else -1

    def describe_origin(self, index: int, names: Collection[str]) -> str:
        """The row and the combination of the shot at `index`, as far as a text with `names` depends on them.

        The row's place is that of its value of the first of `names` that is a column.
        """
        uses_row, uses_combination = self._uses(names)
        parts = []
        if self.table is not None and uses_row:
            place = self.row_place(index, names)
            parts.append(f"the row at {self.table.path}:{place.line}:{place.column}")
        if self.matrix is not None and uses_combination:
            parts.append(self.matrix.describe(index % self._combination_count))
        return " with ".join(parts)

    def _uses(self, names: Collection[str]) -> tuple[bool, bool]:
        """Whether a text with these names depends on the row, and on the combination; on both, if on neither."""
        axes = () if self.matrix is None else self.matrix.names
        uses_row, uses_combination = any(n in self.columns for n in names), any(n in axes for n in names)
        return (uses_row, uses_combination) if uses_row or uses_combination else (True, True)

    def row_place(self, index: int, names: Collection[str]) -> Position:
        """Where the row of the shot at `index` has its value of the first of `names` that is a column."""
        assert self.table is not None
        header = next((self.columns[name].header for name in names if name in self.columns), "")
        return self.table.locate(self.rows[index // self._combination_count], header)

    @property
    def _combination_count(self) -> int:
        return 1 if self.matrix is None else self.matrix.size

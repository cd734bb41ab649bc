"""What is filled in for `${name}`: the rows of a table times the combinations of a matrix, over the manifest's `vars`.

Owns the order in which names are looked up, and how a message names a row or a combination. Counts before it makes
anything. Knows nothing of the texts that values are filled into.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.document import RawShot
from hailuo_batch.manifest.expansion.matrix import Combination, Matrix, MatrixReader
from hailuo_batch.manifest.files.csv_tables import Table
from hailuo_batch.manifest.files.file_cache import FileCache
from hailuo_batch.manifest.quoting import quoted

Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Expansion:
    """What one raw shot is expanded by: the rows of a table, the combinations of a matrix, both, or neither."""

    manifest_vars: Variables
    table: Table | None = None
    matrix: Matrix | None = None

    @property
    def size(self) -> int:
        """How many shots it makes."""
        # rule rows_times_matrix
        return self._row_count * self._combination_count

    @property
    def names(self) -> Collection[str]:
        """Every name that has a value, in the order in which names are looked up."""
        columns = () if self.table is None else self.table.column_names
        axes = () if self.matrix is None else self.matrix.names
        return dict.fromkeys([*columns, *axes, *self.manifest_vars])

    def own_names(self, used: Collection[str]) -> list[str]:
        """Those of the used names whose values come from the table or from the matrix."""
        columns = () if self.table is None else self.table.column_names
        axes = () if self.matrix is None else self.matrix.names
        return sorted(name for name in used if name in columns or name in axes)

    @property
    def is_single(self) -> bool:
        """Whether there is no table and no matrix."""
        return self.table is None and self.matrix is None

    @property
    def formula(self) -> str:
        """How many shots it makes, as a product in words."""
        factors = [] if self.table is None else [f"{self.table.row_count:,} rows"]
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

    def variable_sets(self) -> Iterator[Variables]:
        """The values for each shot, in order, as one mapping that the next step overwrites."""
        variables = dict(self.manifest_vars)
        columns = [] if self.table is None else list(self.table.columns.items())
        combinations: list[Combination] = [()] if self.matrix is None else list(self.matrix.combinations())
        names = () if self.matrix is None else self.matrix.names
        for row in range(self._row_count):
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
        if self.table is not None and name in self.table.columns:
            return self._combination_count * sum(map(len, self.table.columns[name]))
        if self.matrix is not None and name in self.matrix.names:
            return self._row_count * self.matrix.length_of(name)
        return self.size * len(self.manifest_vars.get(name, ""))

    def missing_names(self, names: Collection[str]) -> list[str]:
        """Which names a text that has `names` must have besides them to be different for each shot."""
        missing = [] if self.matrix is None else [name for name in self.matrix.varying_names if name not in names]
        table = self.table
        if table is not None and table.row_count > 1 and not any(name in table.column_names for name in names):
            missing.append(table.column_names[0])
        return missing

    def describe_origin(self, index: int, names: Collection[str]) -> str:
        """The row and the combination that the shot at `index` is made from.

        The row's place is that of its value of the first of `names` that is a column.
        """
        row, combination = divmod(index, self._combination_count)
        parts = []
        if self.table is not None:
            column = next((name for name in names if name in self.table.column_names), "")
            position = self.table.position(row, column)
            parts.append(f"the row at {self.table.path}:{position.line}:{position.column}")
        if self.matrix is not None:
            parts.append(self.matrix.describe(combination))
        return " with ".join(parts)

    @property
    def _row_count(self) -> int:
        # rule shot_per_row
        return 1 if self.table is None else self.table.row_count

    @property
    def _combination_count(self) -> int:
        return 1 if self.matrix is None else self.matrix.size


class ExpansionReader:
    """Reads what each raw shot is expanded by."""

    def __init__(self, manifest_vars: Variables, file_cache: FileCache, diagnostics: Diagnostics) -> None:
        self._manifest_vars = manifest_vars
        self._file_cache = file_cache
        self._diagnostics = diagnostics
        self._matrices = MatrixReader(diagnostics)

    def read(self, raw: RawShot) -> Expansion | None:
        """The shot's expansion; None if anything of its matrix or its table is wrong."""
        matrix = None if raw.matrix is None else self._matrices.read(raw.matrix)
        table = None if raw.rows is None else self._file_cache.load_table(raw.rows)
        if (matrix is None and "matrix" in raw.node.entries) or (table is None and "rows" in raw.node.entries):
            return None
        expansion = Expansion(self._manifest_vars, table, matrix)
        if matrix is None or table is None or raw.matrix is None:
            return expansion
        # rule name_in_both
        shared = [name for name in matrix.names if name in table.column_names]
        for name in shared:
            message = f"{quoted(name)} is also a column of {table.path}"
            self._diagnostics.error(raw.matrix.entries[name][0], message, "rename one of them")
        return None if shared else expansion

"""What is put in for `${name}`: the rows of a table times the combinations of a matrix, over the manifest's `vars`.

Owns the look-up order and the names of each expansion's origin. Counts before it makes anything. Reads tables
through a library, so that each is read once. Knows nothing of the texts that values are put into.
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
    """What one written shot is expanded by. `size` is how many shots it makes."""

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
        """Every name that has a value: those that are looked up first come first."""
        rows = () if self.table is None else self.table.column_names
        axes = () if self.matrix is None else self.matrix.names
        return dict.fromkeys([*rows, *axes, *self.manifest_vars])

    @property
    def is_single(self) -> bool:
        """Whether there is no table and no matrix."""
        return self.table is None and self.matrix is None

    @property
    def formula(self) -> str:
        """How many shots it makes, as a product."""
        rows = [] if self.table is None else [f"{self.table.row_count:,} rows"]
        matrix = self.matrix
        if matrix is None:
            return " x ".join(rows)
        plain = matrix.size == matrix.candidate_count
        return " x ".join([*rows, f"{matrix.formula if plain else f'{matrix.size:,}'} combinations"])

    @property
    def noun(self) -> str:
        """What its parts are, in the plural."""
        if self.table is None:
            return "combinations"
        return "rows" if self.matrix is None else "rows and combinations"

    def variable_sets(self) -> Iterator[Variables]:
        """The values for each shot, in order; each is overwritten by the next."""
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
        """How many characters the values of a name have in all scopes together."""
        if self.table is not None and name in self.table.columns:
            return self._combination_count * sum(map(len, self.table.columns[name]))
        if self.matrix is not None and name in self.matrix.names:
            return self._row_count * self.matrix.length_of(name)
        return self.size * len(self.manifest_vars.get(name, ""))

    def missing_names(self, named: Collection[str]) -> list[str]:
        """What a text must name besides `named` to be another one for each shot."""
        missing = [] if self.matrix is None else [name for name in self.matrix.varying_names if name not in named]
        if (
            self.table is not None
            and self.table.row_count > 1
            and not any(name in self.table.column_names for name in named)
        ):
            missing.append(self.table.column_names[0])
        return missing

    def describe_origin(self, index: int, names: Collection[str]) -> str:
        """Which row and which combination the scope at `index` is made of; the row by the first of `names` in it."""
        row, at = divmod(index, self._combination_count)
        groups = []
        if self.table is not None:
            column = next((name for name in names if name in self.table.column_names), "")
            spot = self.table.position(row, column)
            groups.append(f"the row at {self.table.path}:{spot.line}:{spot.column}")
        if self.matrix is not None:
            groups.append(self.matrix.describe(at))
        return " with ".join(groups)

    @property
    def _row_count(self) -> int:
        # rule shot_per_row
        return 1 if self.table is None else self.table.row_count

    @property
    def _combination_count(self) -> int:
        return 1 if self.matrix is None else self.matrix.size


class ExpansionReader:
    """Reads what each written shot is expanded by."""

    def __init__(self, manifest_vars: Variables, file_cache: FileCache, diagnostics: Diagnostics) -> None:
        self._manifest_vars = manifest_vars
        self._file_cache = file_cache
        self._diagnostics = diagnostics
        self._matrices = MatrixReader(diagnostics)

    def read(self, raw: RawShot) -> Expansion | None:
        """The shot's expansion; None where anything of its matrix or its table is wrong."""
        matrix = None if raw.matrix is None else self._matrices.read(raw.matrix)
        table = None if raw.rows is None else self._file_cache.load_table(raw.rows)
        if (matrix is None and "matrix" in raw.node.entries) or (table is None and "rows" in raw.node.entries):
            return None
        return None if self._report_shared_names(raw, table, matrix) else Expansion(self._manifest_vars, table, matrix)

    def _report_shared_names(self, raw: RawShot, table: Table | None, matrix: Matrix | None) -> bool:
        if table is None or matrix is None or raw.matrix is None:
            return False
        # rule name_in_both
        both = [name for name in matrix.names if name in table.column_names]
        for name in both:
            key = raw.matrix.entries[name][0]
            self._diagnostics.error(key, f"{quoted(name)} is a column of {table.path} too", "rename one of them")
        return bool(both)

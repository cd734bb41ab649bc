"""What is put in for `${name}`: the rows of a table times the combinations of a matrix, over the manifest's `vars`.

Owns the look-up order and the names of each expansion's origin. Counts before it makes anything. Reads tables
through a library, so that each is read once. Knows nothing of the texts that values are put into.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import Report
from hailuo_batch.manifest.document import WrittenShot
from hailuo_batch.manifest.expansion.matrix import Combination, Matrix, MatrixReader
from hailuo_batch.manifest.files.csv_tables import Table
from hailuo_batch.manifest.files.file_cache import Library
from hailuo_batch.manifest.quoting import quoted

Scope = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Expansion:
    """What one written shot is expanded by. `size` is how many shots it makes."""

    variables: Scope
    table: Table | None = None
    matrix: Matrix | None = None

    @property
    def size(self) -> int:
        """How many shots it makes."""
        # rule rows_times_matrix
        return self._rows * self._combinations

    @property
    def names(self) -> Collection[str]:
        """Every name that has a value: those that are looked up first come first."""
        rows = () if self.table is None else self.table.names
        axes = () if self.matrix is None else self.matrix.names
        return dict.fromkeys([*rows, *axes, *self.variables])

    @property
    def is_one(self) -> bool:
        """Whether there is no table and no matrix."""
        return self.table is None and self.matrix is None

    @property
    def formula(self) -> str:
        """How many shots it makes, as a product."""
        rows = [] if self.table is None else [f"{self.table.rows:,} rows"]
        matrix = self.matrix
        if matrix is None:
            return " x ".join(rows)
        plain = matrix.size == matrix.candidates
        return " x ".join([*rows, f"{matrix.formula if plain else f'{matrix.size:,}'} combinations"])

    @property
    def noun(self) -> str:
        """What its parts are, in the plural."""
        if self.table is None:
            return "combinations"
        return "rows" if self.matrix is None else "rows and combinations"

    def scopes(self) -> Iterator[Scope]:
        """The values for each shot, in order; each is overwritten by the next."""
        scope = dict(self.variables)
        columns = [] if self.table is None else list(self.table.columns.items())
        combinations: list[Combination] = [()] if self.matrix is None else list(self.matrix.combinations())
        names = () if self.matrix is None else self.matrix.names
        for row in range(self._rows):
            for name, values in columns:
                # rule row_first
                scope[name] = values[row]
            # rule each_combination
            for combination in combinations:
                # rule matrix_first
                scope.update(zip(names, combination, strict=True))
                yield scope

    def length_of(self, name: str) -> int:
        """How many characters the values of a name have in all scopes together."""
        if self.table is not None and name in self.table.columns:
            return self._combinations * sum(map(len, self.table.columns[name]))
        if self.matrix is not None and name in self.matrix.names:
            return self._rows * self.matrix.length_of(name)
        return self.size * len(self.variables.get(name, ""))

    def missing_in(self, named: Collection[str]) -> list[str]:
        """What a text must name besides `named` to be another one for each shot."""
        missing = [] if self.matrix is None else [name for name in self.matrix.varying if name not in named]
        if self.table is not None and self.table.rows > 1 and not any(name in self.table.names for name in named):
            missing.append(self.table.names[0])
        return missing

    def origin(self, index: int, names: Collection[str]) -> str:
        """Which row and which combination the scope at `index` is made of; the row by the first of `names` in it."""
        row, at = divmod(index, self._combinations)
        parts = []
        if self.table is not None:
            column = next((name for name in names if name in self.table.names), "")
            spot = self.table.spot(row, column)
            parts.append(f"the row at {self.table.path}:{spot.line}:{spot.column}")
        if self.matrix is not None:
            parts.append(self.matrix.named(at))
        return " with ".join(parts)

    @property
    def _rows(self) -> int:
        # rule row_count
        return 1 if self.table is None else self.table.rows

    @property
    def _combinations(self) -> int:
        return 1 if self.matrix is None else self.matrix.size


class ScopeReader:
    """Reads what each written shot is expanded by."""

    def __init__(self, variables: Scope, library: Library, report: Report) -> None:
        self._variables = variables
        self._library = library
        self._report = report
        self._matrices = MatrixReader(report)

    def read(self, written: WrittenShot) -> Expansion | None:
        """The shot's expansion; None where anything of its matrix or its table is wrong."""
        matrix = None if written.matrix is None else self._matrices.read(written.matrix)
        table = None if written.rows is None else self._library.table(written.rows)
        if (matrix is None and "matrix" in written.node.entries) or (table is None and "rows" in written.node.entries):
            return None
        return None if self._share_names(written, table, matrix) else Expansion(self._variables, table, matrix)

    def _share_names(self, written: WrittenShot, table: Table | None, matrix: Matrix | None) -> bool:
        if table is None or matrix is None or written.matrix is None:
            return False
        # rule name_in_both
        both = [name for name in matrix.names if name in table.names]
        for name in both:
            key = written.matrix.entries[name][0]
            self._report.error(key, f"{quoted(name)} is a column of {table.path} too", "rename one of them")
        return bool(both)

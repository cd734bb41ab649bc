"""Where a raw shot's values come from: its matrix, its table, the columns that its texts name, the rows that count.

Owns which column a name stands for, and which rows are no rows. Reports what is wrong with the sources; what is wrong
with a text is found where the text is filled in.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from hailuo_batch.manifest.diagnostics import FILE_START, Diagnostics
from hailuo_batch.manifest.document import RawShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs
from hailuo_batch.manifest.expansion.matrix import Matrix, MatrixReader
from hailuo_batch.manifest.expansion.variables import ROW_NUMBER, Expansion, UsedColumn, Variables
from hailuo_batch.manifest.files.file_cache import FileCache
from hailuo_batch.manifest.files.other_tables import PROMPT
from hailuo_batch.manifest.files.tables import Table
from hailuo_batch.manifest.quoting import join_quoted, quoted
from hailuo_batch.manifest.slugs import to_variable_name
from hailuo_batch.manifest.validation.suggestions import closest_match
from hailuo_batch.warning_codes import WarningCode

_MOST_NAMED = 6
_SEPARATORS = (",", ";", "|", "\t", "\uff0c", "\u3001")  # the last two are commas of East Asia


def _other_separator(header: Sequence[str], missing: Sequence[str]) -> str | None:
    """The sign that separates a header's names, if it is another one than was taken: a missing name is among them."""
    text = ",".join(header)
    for sign in _SEPARATORS:
        cells = [cell.strip() for cell in text.split(sign)]
        if len(cells) > 1 and any(name in {*cells, *map(to_variable_name, cells)} for name in missing):
            return sign
    return None


class ExpansionReader:
    """Reads what each raw shot is expanded by."""

    def __init__(
        self, manifest_vars: Variables, file_cache: FileCache, inputs: ExtraInputs, diagnostics: Diagnostics
    ) -> None:
        self._manifest_vars = manifest_vars
        self._file_cache = file_cache
        self._inputs = inputs
        self._diagnostics = diagnostics
        self._matrices = MatrixReader(diagnostics)
        self._single = Expansion(manifest_vars)

    def used_names(self, raw: RawShot) -> list[str]:
        """The names that the shot's texts use, each once; those in its `input` may be unknown."""
        others = () if raw.input is None else self._inputs.names(raw.input)
        return list(dict.fromkeys((*raw.names, *others)))

    def read(self, raw: RawShot) -> Expansion | None:
        """The shot's expansion; None if anything of its matrix or its table is wrong."""
        if "matrix" not in raw.node.entries and "rows" not in raw.node.entries:
            return self._single
        matrix = None if raw.matrix is None else self._matrices.read(raw.matrix)
        axes = () if matrix is None else matrix.names
        is_header = self._header_test(raw, {*axes, *self._manifest_vars})
        table = None if raw.rows is None else self._file_cache.load_table(raw.rows, is_header)
        if (matrix is None and "matrix" in raw.node.entries) or (table is None and "rows" in raw.node.entries):
            return None
        if table is None:
            return Expansion(self._manifest_vars, None, matrix)
        if matrix is not None and self._report_shared_names(raw, matrix, table):
            return None
        given = {*axes, *self._manifest_vars}
        if self._report_missing_header(raw, table, given):
            return None
        columns = self._find_columns(raw, table, given)
        rows = None if columns is None else self._find_rows(table, columns)
        return None if columns is None or rows is None else Expansion(self._manifest_vars, table, matrix, columns, rows)

    def _header_test(self, raw: RawShot, given: Collection[str]) -> Callable[[Collection[str]], bool]:
        """Whether some names are the header of the table that the shot needs, and not the first prompt of a list.

        A table has every name that the shot uses and that nothing else gives.
        """

        def is_header(names: Collection[str]) -> bool:
            held = {*names, *map(to_variable_name, names)}
            needed = {name for name in raw.names if name not in given and name != ROW_NUMBER}
            # rule txt_table
            return needed <= held and (PROMPT not in raw.names or PROMPT in held)

        return is_header

    def _report_shared_names(self, raw: RawShot, matrix: Matrix, table: Table) -> bool:
        """Report the names that are in both; returns whether there are any."""
        assert raw.matrix is not None
        # rule name_in_both
        shared = [name for name in matrix.names if name in table.column_names]
        for name in shared:
            message = f"{quoted(name)} is also a column of {table.path}"
            self._diagnostics.error(raw.matrix.entries[name][0], message, "rename one of them")
        return bool(shared)

    def _report_missing_header(self, raw: RawShot, table: Table, given: Collection[str]) -> bool:
        """Report a first row that names nothing of what the shot uses: it is a row, and no header."""
        needed = [name for name in raw.names if name not in given and name != ROW_NUMBER]
        if not needed or table.path == self._diagnostics.path:
            return False
        # name names_and_slugs
        names = [*table.column_names, *map(to_variable_name, table.column_names)]
        sign = _other_separator(table.column_names, [name for name in needed if name not in names])
        if sign is not None:
            is_drawn = ",".join(table.column_names).startswith(sign)
            ours = "" if is_drawn or not sign.isascii() else f"make `sep={sign}` the first line of the file, or "
            message = f"the columns seem to be separated by {quoted(sign)}"
            self._diagnostics.error(FILE_START, message, f"{ours}save it as CSV", path=table.path)
            return True
        # rule no_header
        if any(name in names or closest_match(name, names) for name in needed):
            return False
        called = join_quoted([*table.column_names[:_MOST_NAMED]])
        more = ", …" if len(table.column_names) > _MOST_NAMED else ""
        message = f"the columns are called {called}{more}, but the shot uses {join_quoted(needed[:_MOST_NAMED])}"
        name = next(filter(None, map(to_variable_name, table.column_names)), "")
        other = f", or write `${{{name}}}` in the manifest" if name else ""
        hint = f"rename the columns in this row{other}; if it is no row of names, put one above it"
        self._diagnostics.error(FILE_START, message, hint, path=table.path)
        return True

    def _find_columns(self, raw: RawShot, table: Table, given: Collection[str]) -> Mapping[str, UsedColumn] | None:
        """The columns that the shot uses, by the names it uses; None if a name stands for several."""
        columns: dict[str, UsedColumn] = {}
        is_clear = True
        # rule slug_where_used
        for name in self.used_names(raw):
            headers = table.columns_called(name)
            # rule exact_first
            if name in given and name not in table.column_names:
                continue
            # rule row_column
            if len(headers) == 1:
                columns[name] = UsedColumn(headers[0], table.columns[headers[0]])
            elif headers:
                self._report_unclear(raw, name, headers)
                is_clear = False
            # rule row_number
            elif name == ROW_NUMBER:
                columns[name] = UsedColumn("", table.row_labels())
        return columns if is_clear else None

    def _report_unclear(self, raw: RawShot, name: str, headers: Sequence[str]) -> None:
        written = next((t for t in raw.templates() if name in t.names), None)
        # rule slug_place
        place = raw.node if written is None else written.node
        message = f"`${{{name}}}` could be the column {' or '.join(map(quoted, headers))}"
        # rule shared_slug
        self._diagnostics.error(place, message, "rename one of them in the table's header")

    def _find_rows(self, table: Table, columns: Mapping[str, UsedColumn]) -> Sequence[int] | None:
        """The rows that make shots: all but those in which every used column is blank. None if none is left."""
        every = range(table.row_count)
        # rule blank_columns
        values = [column.values for column in columns.values() if column.header]
        # rule no_column_used
        blank = list(every) if values else []
        for column in values:
            blank = [row for row in blank if not column[row] or column[row].isspace()]
        # rule blank_rows
        if not blank:
            return every
        first = table.locate(blank[0], "")
        path = "" if table.path == self._diagnostics.path else table.path
        if len(blank) == len(every):
            message = "every row is blank in the columns that the shot uses"
            self._diagnostics.error(first, message, "fill one in", path=path)
            return None
        what = "this row is" if len(blank) == 1 else f"this row and {len(blank) - 1:,} more are"
        which = "" if len(values) == len(table.column_names) else " in the columns that the shot uses"
        message = f"{what} blank{which}, and skipped"
        # rule blank_rows_warned
        self._diagnostics.warn(first, WarningCode.BLANK_ROWS, message, "delete what is no row", path=path)
        skipped = frozenset(blank)
        # rule blank_rows_skipped
        return [row for row in every if row not in skipped]

"""The values that a shot's variables have, each with its place: in a table, in the matrix, or in `vars`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import Positioned
from hailuo_batch.manifest.document import RawShot
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.lint.notation import without
from hailuo_batch.manifest.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode


@dataclass(frozen=True, slots=True)
class Source:
    """The values of one name, and where each is written; `path` is the table's file, empty for the manifest.

    `written` are the values before anything was filled in, without what was; `fillable` are the names of which the
    values could be filled in there.
    """

    name: str
    values: Sequence[str]
    written: Sequence[str]
    locate: Callable[[int], Positioned]
    path: str = ""
    is_table: bool = False
    fillable: frozenset[str] = frozenset()


def find_source(
    name: str, raw: RawShot, expansion: Expansion, manifest_vars: Mapping[str, tuple[ScalarNode, Node]], manifest: str
) -> Source | None:
    """Where the values of a name come from; None for the number of the row, and for a name without a value."""
    column = expansion.columns.get(name)
    if column is not None:
        return _column_source(name, column.header, column.values, expansion, manifest) if column.header else None
    axis = [] if raw.matrix is None else matrix_nodes(raw.matrix, name)
    if axis:
        texts = [node.text for node in axis]
        return Source(name, texts, texts, axis.__getitem__)
    return _var_source(name, expansion, manifest_vars) if name in manifest_vars else None


def _var_source(name: str, expansion: Expansion, manifest_vars: Mapping[str, tuple[ScalarNode, Node]]) -> Source:
    _, node = manifest_vars[name]
    names = list(manifest_vars)
    above = frozenset(names[: names.index(name)])
    written = without(node.text, above) if isinstance(node, ScalarNode) else ""
    return Source(name, [expansion.manifest_vars[name]], [written], lambda _: node, fillable=above)


def _column_source(name: str, header: str, values: Sequence[str], expansion: Expansion, manifest: str) -> Source:
    table, rows = expansion.table, expansion.rows
    assert table is not None
    shown = values if len(rows) == len(values) else [values[row] for row in rows]
    path = "" if table.path == manifest else table.path
    return Source(name, shown, shown, lambda index: table.locate(rows[index], header), path, is_table=True)


def matrix_nodes(matrix: MappingNode, name: str) -> list[ScalarNode]:
    """The values of one name of a matrix, its list first, then what is included."""
    values, included = matrix.get(name), matrix.get("include")
    nodes: list[Node | None] = [*values.items] if isinstance(values, SequenceNode) else []
    if isinstance(included, SequenceNode):
        nodes += [entry.get(name) for entry in included.items if isinstance(entry, MappingNode)]
    return [node for node in nodes if isinstance(node, ScalarNode)]

"""A shot's matrix: which combinations of values it asks for, in which order.

Owns exclusions and additions, and counts combinations before it makes any. Values are compared as they are written.
Knows nothing of tables, texts or takes.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hailuo_batch.manifest.diagnostics import Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.quoting import format_count, quoted
from hailuo_batch.manifest.validation.schema_errors import suggest
from hailuo_batch.manifest.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_MAX_COMPARISONS = 1_000_000
_SHOWN = 8
_RESERVED_KEYS = ("exclude", "include")

Combination = tuple[str, ...]
_CombinationNode = dict[str, tuple[ScalarNode, ScalarNode]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """What a well-written matrix asks for. A combination has one value for each name, in the order of `names`.

    `excluded` are the dropped values by the places of their names; `size` is how many combinations there are.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    excluded: tuple[tuple[tuple[int, ...], frozenset[Combination]], ...]
    included: tuple[Combination, ...]
    size: int = 0

    @property
    def candidate_count(self) -> int:
        """How many combinations there are before the exclusions."""
        return math.prod(map(len, self.values))

    @property
    def formula(self) -> str:
        """The sizes of the lists as a product, such as `2 x 3`; of many lists only the first ones."""
        more = " x …" if len(self.values) > _SHOWN else ""
        return " x ".join(f"{len(values):,}" for values in self.values[:_SHOWN]) + more

    @property
    def varying_names(self) -> list[str]:
        """The names that have several values."""
        return [name for at, name in enumerate(self.names) if len({each[at] for each in self.combinations()}) > 1]

    def combinations(self) -> Iterator[Combination]:
        """Every combination, in the order written: those of the lists less the excluded, then the included."""
        # rule included_after
        return itertools.chain(self.not_excluded(), self.included)

    def not_excluded(self) -> Iterator[Combination]:
        """The combinations of the lists less the excluded."""
        # rule every_combination
        candidates = itertools.product(*self.values)
        if not self.excluded:
            return candidates
        # rule without_excluded
        return (combination for combination in candidates if not self.is_excluded(combination))

    def describe(self, index: int) -> str:
        """The combination at `index`, in words; of many names only the first ones."""
        combination = next(itertools.islice(self.combinations(), index, None))
        values = [f"{name} {quoted(value)}" for name, value in zip(self.names, combination, strict=True)]
        return ", ".join(values[:_SHOWN]) + (", …" if len(values) > _SHOWN else "")

    def length_of(self, name: str) -> int:
        """How many characters the values of a name have in all combinations together."""
        at = self.names.index(name)
        return sum(len(combination[at]) for combination in self.combinations())

    def is_excluded(self, combination: Combination) -> bool:
        """Whether an exclusion drops it."""
        # rule all_keys_match
        return any(tuple(combination[at] for at in places) in dropped for places, dropped in self.excluded)


class MatrixReader:
    """Reads the matrices of a manifest, each once, however many shots share it through an alias."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._cache: dict[int, tuple[MappingNode, Matrix | None]] = {}
        self._comparisons = 0

    def read(self, node: MappingNode) -> Matrix | None:
        """The matrix as written, None where anything of it is wrong.

        Reports what no schema can say of it. Raises Refused where there are too many combinations to look at.
        """
        if id(node) not in self._cache:
            self._cache[id(node)] = (node, self._read_new(node))
        return self._cache[id(node)][1]

    def _read_new(self, node: MappingNode) -> Matrix | None:
        matrix = _read_matrix(node, self._diagnostics)
        if matrix is None or not matrix.excluded:
            return None if matrix is None else replace(matrix, size=matrix.candidate_count + len(matrix.included))
        self._comparisons += matrix.candidate_count * len(matrix.excluded)
        if self._comparisons > _MAX_COMPARISONS:
            message = (
                f"{matrix.formula} = {format_count(matrix.candidate_count)} combinations are too many for `exclude`"
            )
            raise FatalDiagnostic(node, message, "split the matrix over several shots, or the campaign")
        # rule some_remain
        remaining = sum(1 for _ in matrix.not_excluded())
        # rule all_excluded
        if remaining == 0:
            key = node.entries["exclude"][0]
            self._diagnostics.error(key, "every combination of the matrix is excluded", "keep at least one")
            return None
        return replace(matrix, size=remaining + len(matrix.included))


def _read_matrix(node: MappingNode, diagnostics: Diagnostics) -> Matrix | None:
    """The matrix without its size; reports names that do not fit."""
    axes = {name: value for name, (_, value) in node.entries.items() if name not in _RESERVED_KEYS}
    if not axes:
        if node.entries:
            diagnostics.error(node, "the matrix has no list of values", "write one like `colour: [white, teal]`")
        return None
    values = [_list_values(axis) for axis in axes.values()]
    excluded = _read_combinations(node.get("exclude"))
    included = _read_combinations(node.get("include"))
    if None in values or excluded is None or included is None:
        return None
    known = {name: dict.fromkeys(texts or ()) for name, texts in zip(axes, values, strict=True)}
    fits = [_has_unique_values(axis, diagnostics) for axis in axes.values()]
    fits += [_check_exclusion(entry, known, diagnostics) for entry in excluded]
    fits += [_check_inclusion(entry, known, diagnostics) for entry in included]
    if not all(fits):
        return None
    added = [tuple(entry[name][1].text for name in axes) for entry in included]
    lists = tuple(texts or () for texts in values)
    matrix = Matrix(tuple(axes), lists, _group_by_names(excluded, list(axes)), tuple(added))
    return matrix if _adds_only_new(matrix, included, diagnostics) else None


def _has_unique_values(axis: Node, diagnostics: Diagnostics) -> bool:
    """Whether each value of a list is there once."""
    seen: set[str] = set()
    for item in axis.items if isinstance(axis, SequenceNode) else ():
        if isinstance(item, ScalarNode) and item.text in seen:
            diagnostics.error(item, f"{quoted(item.text)} is in this list twice", "remove one")
            return False
        seen.add(item.text if isinstance(item, ScalarNode) else "")
    return True


def _adds_only_new(matrix: Matrix, included: list[_CombinationNode], diagnostics: Diagnostics) -> bool:
    """Whether no added combination is in the matrix already."""
    lists = [frozenset(values) for values in matrix.values]
    seen: set[Combination] = set()
    for entry, added in zip(included, matrix.included, strict=True):
        is_listed = all(value in values for value, values in zip(added, lists, strict=True))
        if added in seen or (is_listed and not matrix.is_excluded(added)):
            diagnostics.error(next(iter(entry.values()))[0], "this combination is in the matrix already", "remove it")
            return False
        seen.add(added)
    return True


def _list_values(node: Node) -> tuple[str, ...] | None:
    """The values of a list as they are written; None where the schema has reported it."""
    if not isinstance(node, SequenceNode) or not node.items:
        return None
    scalars = [item for item in node.items if isinstance(item, ScalarNode)]
    # rule matrix_as_written
    return tuple(item.text for item in scalars) if len(scalars) == len(node.items) else None


def _read_combinations(node: Node | None) -> list[_CombinationNode] | None:
    """The mappings of `exclude` or `include`; None where the schema has reported one."""
    if node is None:
        return []
    if not isinstance(node, SequenceNode) or not node.items:
        return None
    entries: list[_CombinationNode] = []
    for item in node.items:
        if not isinstance(item, MappingNode) or not item.entries:
            return None
        entry = {name: (key, value) for name, (key, value) in item.entries.items() if isinstance(value, ScalarNode)}
        if len(entry) < len(item.entries):
            return None
        entries.append(entry)
    return entries


def _check_exclusion(entry: _CombinationNode, known: dict[str, dict[str, None]], diagnostics: Diagnostics) -> bool:
    if not _has_known_names(entry, known, diagnostics):
        return False
    for name, (_, value) in entry.items():
        if value.text not in known[name]:
            message = f"this excludes nothing: {quoted(value.text)} is not among the values of {quoted(name)}"
            diagnostics.warn(value, message, suggest(value.text, list(known[name])))
    return True


def _check_inclusion(entry: _CombinationNode, known: dict[str, dict[str, None]], diagnostics: Diagnostics) -> bool:
    if not _has_known_names(entry, known, diagnostics):
        return False
    # rule whole_combinations
    missing = [name for name in known if name not in entry]
    if missing:
        place = next(iter(entry.values()))[0]
        lacks = " and ".join(map(quoted, missing))
        diagnostics.error(place, f"an added combination needs every name of the matrix, and lacks {lacks}", "add it")
    return not missing


def _has_known_names(entry: _CombinationNode, known: dict[str, dict[str, None]], diagnostics: Diagnostics) -> bool:
    unknown = [key for name, (key, _) in entry.items() if name not in known]
    for key in unknown:
        diagnostics.error(key, f"{quoted(key.text)} is no name of this matrix", suggest(key.text, list(known)))
    return not unknown


def _group_by_names(
    excluded: list[_CombinationNode], names: list[str]
) -> tuple[tuple[tuple[int, ...], frozenset[Combination]], ...]:
    """Exclusions by the names they give, so that a combination is looked up and not compared with each."""
    groups: dict[tuple[int, ...], set[Combination]] = {}
    for entry in excluded:
        places = tuple(at for at, name in enumerate(names) if name in entry)
        groups.setdefault(places, set()).add(tuple(entry[names[at]][1].text for at in places))
    return tuple((places, frozenset(dropped)) for places, dropped in groups.items())

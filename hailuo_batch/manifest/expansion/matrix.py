"""A shot's matrix: which combinations of values it asks for, in which order.

Owns exclusions and additions, and counts combinations before it makes any. Values are compared as they are written.
Knows nothing of tables, texts or takes.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hailuo_batch.manifest.diagnostics import Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.quoting import format_count, join_quoted, quoted
from hailuo_batch.manifest.validation.suggestions import suggest
from hailuo_batch.manifest.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from hailuo_batch.warning_codes import WarningCode

_MAX_COMPARISONS = 1_000_000
_SHOWN = 8

Combination = tuple[str, ...]
_CombinationNode = dict[str, tuple[ScalarNode, ScalarNode]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """What a well-written matrix asks for. A combination has one value for each name, in the order of `names`.

    `excluded` has, for each set of names that exclusions give, the positions of the names and the dropped values.
    `size` is how many combinations there are.
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
        """Every combination, in the order written: those of the lists without the excluded, then the included."""
        # rule included_after
        return itertools.chain(self.not_excluded(), self.included)

    def not_excluded(self) -> Iterator[Combination]:
        """The combinations of the lists without the excluded."""
        # rule every_combination
        candidates = itertools.product(*self.values)
        # rule without_excluded
        return itertools.filterfalse(self.is_excluded, candidates) if self.excluded else candidates

    def is_excluded(self, combination: Combination) -> bool:
        """Whether an exclusion drops it."""
        # rule all_keys_match
        return any(tuple(combination[at] for at in positions) in dropped for positions, dropped in self.excluded)

    def describe(self, index: int) -> str:
        """The combination at `index` in words; of many names only the first ones."""
        combination = next(itertools.islice(self.combinations(), index, None))
        values = [f"{name} {quoted(value)}" for name, value in zip(self.names, combination, strict=True)]
        return ", ".join(values[:_SHOWN]) + (", …" if len(values) > _SHOWN else "")

    def length_of(self, name: str) -> int:
        """How many characters the values of a name have in all combinations together."""
        at = self.names.index(name)
        return sum(len(combination[at]) for combination in self.combinations())


class MatrixReader:
    """Reads the matrices of a manifest, each once, however many shots share it through an alias."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._cache: dict[int, tuple[MappingNode, Matrix | None]] = {}
        self._comparisons = 0

    def read(self, node: MappingNode) -> Matrix | None:
        """The matrix as written; None if anything of it is wrong.

        Reports what no schema can check. Raises FatalDiagnostic for too many combinations to apply exclusions to.
        """
        if id(node) not in self._cache:
            matrix = _read_matrix(node, self._diagnostics)
            self._cache[id(node)] = (node, None if matrix is None else self._count(node, matrix))
        return self._cache[id(node)][1]

    def _count(self, node: MappingNode, matrix: Matrix) -> Matrix | None:
        """The matrix with its size; None if everything is excluded, which is reported."""
        remaining = matrix.candidate_count
        if matrix.excluded:
            self._comparisons += remaining * len(matrix.excluded)
            if self._comparisons > _MAX_COMPARISONS:
                message = f"{matrix.formula} = {format_count(remaining)} combinations are too many for exclusions"
                raise FatalDiagnostic(node, message, "split the matrix over several shots, or the campaign")
            # rule some_remain
            remaining = sum(1 for _ in matrix.not_excluded())
        # rule all_excluded
        if remaining == 0:
            key, _ = node.entries["exclude"]
            self._diagnostics.error(key, "every combination of the matrix is excluded", "keep at least one")
            return None
        return replace(matrix, size=remaining + len(matrix.included))


def _read_matrix(node: MappingNode, diagnostics: Diagnostics) -> Matrix | None:
    """The matrix without its size; None if anything of it is wrong. Reports what no schema can check."""
    axes = {name: value for name, (_, value) in node.entries.items() if name not in ("exclude", "include")}
    if not axes:
        if node.entries:
            diagnostics.error(node, "the matrix has no list of values", "write one like `colour: [white, teal]`")
        return None
    lists = {name: items for name, axis in axes.items() if (items := _read_list(axis)) is not None}
    excluded = _read_combinations(node.get("exclude"))
    included = _read_combinations(node.get("include"))
    if len(lists) < len(axes) or excluded is None or included is None:
        return None
    known = {name: dict.fromkeys(item.text for item in items) for name, items in lists.items()}
    checks = [_has_unique_values(items, diagnostics) for items in lists.values()]
    checks += [_check_exclusion(each, known, diagnostics) for each in excluded]
    checks += [_check_inclusion(each, known, diagnostics) for each in included]
    if not all(checks):
        return None
    # rule matrix_as_written
    values = tuple(tuple(item.text for item in items) for items in lists.values())
    added = tuple(tuple(each[name][1].text for name in axes) for each in included)
    matrix = Matrix(tuple(axes), values, _group_by_names(excluded, list(axes)), added)
    return matrix if _adds_only_new(matrix, included, diagnostics) else None


def _read_list(node: Node) -> list[ScalarNode] | None:
    """The values of a list; None if the schema has reported it."""
    items = node.items if isinstance(node, SequenceNode) else []
    scalars = [item for item in items if isinstance(item, ScalarNode)]
    return scalars if scalars and len(scalars) == len(items) else None


def _read_combinations(node: Node | None) -> list[_CombinationNode] | None:
    """The mappings of `exclude` or `include`; None if the schema has reported one."""
    if node is None:
        return []
    if not isinstance(node, SequenceNode) or not node.items:
        return None
    combinations = list[_CombinationNode]()
    for item in node.items:
        if not isinstance(item, MappingNode) or not item.entries:
            return None
        entries = {name: (key, value) for name, (key, value) in item.entries.items() if isinstance(value, ScalarNode)}
        if len(entries) < len(item.entries):
            return None
        combinations.append(entries)
    return combinations


def _has_unique_values(items: list[ScalarNode], diagnostics: Diagnostics) -> bool:
    """Whether each value of a list is there once; reports the first that is not."""
    seen: set[str] = set()
    for item in items:
        if item.text in seen:
            diagnostics.error(item, f"{quoted(item.text)} is in this list twice", "remove one")
            return False
        seen.add(item.text)
    return True


def _adds_only_new(matrix: Matrix, included: list[_CombinationNode], diagnostics: Diagnostics) -> bool:
    """Whether no added combination is in the matrix already."""
    lists = [frozenset(values) for values in matrix.values]
    seen: set[Combination] = set()
    for entry, added in zip(included, matrix.included, strict=True):
        is_listed = all(value in values for value, values in zip(added, lists, strict=True))
        if added in seen or (is_listed and not matrix.is_excluded(added)):
            diagnostics.error(next(iter(entry.values()))[0], "this combination is already in the matrix", "remove it")
            return False
        seen.add(added)
    return True


def _check_exclusion(entry: _CombinationNode, known: dict[str, dict[str, None]], diagnostics: Diagnostics) -> bool:
    if not _has_known_names(entry, known, diagnostics):
        return False
    for name, (_, value) in entry.items():
        if value.text not in known[name]:
            message = f"this excludes nothing: {quoted(value.text)} is not among the values of {quoted(name)}"
            hint = suggest(value.text, list(known[name]))
            diagnostics.warn(value, WarningCode.USELESS_EXCLUSION, message, hint)
    return True


def _check_inclusion(entry: _CombinationNode, known: dict[str, dict[str, None]], diagnostics: Diagnostics) -> bool:
    if not _has_known_names(entry, known, diagnostics):
        return False
    # rule whole_combinations
    missing = [name for name in known if name not in entry]
    if missing:
        message = f"an added combination needs a value for every name of the matrix; missing: {join_quoted(missing)}"
        diagnostics.error(next(iter(entry.values()))[0], message, "add it")
    return not missing


def _has_known_names(entry: _CombinationNode, known: dict[str, dict[str, None]], diagnostics: Diagnostics) -> bool:
    unknown = [key for name, (key, _) in entry.items() if name not in known]
    for key in unknown:
        diagnostics.error(key, f"{quoted(key.text)} is not a name of this matrix", suggest(key.text, list(known)))
    return not unknown


def _group_by_names(
    excluded: list[_CombinationNode], names: list[str]
) -> tuple[tuple[tuple[int, ...], frozenset[Combination]], ...]:
    """Exclusions by the names they give, so that a combination is looked up and not compared with each."""
    groups: dict[tuple[int, ...], set[Combination]] = {}
    for entry in excluded:
        positions = tuple(at for at, name in enumerate(names) if name in entry)
        groups.setdefault(positions, set()).add(tuple(entry[names[at]][1].text for at in positions))
    return tuple((positions, frozenset(dropped)) for positions, dropped in groups.items())

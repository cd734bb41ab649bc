"""A shot's matrix: which combinations of values it asks for, in which order.

Owns exclusions and additions, and counts combinations before it makes any. Values are compared as they are written.
Knows nothing of tables, texts or takes.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hailuo_batch.manifest.diagnostics import Refused, Report
from hailuo_batch.manifest.quoting import counted, quoted
from hailuo_batch.manifest.validation.schema_errors import suggestion
from hailuo_batch.manifest.yaml.nodes import Mapping, Node, Scalar, Sequence

_MAX_COMPARISONS = 1_000_000
_SHOWN = 8
_SPECIAL = ("exclude", "include")

Combination = tuple[str, ...]
_Entry = dict[str, tuple[Scalar, Scalar]]


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
    def candidates(self) -> int:
        """How many combinations there are before the exclusions."""
        return math.prod(map(len, self.values))

    @property
    def formula(self) -> str:
        """The sizes of the lists as a product, such as `2 x 3`; of many lists only the first ones."""
        more = " x …" if len(self.values) > _SHOWN else ""
        return " x ".join(f"{len(values):,}" for values in self.values[:_SHOWN]) + more

    @property
    def varying(self) -> list[str]:
        """The names that have several values."""
        return [name for at, name in enumerate(self.names) if len({each[at] for each in self.combinations()}) > 1]

    def combinations(self) -> Iterator[Combination]:
        """Every combination, in the order written: those of the lists less the excluded, then the included."""
        # rule included_after
        return itertools.chain(self.remaining(), self.included)

    def remaining(self) -> Iterator[Combination]:
        """The combinations of the lists less the excluded."""
        # rule every_combination
        candidates = itertools.product(*self.values)
        if not self.excluded:
            return candidates
        # rule without_excluded
        return (combination for combination in candidates if not self.is_excluded(combination))

    def named(self, index: int) -> str:
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

    def __init__(self, report: Report) -> None:
        self._report = report
        self._read: dict[int, tuple[Mapping, Matrix | None]] = {}
        self._comparisons = 0

    def read(self, node: Mapping) -> Matrix | None:
        """The matrix as written, None where anything of it is wrong.

        Reports what no schema can say of it. Raises Refused where there are too many combinations to look at.
        """
        if id(node) not in self._read:
            self._read[id(node)] = (node, self._read_anew(node))
        return self._read[id(node)][1]

    def _read_anew(self, node: Mapping) -> Matrix | None:
        matrix = _read_matrix(node, self._report)
        if matrix is None or not matrix.excluded:
            return None if matrix is None else replace(matrix, size=matrix.candidates + len(matrix.included))
        self._comparisons += matrix.candidates * len(matrix.excluded)
        if self._comparisons > _MAX_COMPARISONS:
            message = f"{matrix.formula} = {counted(matrix.candidates)} combinations are too many to exclude any from"
            raise Refused(node, message, "split the matrix over several shots, or the campaign")
        # rule some_remain
        remaining = sum(1 for _ in matrix.remaining())
        # rule all_excluded
        if remaining == 0:
            key = node.entries["exclude"][0]
            self._report.error(key, "every combination of the matrix is excluded", "keep at least one")
            return None
        return replace(matrix, size=remaining + len(matrix.included))


def _read_matrix(node: Mapping, report: Report) -> Matrix | None:
    """The matrix without its size; reports names that do not fit."""
    axes = {name: value for name, (_, value) in node.entries.items() if name not in _SPECIAL}
    if not axes:
        if node.entries:
            report.error(node, "the matrix has no list of values", "write one like `colour: [white, teal]`")
        return None
    values = [_texts(axis) for axis in axes.values()]
    excluded = _entries(node.get("exclude"))
    included = _entries(node.get("include"))
    if None in values or excluded is None or included is None:
        return None
    known = {name: dict.fromkeys(texts or ()) for name, texts in zip(axes, values, strict=True)}
    fits = [_has_no_twins(axis, report) for axis in axes.values()]
    fits += [_check_exclusion(entry, known, report) for entry in excluded]
    fits += [_check_inclusion(entry, known, report) for entry in included]
    if not all(fits):
        return None
    added = [tuple(entry[name][1].text for name in axes) for entry in included]
    lists = tuple(texts or () for texts in values)
    matrix = Matrix(tuple(axes), lists, _grouped(excluded, list(axes)), tuple(added))
    return matrix if _are_new(matrix, included, report) else None


def _has_no_twins(axis: Node, report: Report) -> bool:
    """Whether each value of a list is there once."""
    seen: set[str] = set()
    for item in axis.items if isinstance(axis, Sequence) else ():
        if isinstance(item, Scalar) and item.text in seen:
            report.error(item, f"{quoted(item.text)} is in this list twice", "remove one")
            return False
        seen.add(item.text if isinstance(item, Scalar) else "")
    return True


def _are_new(matrix: Matrix, included: list[_Entry], report: Report) -> bool:
    """Whether no added combination is in the matrix already."""
    lists = [frozenset(values) for values in matrix.values]
    seen: set[Combination] = set()
    for entry, added in zip(included, matrix.included, strict=True):
        is_listed = all(value in values for value, values in zip(added, lists, strict=True))
        if added in seen or (is_listed and not matrix.is_excluded(added)):
            report.error(next(iter(entry.values()))[0], "this combination is in the matrix already", "remove it")
            return False
        seen.add(added)
    return True


def _texts(node: Node) -> tuple[str, ...] | None:
    """The values of a list as they are written; None where the schema has reported it."""
    if not isinstance(node, Sequence) or not node.items:
        return None
    scalars = [item for item in node.items if isinstance(item, Scalar)]
    # rule matrix_as_written
    return tuple(item.text for item in scalars) if len(scalars) == len(node.items) else None


def _entries(node: Node | None) -> list[_Entry] | None:
    """The mappings of `exclude` or `include`; None where the schema has reported one."""
    if node is None:
        return []
    if not isinstance(node, Sequence) or not node.items:
        return None
    entries: list[_Entry] = []
    for item in node.items:
        if not isinstance(item, Mapping) or not item.entries:
            return None
        entry = {name: (key, value) for name, (key, value) in item.entries.items() if isinstance(value, Scalar)}
        if len(entry) < len(item.entries):
            return None
        entries.append(entry)
    return entries


def _check_exclusion(entry: _Entry, known: dict[str, dict[str, None]], report: Report) -> bool:
    if not _names_are_known(entry, known, report):
        return False
    for name, (_, value) in entry.items():
        if value.text not in known[name]:
            message = f"this excludes nothing: {quoted(value.text)} is not among the values of {quoted(name)}"
            report.warn(value, message, suggestion(value.text, list(known[name])))
    return True


def _check_inclusion(entry: _Entry, known: dict[str, dict[str, None]], report: Report) -> bool:
    if not _names_are_known(entry, known, report):
        return False
    # rule whole_combinations
    missing = [name for name in known if name not in entry]
    if missing:
        place = next(iter(entry.values()))[0]
        lacks = " and ".join(map(quoted, missing))
        report.error(place, f"an added combination needs every name of the matrix, and lacks {lacks}", "add it")
    return not missing


def _names_are_known(entry: _Entry, known: dict[str, dict[str, None]], report: Report) -> bool:
    strangers = [key for name, (key, _) in entry.items() if name not in known]
    for key in strangers:
        report.error(key, f"{quoted(key.text)} is no name of this matrix", suggestion(key.text, list(known)))
    return not strangers


def _grouped(excluded: list[_Entry], names: list[str]) -> tuple[tuple[tuple[int, ...], frozenset[Combination]], ...]:
    """Exclusions by the names they give, so that a combination is looked up and not compared with each."""
    groups: dict[tuple[int, ...], set[Combination]] = {}
    for entry in excluded:
        places = tuple(at for at, name in enumerate(names) if name in entry)
        groups.setdefault(places, set()).add(tuple(entry[names[at]][1].text for at in places))
    return tuple((places, frozenset(dropped)) for places, dropped in groups.items())

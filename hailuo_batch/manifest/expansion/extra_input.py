"""A shot's own `input`: from nodes to the data that is sent beside prompt and images.

Owns which values have one plain meaning in JSON, and where variables are filled in: in texts, and only for known names.
Data of aliased nodes is shared, never copied. Knows nothing of models or their schemas.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.expansion.templates import braced_names, fill_known
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode, to_data

_INVALID = object()


class ExtraInputs:
    """The `input` of each raw shot, read once for all the shots that share it."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._cache: dict[int, tuple[Node, Any, int]] = {}
        self._names: dict[int, tuple[Node, Counter[str]]] = {}

    def read(self, node: MappingNode) -> dict[str, Any] | None:
        """The mapping as data for JSON; None if anything in it is wrong, which is reported."""
        data, _ = self._data_and_size(node)
        return None if data is _INVALID else data

    def names(self, node: MappingNode) -> Counter[str]:
        """The names that the mapping's texts have between `${` and `}`, known or not, each with its number of texts."""
        if id(node) not in self._names:
            names = Counter(name for scalar in scalars_below(node) for name in braced_names(scalar.text))
            self._names[id(node)] = (node, names)
        return self._names[id(node)][1]

    def size(self, node: MappingNode) -> int:
        """About how many characters the mapping has as JSON, each alias written out."""
        return self._data_and_size(node)[1]

    def _data_and_size(self, node: Node) -> tuple[Any, int]:
        if isinstance(node, ScalarNode):
            return self._read_scalar(node)
        if isinstance(node, BrokenNode):
            return _INVALID, 0
        if id(node) not in self._cache:
            self._cache[id(node)] = (node, *self._read_collection(node))
        return self._cache[id(node)][1:]

    def _read_collection(self, node: SequenceNode | MappingNode) -> tuple[Any, int]:
        if isinstance(node, SequenceNode):
            items = [self._data_and_size(item) for item in node.items]
            data: Any = [value for value, _ in items]
            return (_INVALID if _INVALID in data else data), sum(size + 1 for _, size in items) + 2
        entries = {key: self._data_and_size(value) for key, (_, value) in node.entries.items()}
        data = {key: value for key, (value, _) in entries.items()}
        size = sum(len(key) + 4 + size for key, (_, size) in entries.items()) + 2
        return (_INVALID if _INVALID in data.values() else data), size

    def _read_scalar(self, node: ScalarNode) -> tuple[Any, int]:
        value = to_data(node, 0)
        if isinstance(value, Decimal):
            number = float(value)
            if Decimal(repr(number)) == value:
                return number, len(node.text)
            self._diagnostics.error(node, f"{quoted(node.text)} has more digits than can be sent", "round it")
            return _INVALID, 0
        if isinstance(value, ScalarNode):
            what = "a date" if node.type == "timestamp" else "a number in another notation"
            hint = "put it in quotes, or write a plain decimal number"
            self._diagnostics.error(node, f"YAML reads {quoted(node.text)} as {what}", hint)
            return _INVALID, 0
        return value, len(json.dumps(value))


def fill_texts(data: Any, variables: Mapping[str, str]) -> Any:
    """The data with the known variables in its texts filled in; keys stay as they are."""
    if isinstance(data, str):
        # rule input_filled
        return fill_known(data, variables)
    if isinstance(data, list):
        return [fill_texts(item, variables) for item in data]
    if isinstance(data, dict):
        return {key: fill_texts(value, variables) for key, value in data.items()}
    return data


def scalars_below(node: Node) -> Iterator[ScalarNode]:
    """Every scalar value of a mapping or a list, at any depth; each node that aliases share only once."""
    seen: set[int] = set()
    pending: list[Node] = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, ScalarNode):
            yield current
        elif isinstance(current, SequenceNode | MappingNode) and id(current) not in seen:
            seen.add(id(current))
            entries = current.items if isinstance(current, SequenceNode) else _values(current)
            pending += reversed(entries)


def _values(mapping: MappingNode) -> list[Node]:
    return [value for _, value in mapping.entries.values()]

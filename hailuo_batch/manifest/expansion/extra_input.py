"""A shot's own `input`, as it stands: from nodes to the data that is sent beside prompt and images.

Owns which values have one plain meaning in JSON. Data of aliased nodes is shared, never copied. Knows nothing of
models or their schemas.
"""

import json
from decimal import Decimal
from typing import Any

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode, to_data

_PLAIN_NUMBER_HINT = "put it in quotes, or write a plain decimal number"


class ExtraInputs:
    """The `input` of each written shot, read once for all the shots that share it."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._cache: dict[int, tuple[Node, Any, int]] = {}

    def read(self, node: MappingNode) -> dict[str, Any] | None:
        """The mapping as data for JSON; None where anything in it is wrong, which is reported."""
        data, _ = self._data(node)
        return None if _is_invalid(data) else data

    def size(self, node: MappingNode) -> int:
        """About how many characters it takes, each alias written out."""
        return self._data(node)[1]

    def _data(self, node: Node) -> tuple[Any, int]:
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, BrokenNode):
            return _INVALID, 0
        if id(node) not in self._cache:
            self._cache[id(node)] = (node, *self._collection(node))
        return self._cache[id(node)][1:]

    def _collection(self, node: SequenceNode | MappingNode) -> tuple[Any, int]:
        if isinstance(node, SequenceNode):
            items = [self._data(item) for item in node.items]
            listed = [data for data, _ in items]
            return (_INVALID if any(map(_is_invalid, listed)) else listed), sum(size + 1 for _, size in items) + 2
        entries = {key: self._data(value) for key, (_, value) in node.entries.items()}
        mapped = {key: data for key, (data, _) in entries.items()}
        size = sum(len(key) + 4 + size for key, (_, size) in entries.items()) + 2
        return (_INVALID if any(map(_is_invalid, mapped.values())) else mapped), size

    def _scalar(self, node: ScalarNode) -> tuple[Any, int]:
        value = to_data(node, 0)
        if isinstance(value, Decimal):
            number = float(value)
            if Decimal(repr(number)) == value:
                return number, len(node.text)
            self._diagnostics.error(node, f"{quoted(node.text)} has more digits than a number may have", "round it")
            return _INVALID, 0
        if isinstance(value, ScalarNode):
            what = "a date" if node.type == "timestamp" else "a number in another notation"
            self._diagnostics.error(node, f"{quoted(node.text)} would be read as {what}", _PLAIN_NUMBER_HINT)
            return _INVALID, 0
        return value, len(json.dumps(value))


_INVALID = object()


def _is_invalid(data: Any) -> bool:
    return data is _INVALID

"""A shot's own `input`, as it stands: from nodes to the data that is sent beside prompt and images.

Owns which values have one plain meaning in JSON. Data of aliased nodes is shared, never copied. Knows nothing of
models or their schemas.
"""

import json
from decimal import Decimal
from typing import Any

from hailuo_batch.manifest.diagnostics import Report
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import Broken, Mapping, Node, Scalar, Sequence, data_of

_IN_DECIMALS = "put it in quotes, or write a plain decimal number"


class ExtraInputs:
    """The `input` of each written shot, read once for all the shots that share it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._read: dict[int, tuple[Node, Any, int]] = {}

    def read(self, node: Mapping) -> dict[str, Any] | None:
        """The mapping as data for JSON; None where anything in it is wrong, which is reported."""
        data, _ = self._data(node)
        return None if _is_broken(data) else data

    def size(self, node: Mapping) -> int:
        """About how many characters it takes, each alias written out."""
        return self._data(node)[1]

    def _data(self, node: Node) -> tuple[Any, int]:
        if isinstance(node, Scalar):
            return self._scalar(node)
        if isinstance(node, Broken):
            return _BROKEN, 0
        if id(node) not in self._read:
            self._read[id(node)] = (node, *self._collection(node))
        return self._read[id(node)][1:]

    def _collection(self, node: Sequence | Mapping) -> tuple[Any, int]:
        if isinstance(node, Sequence):
            items = [self._data(item) for item in node.items]
            listed = [data for data, _ in items]
            return (_BROKEN if any(map(_is_broken, listed)) else listed), sum(size + 1 for _, size in items) + 2
        entries = {key: self._data(value) for key, (_, value) in node.entries.items()}
        mapped = {key: data for key, (data, _) in entries.items()}
        size = sum(len(key) + 4 + size for key, (_, size) in entries.items()) + 2
        return (_BROKEN if any(map(_is_broken, mapped.values())) else mapped), size

    def _scalar(self, node: Scalar) -> tuple[Any, int]:
        value = data_of(node, 0)
        if isinstance(value, Decimal):
            number = float(value)
            if Decimal(repr(number)) == value:
                return number, len(node.text)
            self._report.error(node, f"{quoted(node.text)} has more digits than a number may have", "round it")
            return _BROKEN, 0
        if isinstance(value, Scalar):
            what = "a date" if node.type == "timestamp" else "a number in another notation"
            self._report.error(node, f"{quoted(node.text)} would be read as {what}", _IN_DECIMALS)
            return _BROKEN, 0
        return value, len(json.dumps(value))


_BROKEN = object()


def _is_broken(data: Any) -> bool:
    return data is _BROKEN

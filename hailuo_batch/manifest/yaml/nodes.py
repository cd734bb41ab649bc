"""What a YAML document is made of, each node with its place: the only copy of the document there is.

Scalars keep the text as it was written, and are read as numbers or truth values only where one is asked for. Knows
YAML's types, nothing of the manifest's language. Aliased nodes are shared, never copied; merge keys are merged already.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

from hailuo_batch.manifest.diagnostics import Position

TAG_PREFIX = "tag:yaml.org,2002:"
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}", re.ASCII)
_TRUE = frozenset({"yes", "true", "on"})
_FALSE = frozenset({"no", "false", "off"})


class ScalarNode(NamedTuple):
    """One value as it was written. `tag` is empty if YAML's own rules give it a type.

    `text_offset` is how far into the node its text begins, if each character of the text is one of the file; else -1.
    """

    text: str
    line: int
    column: int
    tag: str = ""
    text_offset: int = -1

    @property
    def type(self) -> str:
        """YAML 1.1's type for it: `str`, `int`, `float`, `bool`, `null`, `timestamp`, `merge` or `value`."""
        # rule yaml_types
        return self.tag or _implicit_type(self.text)

    def position(self, offset: int) -> Position:
        """The place of the character at `offset` of the text; if that cannot be told, the node's own place."""
        return Position(self.line, self.column if self.text_offset < 0 else self.column + self.text_offset + offset)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SequenceNode:
    """A list."""

    line: int
    column: int
    items: "list[Node]"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MappingNode:
    """Keys, as they were written, with their values."""

    line: int
    column: int
    entries: "dict[str, tuple[ScalarNode, Node]]"

    def get(self, key: str) -> "Node | None":
        """The value of the key; None if it is not there."""
        entry = self.entries.get(key)
        return None if entry is None else entry[1]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BrokenNode:
    """Stands in for something that has been reported already."""

    line: int
    column: int


Node = ScalarNode | SequenceNode | MappingNode | BrokenNode


def _implicit_type(text: str) -> str:
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return tag.removeprefix(TAG_PREFIX)
    return "str"


class ListData(list[Any]):
    """A list as data. A validator writes what it checks into messages; with aliases that text could be endless."""

    def __repr__(self) -> str:
        return "a list"


class MappingData(dict[str, Any]):
    """A mapping as data; the same for mappings as ListData for lists."""

    def __repr__(self) -> str:
        return "a mapping"


def _scalar_to_data(node: ScalarNode) -> Any:
    match node.type:
        case "str":
            return node.text
        case "null":
            return None
        case "bool" if node.text.lower() in _TRUE | _FALSE:
            return node.text.lower() in _TRUE
        # rule plain_integer
        case "int" if _INTEGER.fullmatch(node.text):
            return int(node.text)
        # rule plain_decimal
        case "int" | "float" if _DECIMAL.fullmatch(node.text):
            return Decimal(node.text)
        case _:
            return node


def to_data(node: Node, levels: int, read_scalar: Callable[[ScalarNode], Any] = _scalar_to_data) -> Any:
    """The node as data for a JSON Schema, down to so many levels of collections.

    Scalars without a plain meaning in JSON, and deeper collections, stay nodes, which match no JSON type.
    """
    if isinstance(node, ScalarNode):
        return read_scalar(node)
    if isinstance(node, SequenceNode) and levels > 0:
        return ListData(to_data(item, levels - 1, read_scalar) for item in node.items)
    if isinstance(node, MappingNode) and levels > 0:
        return MappingData((key, to_data(value, levels - 1, read_scalar)) for key, (_, value) in node.entries.items())
    return node


def to_text_data(node: Node, levels: int) -> Any:
    """The same as `to_data`, with each scalar as the text that was written."""
    return to_data(node, levels, lambda scalar: scalar.text)

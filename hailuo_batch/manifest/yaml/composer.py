"""From YAML's stream of events to nodes, in one pass and without recursion.

Guards what a document may do before anything is built of it: its depth and its size with every alias expanded, tags,
duplicate keys, several documents. Knows nothing of files or of the manifest's language.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from hailuo_batch.manifest.diagnostics import FILE_START, Diagnostics, FatalDiagnostic, Position, Positioned
from hailuo_batch.manifest.files.text_files import UNPRINTABLE
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.dropped_text import DropKind, DroppedTexts
from hailuo_batch.manifest.yaml.nodes import TAG_PREFIX, BrokenNode, MappingNode, Node, ScalarNode, SequenceNode
from hailuo_batch.manifest.yaml.written_values import put_in_quotes

# rule most_nodes
MAX_NODES = 5_000_000
# rule most_levels
MAX_DEPTH = 50
MAX_ITEMS = 100_000  # no list or mapping of a campaign of 100,000 takes has more
MAX_NODES_PER_ITEM = 250_000  # no shot, and no value beside the shots, has so many

_SCALAR_TAGS = {"!": "str"} | {TAG_PREFIX + name: name for name in ("str", "int", "float", "bool", "null")}
_COLLECTION_TAGS = {
    yaml.SequenceStartEvent: frozenset({None, "!", TAG_PREFIX + "seq"}),
    yaml.MappingStartEvent: frozenset({None, "!", TAG_PREFIX + "map"}),
}

OnItem = Callable[[SequenceNode, Node], None]


@dataclass(slots=True)
class _Frame:
    """A collection that is being read: how much came before it, and how deep it has become."""

    node: SequenceNode | MappingNode
    anchor: str | None
    count_before: int
    written_before: int
    allowed: bool
    height: int = 1
    key: Node | None = None
    merged: list[MappingNode] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for: its node (None while it is still being read), its nodes and its levels."""

    node: Node | None
    size: int
    height: int


class Composer:
    """Builds the nodes of one document.

    `root` is None if there was none; the last event went from `read_from` to `read_to`. `on_item` is called with each
    item of a list under `watched_key`, a key of the root, and with that list, as soon as the item is read. `dropped`
    gets to know what YAML drops.
    """

    def __init__(self, diagnostics: Diagnostics, watched_key: str, on_item: OnItem, dropped: DroppedTexts) -> None:
        self.root: Node | None = None
        self.read_from: Positioned = FILE_START
        self.read_to: Positioned = FILE_START
        self.dropped = dropped
        self._has_comments = dropped.has_comments
        self._diagnostics = diagnostics
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._node_count = 0
        self._written_count = 0
        self._watched_key = watched_key
        self._on_item = on_item
        self._item_depth = 0
        """How deep in the stack an item lies whose nodes are counted: an item of the watched list, else a value."""

    def compose(self, events: Iterable[yaml.Event]) -> Node | None:
        """The document's root. Raises FatalDiagnostic beyond the limits, and what the parser raises."""
        event: yaml.Event | None = None
        try:
            for event in events:
                if isinstance(event, yaml.ScalarEvent):
                    self._add_scalar(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self._close()
                elif isinstance(event, yaml.CollectionStartEvent):
                    self._open(event)
                elif isinstance(event, yaml.AliasEvent):
                    self._add_alias(event)
                # rule one_document
                elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                    place = position_of(event.start_mark)
                    raise FatalDiagnostic(place, "a second YAML document begins here", "put it in a file of its own")
        finally:
            if event is not None:
                self.read_from, self.read_to = position_of(event.start_mark), position_of(event.end_mark)
        return self.root

    @property
    def depth(self) -> int:
        """How many collections are open."""
        # name open_collections
        return len(self._stack)

    @property
    def innermost(self) -> Positioned | None:
        """Where the innermost of the open collections begins."""
        return self._stack[-1].node if self._stack else None

    def _add_scalar(self, event: yaml.ScalarEvent) -> None:
        node = self._read_scalar(event)
        self._count_written(node)
        if event.anchor is not None:
            if isinstance(node, ScalarNode):
                self._note_property(event, node, DropKind.ANCHOR)
            self._set_anchor(event.anchor, node, _Anchored(node, 1, 0))
        self._attach(node)

    def _note_property(self, event: yaml.ScalarEvent, node: ScalarNode, kind: DropKind) -> None:
        """Note the anchor or the tag of a plain text, which may be a word of it."""
        # rule dropped_anchor
        if node.text and not event.style:
            self.dropped.note_property(kind, node, position_of(event.end_mark).line)

    def _read_scalar(self, event: yaml.ScalarEvent) -> ScalarNode | BrokenNode:
        text, style = event.value, event.style
        start: Any = event.start_mark
        end: Any = event.end_mark
        line, column, end_line, end_column = start.line + 1, start.column + 1, end.line + 1, end.column + 1
        # rule object_tags
        if event.tag is None:
            tag = "" if event.implicit[0] else "str"
        elif event.tag in _SCALAR_TAGS:
            tag = _SCALAR_TAGS[event.tag]
            plain = ScalarNode(text, line, column)
            if event.tag == "!" and plain.type == "str":  # without it, it is a text as well
                self._note_property(event, plain, DropKind.TAG)
        else:
            return self._report_tag(event)
        if style == '"' and UNPRINTABLE.search(text):
            message = "this text contains a control character or an incomplete character"
            self._diagnostics.error(Position(line, column), message)
            return BrokenNode(line, column)
        if self._has_comments and not style:
            self.dropped.note_scalar((line, column), (end_line, end_column))
        quotes = 1 if style in {'"', "'"} else 0
        as_in_file = end_line == line and end_column - column == len(text) + 2 * quotes
        return ScalarNode(text, line, column, tag, quotes if as_in_file else -1)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        line, column = _line_and_column(event.start_mark)
        allowed = event.tag in _COLLECTION_TAGS[type(event)]
        if not allowed:
            self._report_tag(event)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = SequenceNode(line, column, []) if is_list else MappingNode(line, column, {})
        if event.anchor is not None:
            self._set_anchor(event.anchor, node, _Anchored(None, 0, 0))
        if len(self._stack) == 1 and isinstance(self._stack[0].key, ScalarNode):
            self._item_depth = 2 if self._stack[0].key.text == self._watched_key else 1
        self._stack.append(_Frame(node, event.anchor, self._node_count, self._written_count, allowed))
        self._check_depth(node, 0)
        self._count_written(node)

    def _close(self) -> None:
        frame = self._stack.pop()
        if isinstance(frame.node, MappingNode):
            # rule merge_keys
            for part in frame.merged:  # own keys come first, then those of an earlier part
                for key, entry in part.entries.items():
                    # rule merged_last
                    frame.node.entries.setdefault(key, entry)
        node = frame.node if frame.allowed else BrokenNode(frame.node.line, frame.node.column)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(node, self._node_count - frame.count_before, frame.height)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, frame.height + 1)
        self._attach(node)

    def _add_alias(self, event: yaml.AliasEvent) -> None:
        place = position_of(event.start_mark)
        name = quoted(f"*{event.anchor}")
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            self._report_alias(place, name)
            anchored = _Anchored(BrokenNode(place.line, place.column), 1, 0)
        if anchored.node is None:
            raise FatalDiagnostic(place, f"the alias {name} refers to the value that contains it")
        # rule alias_depth
        self._check_depth(place, anchored.height)
        if isinstance(anchored.node, ScalarNode):
            self.dropped.forget_anchor(anchored.node)
        # rule alias_size
        self._count_nodes(place, anchored.size)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, anchored.height + 1)
        # rule alias_node
        self._attach(anchored.node, place)

    def _attach(self, node: Node, place: Positioned | None = None) -> None:
        """Put a finished node where it belongs. `place` is that of an alias."""
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        if isinstance(frame.node, SequenceNode):
            frame.node.items.append(node)
            self._check_length(frame.node, len(frame.node.items))
            if self._item_depth == len(self._stack) == 2:
                self._on_item(frame.node, node)
        elif frame.key is None:
            frame.key = node if place is None and isinstance(node, ScalarNode) else self._to_key(node, place or node)
        else:
            self._add_entry(frame.node, frame, frame.key, node)
            frame.key = None

    def _to_key(self, node: Node, place: Positioned) -> Node:
        if isinstance(node, ScalarNode):
            return node._replace(line=place.line, column=place.column)
        if not isinstance(node, BrokenNode):
            name = next(iter(node.entries), "") if isinstance(node, MappingNode) else ""
            hint = f"write a variable as `${{{name}}}`, and its text in quotes" if name.isidentifier() else ""
            self._diagnostics.error(place, "a key must be text, not a list or a mapping", hint)
        return BrokenNode(place.line, place.column)

    def _add_entry(self, mapping: MappingNode, frame: _Frame, key: Node, value: Node) -> None:
        if not isinstance(key, ScalarNode):
            return
        if key.text == "<<" and not key.tag:
            self._add_merge(frame, key, value)
        # rule duplicate_keys
        elif key.text in mapping.entries:
            first = mapping.entries[key.text][0]
            message = f"duplicate key {quoted(key.text)}, first written at {first.line}:{first.column}"
            self._diagnostics.error(key, message, "keep one of them")
        else:
            mapping.entries[key.text] = (key, value)
            self._check_length(mapping, len(mapping.entries))

    def _add_merge(self, frame: _Frame, key: ScalarNode, value: Node) -> None:
        if frame.merged:
            self._diagnostics.error(key, "duplicate key `<<`", "merge several with `<<: [*first, *second]`")
            return
        for part in value.items if isinstance(value, SequenceNode) else [value]:
            if isinstance(part, MappingNode):
                frame.merged.append(part)
            elif not isinstance(part, BrokenNode):
                self._diagnostics.error(part, "only mappings can be merged with `<<`", "write it like `<<: *name`")

    def _check_length(self, collection: SequenceNode | MappingNode, length: int) -> None:
        if length > MAX_ITEMS:
            kind = "list" if isinstance(collection, SequenceNode) else "mapping"
            message = f"this {kind} has more than {MAX_ITEMS:,} entries"
            raise FatalDiagnostic(collection, message, "split the campaign")

    def _count_written(self, node: Node) -> None:
        """Count a node that is written, not one that an alias stands for."""
        self._count_nodes(node, 1)
        self._written_count += 1
        at = self._item_depth
        if len(self._stack) > at and self._written_count - self._stack[at].written_before > MAX_NODES_PER_ITEM:
            message = f"the value that begins here has more than {MAX_NODES_PER_ITEM:,} nodes"
            raise FatalDiagnostic(self._stack[at].node, message, "split the campaign")

    def _count_nodes(self, place: Positioned, nodes: int) -> None:
        self._node_count += nodes
        if self._node_count > MAX_NODES:
            raise FatalDiagnostic(place, f"with its aliases expanded, the manifest has more than {MAX_NODES:,} nodes")

    def _check_depth(self, place: Positioned, levels: int) -> None:
        if len(self._stack) + levels > MAX_DEPTH:
            raise too_deep_error(place)

    def _set_anchor(self, name: str, node: Node, anchored: _Anchored) -> None:
        if name in self._anchors:
            hint = "give one of them another name"
            first = self._anchors[name].node
            for each in (first, node):
                if isinstance(each, ScalarNode):
                    self.dropped.forget(each)
            if isinstance(node, ScalarNode) and node.text:
                hint += f", or {self._put_in_quotes(node)}"
            self._diagnostics.error(node, f"the anchor {quoted(f'&{name}')} is set twice", hint)
        self._anchors[name] = anchored

    def _report_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> BrokenNode:
        place = position_of(event.start_mark)
        shown = (event.tag or "").replace(TAG_PREFIX, "!!")
        is_text = isinstance(event, yaml.ScalarEvent) and not shown.startswith("!!")
        hint = f"remove it, or {self._put_in_quotes(place)}" if is_text else "remove it"
        self._diagnostics.error(place, f"the YAML tag {quoted(shown)} is not allowed here", hint)
        return BrokenNode(place.line, place.column)

    def _report_alias(self, place: Positioned, name: str) -> None:
        value = self.dropped.lines.find_value(place, self.innermost)
        if value is not None and value.text.startswith("*") and " " in value.text:
            # the parser would stumble over the rest of the text
            raise FatalDiagnostic(place, "a text cannot begin with `*`", put_in_quotes(value))
        self._diagnostics.error(place, f"the alias {name} has no anchor before it", put_in_quotes(value, "the text"))

    def _put_in_quotes(self, place: Positioned) -> str:
        """The hint for a text that begins at a place and is no text to YAML."""
        return put_in_quotes(self.dropped.lines.find_value(place, self.innermost), "the text")


def too_deep_error(place: Positioned) -> FatalDiagnostic:
    """The error at the first level that is one too many."""
    return FatalDiagnostic(place, f"lists and mappings are nested deeper than {MAX_DEPTH} levels here")


def position_of(mark: Any) -> Position:
    """A mark's place. libyaml's marks and PyYAML's own have no type in common."""
    return Position(mark.line + 1, mark.column + 1)


def _line_and_column(mark: Any) -> tuple[int, int]:
    """The same as two numbers, which is faster for the many nodes of a document."""
    return mark.line + 1, mark.column + 1

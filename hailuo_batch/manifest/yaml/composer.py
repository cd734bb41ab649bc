"""From YAML's stream of events to nodes, in one pass and without recursion.

Guards what a document may do before anything is built of it: its depth and its size with every alias written out,
tags, duplicate keys, several documents. Knows nothing of files or of the manifest's language.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from hailuo_batch.manifest.diagnostics import START, Place, Refused, Report, Spot
from hailuo_batch.manifest.files.text_files import UNPRINTABLE
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import Broken, Mapping, Node, Scalar, Sequence

# rule most_nodes
MAX_NODES = 5_000_000
# rule most_levels
MAX_DEPTH = 50
MAX_ITEMS = 100_000  # no list or mapping of a campaign of 100,000 takes has more
MAX_NODES_OF_ONE = 250_000  # neither has one shot, or one value beside them, as many as make reading on pointless

_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = {"!": "str"} | {_CORE + name: name for name in ("str", "int", "float", "bool", "null")}
_COLLECTION_TAGS = {
    yaml.SequenceStartEvent: frozenset({None, "!", _CORE + "seq"}),
    yaml.MappingStartEvent: frozenset({None, "!", _CORE + "map"}),
}

Watch = Callable[[Sequence, Node], None]


@dataclass(slots=True)
class _Frame:
    """A collection that is being read: what came before it, and how deep it has become."""

    node: Sequence | Mapping
    anchor: str | None
    count_before: int
    written_before: int
    allowed: bool
    height: int = 1
    key: Node | None = None
    merged: list[Mapping] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for: its node (None while it is still being read), its nodes and its levels."""

    node: Node | None
    size: int
    height: int


class Composer:
    """Builds the nodes of one document.

    `root` is None where there was none; `read_to` is where the last event ended. `watch` is given each item of a list
    under `watched`, a key of the root, with that list, as soon as it is read.
    """

    def __init__(self, report: Report, watched: str, watch: Watch) -> None:
        self.root: Node | None = None
        self.read_to: Place = START
        self._report = report
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._count = 0
        self._written = 0
        self._watched = watched
        self._watch = watch
        self._one_at = 0  # how deep in the stack lies what is one thing of many: an item that is watched, else a value

    def compose(self, events: Iterable[yaml.Event]) -> Node | None:
        """The document's root. Raises Refused where the document is beyond its limits, and what the parser raises."""
        event: yaml.Event | None = None
        try:
            for event in events:
                if isinstance(event, yaml.ScalarEvent):
                    self._scalar(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self._close()
                elif isinstance(event, yaml.CollectionStartEvent):
                    self._open(event)
                elif isinstance(event, yaml.AliasEvent):
                    self._alias(event)
                # rule one_document
                elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                    hint = "keep one document to a file"
                    raise Refused(_spot(event), "a second YAML document begins here", hint)
        finally:
            self.read_to = START if event is None else Spot(*_place(event.end_mark))
        return self.root

    @property
    def depth(self) -> int:
        """How many collections are open."""
        # name open_collections
        return len(self._stack)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        node: Node = self._read_scalar(event)
        self._write(node)
        if event.anchor is not None:
            self._anchor(event.anchor, node, _Anchored(node, 1, 0))
        self._add(node)

    def _read_scalar(self, event: yaml.ScalarEvent) -> Scalar | Broken:
        text, style = event.value, event.style
        (line, column), (end_line, end_column) = _place(event.start_mark), _place(event.end_mark)
        # rule object_tags
        if event.tag is None:
            tag = "" if event.implicit[0] else "str"
        elif event.tag in _SCALAR_TAGS:
            tag = _SCALAR_TAGS[event.tag]
        else:
            return self._refuse_tag(event)
        if style == '"' and UNPRINTABLE.search(text):
            self._report.error(Spot(line, column), "this text holds a control character or half a character")
            return Broken(line, column)
        quotes = 1 if style in {'"', "'"} else 0
        as_in_file = end_line == line and end_column - column == len(text) + 2 * quotes
        return Scalar(text, line, column, tag, quotes if as_in_file else -1)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        line, column = _place(event.start_mark)
        allowed = event.tag in _COLLECTION_TAGS[type(event)]
        if not allowed:
            self._refuse_tag(event)
        node = Sequence(line, column, []) if isinstance(event, yaml.SequenceStartEvent) else Mapping(line, column, {})
        if event.anchor is not None:
            self._anchor(event.anchor, node, _Anchored(None, 0, 0))
        if len(self._stack) == 1 and isinstance(self._stack[0].key, Scalar):
            self._one_at = 2 if self._stack[0].key.text == self._watched else 1
        self._stack.append(_Frame(node, event.anchor, self._count, self._written, allowed))
        self._deepen(node, 0)
        self._write(node)

    def _close(self) -> None:
        frame = self._stack.pop()
        if isinstance(frame.node, Mapping) and frame.merged:
            # rule merge_keys
            _merge(frame.node, frame.merged)
        node = frame.node if frame.allowed else Broken(frame.node.line, frame.node.column)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(node, self._count - frame.count_before, frame.height)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, frame.height + 1)
        self._add(node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = _spot(event)
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            self._report.error(place, f"the alias {quoted(f'*{event.anchor}')} has no anchor before it")
            anchored = _Anchored(Broken(place.line, place.column), 1, 0)
        if anchored.node is None:
            raise Refused(
                place, f"the alias {quoted(f'*{event.anchor}')} stands inside what it names, which would never end"
            )
        # rule alias_depth
        self._deepen(place, anchored.height)
        # rule alias_size
        self._grow(place, anchored.size)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, anchored.height + 1)
        # rule alias_node
        self._add(anchored.node, place)

    def _add(self, node: Node, place: Place | None = None) -> None:
        """Puts a finished node where it belongs. `place` is that of an alias."""
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
            self._limit(frame.node, len(frame.node.items))
            if self._one_at == len(self._stack) == 2:
                self._watch(frame.node, node)
        elif frame.key is None:
            frame.key = self._key(node, place or node)
        else:
            self._put(frame.node, frame, frame.key, node)
            frame.key = None

    def _key(self, node: Node, place: Place) -> Node:
        if isinstance(node, Scalar):
            return node._replace(line=place.line, column=place.column)
        if not isinstance(node, Broken):
            self._report.error(place, "a key must be a text, not a list or a mapping")
        return Broken(place.line, place.column)

    def _put(self, mapping: Mapping, frame: _Frame, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            return
        if key.text == "<<" and not key.tag:
            self._note_merge(frame, key, value)
        # rule duplicate_keys
        elif key.text in mapping.entries:
            first = mapping.entries[key.text][0]
            self._report.error(
                key,
                f"duplicate key {quoted(key.text)}, first written at {first.line}:{first.column}",
                "keep one of them",
            )
        else:
            mapping.entries[key.text] = (key, value)
            self._limit(mapping, len(mapping.entries))

    def _note_merge(self, frame: _Frame, key: Scalar, value: Node) -> None:
        if frame.merged:
            self._report.error(key, "duplicate key `<<`", "merge several with `<<: [*first, *second]`")
            return
        for part in value.items if isinstance(value, Sequence) else [value]:
            if isinstance(part, Mapping):
                frame.merged.append(part)
            elif not isinstance(part, Broken):
                self._report.error(part, "only mappings can be merged with `<<`", "write it like `<<: *name`")

    def _limit(self, collection: Sequence | Mapping, items: int) -> None:
        if items > MAX_ITEMS:
            kind = "list" if isinstance(collection, Sequence) else "mapping"
            raise Refused(collection, f"this {kind} has more than {MAX_ITEMS:,} entries", "split the campaign")

    def _write(self, node: Node) -> None:
        """Counts a node that is written, not one that an alias stands for."""
        self._grow(node, 1)
        self._written += 1
        at = self._one_at
        if len(self._stack) > at and self._written - self._stack[at].written_before > MAX_NODES_OF_ONE:
            one = self._stack[at].node
            raise Refused(one, f"what begins here has more than {MAX_NODES_OF_ONE:,} nodes", "split the campaign")

    def _grow(self, place: Place, nodes: int) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            raise Refused(place, f"with its aliases written out the manifest has more than {MAX_NODES:,} nodes")

    def _deepen(self, place: Place, levels: int) -> None:
        if len(self._stack) + levels > MAX_DEPTH:
            raise too_deep(place)

    def _anchor(self, name: str, place: Place, anchored: _Anchored) -> None:
        if name in self._anchors:
            self._report.error(place, f"the anchor {quoted(f'&{name}')} is set twice", "give one of them another name")
        self._anchors[name] = anchored

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> Broken:
        place = _spot(event)
        shown = (event.tag or "").replace(_CORE, "!!")
        self._report.error(place, f"the YAML tag {quoted(shown)} is not allowed here", "remove it")
        return Broken(place.line, place.column)


def too_deep(place: Place) -> Refused:
    """The finding at the first level that is one too many."""
    return Refused(place, f"lists and mappings are nested deeper than {MAX_DEPTH} levels here")


def _merge(mapping: Mapping, parts: list[Mapping]) -> None:
    """A mapping's own keys come before those of what it merges, and those of an earlier part before a later one's."""
    for part in parts:
        for key, entry in part.entries.items():
            # rule merged_last
            mapping.entries.setdefault(key, entry)


def _spot(event: yaml.Event) -> Spot:
    return Spot(*_place(event.start_mark))


def _place(mark: Any) -> tuple[int, int]:
    """A mark's line and column from 1. libyaml's marks and PyYAML's own have no type in common."""
    return mark.line + 1, mark.column + 1

"""Which scalars of a manifest are sent to the provider, as they are written or put into a text that is.

Knows the manifest's keys, not their rules: what is wrong is walked over as far as it goes. Names, tags, notes and
numbers of the campaign's own are not sent.
"""

from collections.abc import Iterator

from hailuo_batch.manifest.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from hailuo_batch.warning_codes import WarningCode

# rule sent_keys
_SENT_KEYS = ("prompt", "image_urls", "matrix", "rows", "input")


def sent_scalars(root: MappingNode) -> Iterator[ScalarNode]:
    """The scalars that are sent, except those of shots that accept dropped text. Aliased lists come once."""
    shots = root.get("shots")
    seen: set[int] = set()
    yield from _scalars(root.get("vars"), seen)
    yield from _sent_values(root.get("defaults"), seen)
    for shot in shots.items if isinstance(shots, SequenceNode) else []:
        # rule accepted_in_shot
        if not _accepts_dropped_text(shot):
            yield from _sent_values(shot, seen)


def _sent_values(node: Node | None, seen: set[int]) -> Iterator[ScalarNode]:
    """The scalars of the sent keys of a shot, or of the defaults."""
    if isinstance(node, MappingNode):
        for key in _SENT_KEYS:
            yield from _scalars(node.get(key), seen)


def _scalars(node: Node | None, seen: set[int]) -> Iterator[ScalarNode]:
    """All scalar values in a node, however deep. Levels are few: the composer sees to that."""
    if isinstance(node, ScalarNode):
        yield node
        return
    if id(node) in seen:
        return
    if isinstance(node, SequenceNode):
        seen.add(id(node))
        for item in node.items:
            yield from _scalars(item, seen)
    elif isinstance(node, MappingNode):
        seen.add(id(node))
        for _, value in node.entries.values():
            yield from _scalars(value, seen)


def _accepts_dropped_text(shot: Node) -> bool:
    codes = shot.get("accept") if isinstance(shot, MappingNode) else None
    items = codes.items if isinstance(codes, SequenceNode) else []
    return any(isinstance(item, ScalarNode) and item.text == WarningCode.DROPPED_TEXT for item in items)

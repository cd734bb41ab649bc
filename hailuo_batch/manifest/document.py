"""A manifest as its author wrote it, read from nodes: typed, not yet expanded, every text with its place.

Reading is tolerant: what a schema has already reported reads as absent, so that the rest can still be checked.
Nothing here reports, but for amounts and durations, whose exact notation no JSON Schema can say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.validation.schema_errors import is_model, is_take_count, leaf_schema, report_invalid_value
from hailuo_batch.manifest.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode, to_data
from hailuo_batch.values import Limits, parse_duration, parse_usd

_EMPTY_MAPPING = MappingNode(1, 1, {})


@dataclass(frozen=True, slots=True)
class RawShot:
    """One entry of `shots`, with what it takes over from `defaults`. None stands for what is absent or wrong."""

    node: MappingNode
    id: ScalarNode | None
    prompt: ScalarNode | None
    image_urls: tuple[ScalarNode, ...]
    tags: tuple[ScalarNode, ...]
    takes: int
    model: ScalarNode | None
    matrix: MappingNode | None
    rows: ScalarNode | None
    input: MappingNode | None

    def template_nodes(self) -> Iterator[ScalarNode]:
        """The texts that variables are put into, as far as they are there."""
        return (text for text in (self.id, self.prompt, *self.image_urls, *self.tags) if text is not None)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole manifest. `variables` are the texts of `vars`, None where nothing can be said of them."""

    node: MappingNode

    @property
    def campaign(self) -> str:
        """The campaign's name."""
        return _text_or_empty(self.node.get("campaign"))

    @property
    def description(self) -> str:
        """The free text for the report."""
        # rule free_description
        return _text_or_empty(self.node.get("description")).strip()

    @property
    def variables(self) -> dict[str, str] | None:
        """The texts of `vars`. A value that is wrong stands as its own name, so that its uses raise no new noise."""
        node = self.node.get("vars")
        if node is None:
            return {}
        if not isinstance(node, MappingNode):
            return None
        # rule vars_as_written
        return {
            name: value.text if isinstance(value, ScalarNode) else name for name, (_, value) in node.entries.items()
        }

    @property
    def image_settings(self) -> dict[str, ScalarNode | None]:
        """What stands under `images`; None for what is no text. Both keys, where `images` itself is wrong."""
        node = self.node.get("images")
        if node is not None and not isinstance(node, MappingNode):
            return {"base_url": None, "dir": None}
        return {} if node is None else {key: _as_text(value) for key, (_, value) in node.entries.items()}

    @property
    def shot_nodes(self) -> list[Node]:
        """The entries of `shots`."""
        node = self.node.get("shots")
        return node.items if isinstance(node, SequenceNode) else []

    def read_shots(self) -> list[RawShot]:
        """The written shots, in order; entries that are no mapping are left out."""
        defaults = self.node.get("defaults")
        inherited = defaults if isinstance(defaults, MappingNode) else _EMPTY_MAPPING
        # rule named_model
        model = _as_model(self.node.get("model"))
        return [_read_shot(node, inherited, model) for node in self.shot_nodes if isinstance(node, MappingNode)]


def _read_shot(node: MappingNode, defaults: MappingNode, model: ScalarNode | None) -> RawShot:
    def value(key: str) -> Node | None:
        # rule shot_defaults
        return node.get(key) if key in node.entries else defaults.get(key)

    own_model = value("model")
    return RawShot(
        node=node,
        id=_as_text(node.get("id")),
        prompt=_as_text(node.get("prompt")),
        image_urls=_as_texts(value("image_urls")),
        tags=_as_texts(value("tags")),
        takes=_read_takes(value("takes")),
        model=model if own_model is None else _as_model(own_model),
        matrix=_as_mapping(node.get("matrix")),
        rows=_as_text(node.get("rows")),
        input=_as_mapping(value("input")),
    )


def read_limits(document: Document, diagnostics: Diagnostics) -> Limits:
    """The manifest's limits. Reports amounts and durations that are not written as such."""
    node = document.node.get("limits")
    limits = node if isinstance(node, MappingNode) else _EMPTY_MAPPING
    timeout = _read_duration(limits, "run_timeout", diagnostics)
    return Limits(
        # rule cap_read
        max_spend_micro_usd=_read_money(limits, "max_spend_usd", diagnostics),
        expected_cost_micro_usd=_read_money(limits, "expected_cost_usd", diagnostics),
        max_attempts=_read_integer(limits.get("max_attempts")) or Limits().max_attempts,
        # rule in_flight_read
        max_in_flight=_read_integer(limits.get("max_in_flight")),
        run_timeout_s=Limits().run_timeout_s if timeout is None else timeout,
    )


def _read_money(limits: MappingNode, key: str, diagnostics: Diagnostics) -> int | None:
    node = limits.get(key)
    if isinstance(node, ScalarNode) and isinstance(to_data(node, 0), int | Decimal):
        try:
            # rule money_read
            return parse_usd(node.text)
        except ValueError:
            report_invalid_value(leaf_schema("limits", key), node, f"`{key}`", diagnostics)
    return None


def _read_duration(limits: MappingNode, key: str, diagnostics: Diagnostics) -> float | None:
    node = _as_text(limits.get(key))
    if node is not None:
        try:
            return parse_duration(node.text)
        except ValueError:
            report_invalid_value(leaf_schema("limits", key), node, f"`{key}`", diagnostics)
    return None


def _read_integer(node: Node | None) -> int | None:
    value = to_data(node, 0) if isinstance(node, ScalarNode) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read_takes(node: Node | None) -> int:
    takes = _read_integer(node)
    return takes if takes is not None and is_take_count(takes) else 1


def _as_text(node: Node | None) -> ScalarNode | None:
    return node if isinstance(node, ScalarNode) and node.text and node.type == "str" else None


def _as_model(node: Node | None) -> ScalarNode | None:
    text = _as_text(node)
    return text if text is not None and is_model(text.text) else None


def _as_mapping(node: Node | None) -> MappingNode | None:
    return node if isinstance(node, MappingNode) else None


def _as_texts(node: Node | None) -> tuple[ScalarNode, ...]:
    items = node.items if isinstance(node, SequenceNode) else []
    return tuple(text for text in map(_as_text, items) if text is not None)


def _text_or_empty(node: Node | None) -> str:
    text = _as_text(node)
    return "" if text is None else text.text

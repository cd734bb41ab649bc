"""A manifest as its author wrote it, read from nodes: typed, not yet expanded, every text with its place.

Reading is tolerant: what a schema has already reported reads as absent, so that the rest can still be checked.
Nothing here reports, but for amounts and durations, whose exact notation no JSON Schema can say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from hailuo_batch.manifest.diagnostics import Report
from hailuo_batch.manifest.validation.schema_errors import is_model, is_takes, leaf_schema, tell_wrong
from hailuo_batch.manifest.yaml.nodes import Mapping, Node, Scalar, Sequence, data_of
from hailuo_batch.values import Limits, parse_duration, parse_usd

_NOTHING = Mapping(1, 1, {})


@dataclass(frozen=True, slots=True)
class WrittenShot:
    """One entry of `shots`, with what it takes over from `defaults`. None stands for what is absent or wrong."""

    node: Mapping
    id: Scalar | None
    prompt: Scalar | None
    image_urls: tuple[Scalar, ...]
    tags: tuple[Scalar, ...]
    takes: int
    model: Scalar | None
    matrix: Mapping | None
    rows: Scalar | None
    input: Mapping | None

    def texts(self) -> Iterator[Scalar]:
        """The texts that variables are put into, as far as they are there."""
        return (text for text in (self.id, self.prompt, *self.image_urls, *self.tags) if text is not None)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole manifest. `variables` are the texts of `vars`, None where nothing can be said of them."""

    node: Mapping

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
        if not isinstance(node, Mapping):
            return None
        # rule vars_as_written
        return {name: value.text if isinstance(value, Scalar) else name for name, (_, value) in node.entries.items()}

    @property
    def image_settings(self) -> dict[str, Scalar | None]:
        """What stands under `images`; None for what is no text. Both keys, where `images` itself is wrong."""
        node = self.node.get("images")
        if node is not None and not isinstance(node, Mapping):
            return {"base_url": None, "dir": None}
        return {} if node is None else {key: _text(value) for key, (_, value) in node.entries.items()}

    @property
    def shot_nodes(self) -> list[Node]:
        """The entries of `shots`."""
        node = self.node.get("shots")
        return node.items if isinstance(node, Sequence) else []

    def read_shots(self) -> list[WrittenShot]:
        """The written shots, in order; entries that are no mapping are left out."""
        defaults = self.node.get("defaults")
        inherited = defaults if isinstance(defaults, Mapping) else _NOTHING
        # rule named_model
        model = _model(self.node.get("model"))
        return [_read_shot(node, inherited, model) for node in self.shot_nodes if isinstance(node, Mapping)]


def _read_shot(node: Mapping, defaults: Mapping, model: Scalar | None) -> WrittenShot:
    def value(key: str) -> Node | None:
        # rule shot_defaults
        return node.get(key) if key in node.entries else defaults.get(key)

    own_model = value("model")
    return WrittenShot(
        node=node,
        id=_text(node.get("id")),
        prompt=_text(node.get("prompt")),
        image_urls=_texts(value("image_urls")),
        tags=_texts(value("tags")),
        takes=_takes(value("takes")),
        model=model if own_model is None else _model(own_model),
        matrix=_mapping(node.get("matrix")),
        rows=_text(node.get("rows")),
        input=_mapping(value("input")),
    )


def read_limits(document: Document, report: Report) -> Limits:
    """The manifest's limits. Reports amounts and durations that are not written as such."""
    node = document.node.get("limits")
    limits = node if isinstance(node, Mapping) else _NOTHING
    timeout = _duration(limits, "run_timeout", report)
    return Limits(
        # rule cap_read
        max_spend_micro_usd=_money(limits, "max_spend_usd", report),
        expected_cost_micro_usd=_money(limits, "expected_cost_usd", report),
        max_attempts=_whole(limits.get("max_attempts")) or Limits().max_attempts,
        # rule in_flight_read
        max_in_flight=_whole(limits.get("max_in_flight")),
        run_timeout_s=Limits().run_timeout_s if timeout is None else timeout,
    )


def _money(limits: Mapping, key: str, report: Report) -> int | None:
    node = limits.get(key)
    if isinstance(node, Scalar) and isinstance(data_of(node, 0), int | Decimal):
        try:
            # rule money_read
            return parse_usd(node.text)
        except ValueError:
            tell_wrong(leaf_schema("limits", key), node, f"`{key}`", report)
    return None


def _duration(limits: Mapping, key: str, report: Report) -> float | None:
    node = _text(limits.get(key))
    if node is not None:
        try:
            return parse_duration(node.text)
        except ValueError:
            tell_wrong(leaf_schema("limits", key), node, f"`{key}`", report)
    return None


def _whole(node: Node | None) -> int | None:
    value = data_of(node, 0) if isinstance(node, Scalar) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _takes(node: Node | None) -> int:
    takes = _whole(node)
    return takes if takes is not None and is_takes(takes) else 1


def _text(node: Node | None) -> Scalar | None:
    return node if isinstance(node, Scalar) and node.text and node.type == "str" else None


def _model(node: Node | None) -> Scalar | None:
    text = _text(node)
    return text if text is not None and is_model(text.text) else None


def _mapping(node: Node | None) -> Mapping | None:
    return node if isinstance(node, Mapping) else None


def _texts(node: Node | None) -> tuple[Scalar, ...]:
    items = node.items if isinstance(node, Sequence) else []
    return tuple(text for text in map(_text, items) if text is not None)


def _text_or_empty(node: Node | None) -> str:
    text = _text(node)
    return "" if text is None else text.text

"""A manifest as its author wrote it, read from nodes: typed, not yet expanded, every text with its place.

Reading is tolerant: what the schema has already reported reads as absent, so that the rest can still be checked.
Nothing here reports, except amounts and durations, whose exact notation no JSON Schema can express.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from hailuo_batch.manifest.diagnostics import Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.expansion.templates import (
    KnownNames,
    Template,
    check_template,
    fill_known,
    filled_length,
    lone_variable,
    parse_template,
)
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import is_model, is_take_count, leaf_schema, report_invalid_value
from hailuo_batch.manifest.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode, to_data
from hailuo_batch.values import DEFAULT_MODEL, Limits, parse_duration, parse_usd
from hailuo_batch.warning_codes import WarningCode

_T = TypeVar("_T")
_EMPTY_MAPPING = MappingNode(1, 1, {})
MAX_VARIABLE_LENGTH = 1_000_000


@dataclass(frozen=True, slots=True)
class RawShot:
    """One entry of `shots`, completed from `defaults`, not yet expanded. None stands for what is absent or wrong.

    `takes_text` and `tags_text` are the one variable that stands for the number of takes, and for all tags; `takes` is
    then the number for a blank value. `names` are those that its texts use, each once, but for those in its `input`.
    """

    node: MappingNode
    id: Template | None
    prompt: Template | None
    image_urls: tuple[Template | None, ...]
    tags: tuple[Template | None, ...]
    takes: int
    model: ScalarNode | None
    matrix: MappingNode | None
    rows: ScalarNode | SequenceNode | None
    input: MappingNode | None
    takes_text: Template | None = None
    tags_text: Template | None = None
    names: tuple[str, ...] = ()
    accepted: frozenset[WarningCode] = frozenset()

    @property
    def model_name(self) -> str:
        """The model that makes its videos."""
        return DEFAULT_MODEL if self.model is None else self.model.text

    def templates(self) -> Iterator[Template]:
        """The texts that variables are filled into."""
        texts = (self.id, self.prompt, *self.image_urls, *self.tags, self.takes_text, self.tags_text)
        return (each for each in texts if each is not None)

    def checked(self, names: KnownNames | None, diagnostics: Diagnostics) -> "RawShot":
        """The same without the templates that cannot be filled in with these names, which are reported.

        `names` is None if it cannot be told which names there are.
        """
        texts = (each for each in self.templates() if each.names or each.lone_dollars)
        wrong = {id(each) for each in texts if not check_template(each, names, diagnostics)}
        if not wrong:
            return self

        def keep(template: Template | None) -> Template | None:
            return None if id(template) in wrong else template

        return replace(
            self,
            id=keep(self.id),
            prompt=keep(self.prompt),
            image_urls=tuple(map(keep, self.image_urls)),
            tags=tuple(map(keep, self.tags)),
            takes_text=keep(self.takes_text),
            tags_text=keep(self.tags_text),
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A whole manifest. `node` is its root."""

    node: MappingNode

    @property
    def campaign(self) -> str:
        """The campaign's name; empty if it is absent or wrong."""
        return _text_or_empty(self.node.get("campaign"))

    @property
    def description(self) -> str:
        """The free text for the report."""
        # rule free_description
        return _text_or_empty(self.node.get("description")).strip()

    @property
    def accepted(self) -> frozenset[WarningCode]:
        """The warnings that are accepted in the whole manifest."""
        return _as_codes(self.node.get("accept"))

    @property
    def variable_nodes(self) -> dict[str, tuple[ScalarNode, Node]] | None:
        """The names and the values of `vars`; None if `vars` itself is wrong."""
        node = self.node.get("vars")
        if node is None:
            return {}
        return node.entries if isinstance(node, MappingNode) else None

    def read_variables(self) -> dict[str, str] | None:
        """The texts of `vars`, each with the ones above it filled in; None if `vars` itself is wrong.

        A value that is wrong reads as its own name, so that its uses are not reported as well. Raises FatalDiagnostic
        for a text that grows too long.
        """
        nodes = self.variable_nodes
        if nodes is None:
            return None
        values = dict[str, str]()
        for name, (key, value) in nodes.items():
            # rule vars_as_written
            text = value.text if isinstance(value, ScalarNode) else name
            if filled_length(text, values) > max(MAX_VARIABLE_LENGTH, len(text)):
                message = f"with the variables above it filled in, {quoted(name)} is longer than a million characters"
                raise FatalDiagnostic(key, message, "shorten it")
            # rule vars_in_vars
            values[name] = fill_known(text, values)
        return values

    @property
    def image_settings(self) -> dict[str, ScalarNode | None]:
        """The keys of `images`; None for a value that is not text. Both keys, if `images` itself is wrong."""
        node = self.node.get("images")
        if node is not None and not isinstance(node, MappingNode):
            return {"base_url": None, "dir": None}
        return {} if node is None else {key: _as_text(value) for key, (_, value) in node.entries.items()}

    def read_shots(self) -> list[RawShot]:
        """The raw shots, in order; entries that are not mappings are left out.

        Raises FatalDiagnostic for a text with too many variables.
        """
        shots = self.node.get("shots")
        items = shots.items if isinstance(shots, SequenceNode) else []
        defaults = _as_mapping(self.node.get("defaults")) or _EMPTY_MAPPING
        # rule named_model
        model = _as_model(self.node.get("model"))
        return [_read_shot(node, defaults, model) for node in items if isinstance(node, MappingNode)]


def _read_shot(node: MappingNode, defaults: MappingNode, model: ScalarNode | None) -> RawShot:
    # rule shot_defaults
    entries = {**defaults.entries, **node.entries}

    def value(key: str) -> Node | None:
        entry = entries.get(key)
        return None if entry is None else entry[1]

    shot_id, prompt = _as_template(node.get("id")), _as_template(node.get("prompt"))
    image_urls, tags = _as_templates(value("image_urls")), _as_templates(value("tags"))
    takes_text, tags_text = _as_lone_variable(value("takes")), _as_lone_variable(value("tags"))
    texts = (shot_id, prompt, *image_urls, *tags, takes_text, tags_text)
    names = tuple(dict.fromkeys(name for text in texts if text is not None for name in text.names))
    own_model, takes = value("model"), _as_integer(value("takes"))
    usual_takes = _as_integer(defaults.get("takes")) if takes is None else takes
    return RawShot(
        node=node,
        id=shot_id,
        prompt=prompt,
        image_urls=image_urls,
        tags=tags,
        takes=usual_takes if usual_takes is not None and is_take_count(usual_takes) else 1,
        model=model if own_model is None else _as_model(own_model),
        matrix=_as_mapping(node.get("matrix")),
        rows=_as_rows(node.get("rows")),
        input=_as_mapping(value("input")),
        takes_text=takes_text,
        tags_text=tags_text,
        names=names,
        accepted=_as_codes(node.get("accept")),
    )


def read_limits(document: Document, diagnostics: Diagnostics) -> Limits:
    """The manifest's limits. Reports amounts and durations that are not written as such."""
    limits = _as_mapping(document.node.get("limits")) or _EMPTY_MAPPING
    timeout_s = _parse(limits, "run_timeout", parse_duration, (str,), diagnostics)
    return Limits(
        # rule cap_read
        max_spend_micro_usd=_parse(limits, "max_spend_usd", parse_usd, (int, Decimal), diagnostics),
        expected_cost_micro_usd=_parse(limits, "expected_cost_usd", parse_usd, (int, Decimal), diagnostics),
        max_attempts=_as_integer(limits.get("max_attempts")) or Limits().max_attempts,
        # rule in_flight_read
        max_in_flight=_as_integer(limits.get("max_in_flight")),
        run_timeout_s=Limits().run_timeout_s if timeout_s is None else timeout_s,
    )


def _parse(
    limits: MappingNode, key: str, parse: Callable[[str], _T], types: tuple[type, ...], diagnostics: Diagnostics
) -> _T | None:
    """A limit that JSON Schema cannot check completely; None if it is absent or wrong, which is reported.

    It is read from its written text: as a float an amount would not be exact, and YAML reads `1:30` as 90.
    """
    node = limits.get(key)
    if not isinstance(node, ScalarNode) or not node.text or not isinstance(to_data(node, 0), types):
        return None
    try:
        # rule money_read
        return parse(node.text)
    except ValueError:
        report_invalid_value(leaf_schema("limits", key), node, f"`{key}`", diagnostics)
        return None


def _as_integer(node: Node | None) -> int | None:
    value = to_data(node, 0) if isinstance(node, ScalarNode) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _as_text(node: Node | None) -> ScalarNode | None:
    return node if isinstance(node, ScalarNode) and node.text and node.type == "str" else None


def _as_model(node: Node | None) -> ScalarNode | None:
    text = _as_text(node)
    return text if text is not None and is_model(text.text) else None


def _as_mapping(node: Node | None) -> MappingNode | None:
    return node if isinstance(node, MappingNode) else None


def _as_rows(node: Node | None) -> ScalarNode | SequenceNode | None:
    # rule inline_rows
    return node if isinstance(node, SequenceNode) and node.items else _as_text(node)


def _as_template(node: Node | None) -> Template | None:
    text = _as_text(node)
    return None if text is None else parse_template(text)


def _as_lone_variable(node: Node | None) -> Template | None:
    template = _as_template(node)
    return None if template is None or lone_variable(template) is None else template


def _as_templates(node: Node | None) -> tuple[Template, ...]:
    items = node.items if isinstance(node, SequenceNode) else []
    return tuple(parse_template(text) for text in map(_as_text, items) if text is not None)


def _as_codes(node: Node | None) -> frozenset[WarningCode]:
    if not isinstance(node, SequenceNode):
        return frozenset()
    texts = {item.text for item in node.items if isinstance(item, ScalarNode)}
    return frozenset(code for code in WarningCode if code in texts)


def _text_or_empty(node: Node | None) -> str:
    text = _as_text(node)
    return "" if text is None else text.text

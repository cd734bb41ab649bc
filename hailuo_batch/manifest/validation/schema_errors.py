"""Checks nodes against the JSON Schemas, and puts the errors into plain words.

A schema's own `errorMessage` (which editors show too) says what a value must be; here it gets its place and the
value that was found. Knows the schemas by their names only; what they say about the language is theirs.
"""

import functools
import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hailuo_batch import resources
from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.fast_check import Accepts, UnsupportedKeyword, compile_pattern, compile_schema
from hailuo_batch.manifest.validation.suggestions import MAX_CANDIDATES, closest_match, list_known, similarity, suggest
from hailuo_batch.manifest.validation.value_words import describe_invalid_value, misspelled_blank, split_message
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts
from hailuo_batch.manifest.yaml.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode
from hailuo_batch.manifest.yaml.written_values import put_in_quotes

Validator = Any  # jsonschema types its validators and errors as little as this
SchemaError = Any

_SURELY_MEANT = 0.8  # so similar a key is meant whatever its value
_KEY_END = re.compile(r"(?<=\w)\W")


@functools.cache
def manifest_schema() -> dict[str, Any]:
    """The manifest's schema."""
    schema: dict[str, Any] = json.loads(resources.load_schema_text("manifest"))
    return schema


class SchemaChecker:
    """A schema for many values: `accepts` decides fast, and `validator` explains what it does not accept."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self.accepts: Accepts
        try:
            self.accepts = compile_schema(schema, schema.get("$defs", {}))
        except UnsupportedKeyword:
            self.accepts = self.validator.is_valid

    @functools.cached_property
    def validator(self) -> Validator:
        """The library's validator of the schema."""
        from hailuo_batch.manifest.validation.json_schema import create_validator

        return create_validator(self._schema)


@functools.cache
def document_checker() -> SchemaChecker:
    """Checks a whole manifest except its shots, which are checked one by one so that one at a time is data."""
    schema = manifest_schema()
    shots = {key: value for key, value in schema["properties"]["shots"].items() if key != "items"}
    return SchemaChecker({**schema, "properties": {**schema["properties"], "shots": shots}})


@functools.cache
def shot_checker() -> SchemaChecker:
    """Checks one raw shot."""
    definitions = manifest_schema()["$defs"]
    return SchemaChecker({**definitions["shot"], "$defs": definitions})


@functools.lru_cache(maxsize=256)
def model_checker(model: str) -> SchemaChecker | None:
    """Checks the input of a model; None if no schema for it ships."""
    try:
        # rule model_file
        schema = json.loads(resources.load_schema_text(f"models/{model.replace('/', '-')}"))
    except OSError:
        return None
    # a file of another model may be found where file names ignore case, or where `a-b/c` meets `a/b-c`
    return SchemaChecker(schema) if schema.get("x-model") == model else None


def leaf_schema(*keys: str) -> dict[str, Any]:
    """The schema of the value that the keys lead to from the top of the manifest."""
    schema = manifest_schema()
    for key in keys:
        schema = schema["properties"][key]
    return schema


def is_model(text: str) -> bool:
    """Whether the text is spelled like a model, as `provider/name`."""
    return compile_pattern(manifest_schema()["$defs"]["model"]["pattern"]).search(text) is not None


def is_take_count(number: int) -> bool:
    """Whether a shot may have so many takes."""
    bounds = manifest_schema()["$defs"]["takes"]
    return bool(bounds["minimum"] <= number <= bounds["maximum"])


def report_schema_errors(
    validator: Validator,
    data: object,
    node: Node,
    name: str,
    diagnostics: Diagnostics,
    dropped: DroppedTexts | None = None,
) -> None:
    """Report all schema errors of `data`, which is `node` as data. `name` is what a person calls it.

    `dropped` tells of a value that is empty what became of its text. Equal errors of several shots are one finding.
    """
    reporter = _Reporter(validator, node, name, diagnostics, dropped)
    for error in validator.iter_errors(data):
        reporter.report(error)


def report_invalid_value(schema: dict[str, Any], node: Node, name: str, diagnostics: Diagnostics) -> None:
    """Report that a value is not what its schema's `errorMessage` says it must be."""
    found = describe_invalid_value(schema, node, name)
    diagnostics.error(node, found.message, found.hint)


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Reports the schema errors of one value, which a person calls `name`."""

    validator: Validator
    root: Node
    name: str
    diagnostics: Diagnostics
    dropped: DroppedTexts | None

    def report(self, error: SchemaError) -> None:
        """Report an error, or those of the one alternative that was meant."""
        path = tuple(error.absolute_path)
        node = _node_at(self.root, path)
        if isinstance(node, BrokenNode):
            return
        name = _describe_path(path, self.name)
        match error.validator:
            case "additionalProperties" if isinstance(node, MappingNode):
                self._report_unknown_keys(error, node, name)
            case "required" if isinstance(node, MappingNode):
                self._report_missing_keys(error, node, name)
            case "pattern" | "not" if isinstance(node, MappingNode):  # of the name of a key
                key_node = node.entries[str(error.instance)][0]
                must, hint = split_message(error.schema)
                self.diagnostics.error(key_node, f"the key {quoted(key_node.text)} {must}", hint)
            case "anyOf" | "oneOf" if _meant_alternative(error):
                for each in _meant_alternative(error):
                    self.report(each)
            case _:
                self._report_value(error, path, node, name)

    def _report_value(self, error: SchemaError, path: tuple[str | int, ...], node: Node, name: str) -> None:
        found = describe_invalid_value(error.schema, node, name)
        message, hint = found.message, found.hint
        if isinstance(node, ScalarNode) and self.dropped is not None and found.kind == "empty":
            dropped = self.dropped.find(node)
            if dropped is not None:
                message += f": YAML takes {quoted(self.dropped.shown(dropped))} for {dropped.kind}"
                hint = put_in_quotes(self.dropped.written(node, dropped))
                self.dropped.forget(node)
        self.diagnostics.error(node, message, hint, cause=self._cause(path, found.kind))

    def _cause(self, path: tuple[str | int, ...], kind: str) -> str:
        """What the same mistake in other shots, or in other items of a list, has in common with this one.

        Empty where nothing can repeat it, so that only the message counts.
        """
        if self.name == "the manifest" and all(isinstance(part, str) for part in path):
            return ""
        pattern = ".".join("[]" if isinstance(part, int) else part for part in path)
        return f"{self.name}: {pattern}: {kind}"

    def _report_unknown_keys(self, error: SchemaError, node: MappingNode, name: str) -> None:
        schema = error.schema
        for key, (key_node, _) in node.entries.items():
            if key in schema["properties"] or _is_authors_own(schema, key):
                continue
            message, hint = misspelled_blank(key) or (
                f"unknown key {quoted(key)} in {name}",
                self._suggest_key(key, schema, error.instance),
            )
            self.diagnostics.error(key_node, message, hint)

    def _suggest_key(self, key: str, schema: dict[str, Any], data: dict[str, Any]) -> str:
        """The hint for an unknown key: a known one that may take its place, else all of them."""
        known = list(schema["properties"])
        meant = closest_match(key, known)
        # rule key_taken
        if meant in data:
            return f"remove it: {quoted(meant)} is there already"
        if meant is not None and (
            similarity(key, meant) >= _SURELY_MEANT
            or self.validator.evolve(schema=schema["properties"][meant]).is_valid(data[key])
        ):
            return suggest(key, known)
        if re.match(r"[xX][-_.]", key) and _is_authors_own(schema, f"x-{key[2:]}"):
            return f"write {quoted(f'x-{key[2:]}')}: keys of your own begin with `x-`"
        return list_known(known)

    def _report_missing_keys(self, error: SchemaError, node: MappingNode, name: str) -> None:
        """Report each missing key, except one that is there under a misspelled name."""
        properties = error.schema["properties"]
        unknown = (key for key in node.entries if key not in properties and not _is_authors_own(error.schema, key))
        words = (_KEY_END.split(key, maxsplit=1)[0] for key in islice(unknown, MAX_CANDIDATES))
        meant = {closest_match(word, list(properties)) for word in words}
        for key in error.validator_value:
            if key not in node.entries and key not in meant:
                example = properties[key]["examples"][0]
                hint = f"add `{key}: {example}`" if isinstance(example, str | int) else f"add `{key}:`"
                self.diagnostics.error(node, f"{name} lacks `{key}`", hint)


def _is_authors_own(schema: dict[str, Any], key: str) -> bool:
    """Whether the schema leaves a key of this name to the author."""
    return any(compile_pattern(pattern).search(key) for pattern in schema.get("patternProperties", {}))


def _meant_alternative(error: SchemaError) -> list[SchemaError]:
    """The errors of the one alternative whose type the value has; none if that does not tell which one was meant."""
    by_alternative: dict[int, list[SchemaError]] = {}
    for each in error.context:
        by_alternative.setdefault(each.schema_path[0], []).append(each)
    meant = [
        errors
        for errors in by_alternative.values()
        if not any(each.validator == "type" and not each.path for each in errors)
    ]
    return meant[0] if len(meant) == 1 else []


def _node_at(node: Node, path: tuple[str | int, ...]) -> Node:
    for part in path:
        if isinstance(node, MappingNode):
            node = node.entries[str(part)][1]
        elif isinstance(node, SequenceNode):
            node = node.items[int(part)]
    return node


def _describe_path(path: tuple[str | int, ...], name: str) -> str:
    if not path:
        return name
    *before, last = path
    return quoted(last) if isinstance(last, str) else f"item {last + 1} of `{before[-1]}`"

"""Checks nodes against the JSON Schemas, and puts the errors into plain words.

A schema's own `errorMessage` (which editors show too) says what a value must be; here it gets its place and the
value that was found. Knows the schemas by their names only; what they say about the language is theirs.
"""

import difflib
import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from hailuo_batch import resources
from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.slugs import slug
from hailuo_batch.manifest.validation.fast_check import Accepts, UnsupportedKeyword, compile_pattern, compile_schema
from hailuo_batch.manifest.yaml.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode, to_data

Validator = Any  # jsonschema makes its validator classes at run time, and types them as little as their errors
SchemaError = Any

_compile_cached = functools.cache(compile_pattern)
_NEEDS_NO_QUOTES = re.compile(r"[\w./-]{1,50}")  # in a list between brackets
_MAX_CANDIDATES = 200  # how many words a suggestion looks at: a file of a million strange keys is not worth more


def _match_pattern(validator: Validator, pattern: str, instance: object, _schema: object) -> Iterator[ValidationError]:
    """The keyword `pattern`, with `$` as ECMA-262 defines it."""
    if validator.is_type(instance, "string") and not _compile_cached(pattern).search(str(instance)):
        yield ValidationError(f"it does not match {pattern}")


_extend: Callable[..., Validator] = jsonschema.validators.extend
_VALIDATOR_CLASS = _extend(jsonschema.Draft202012Validator, {"pattern": _match_pattern})


@functools.cache
def manifest_schema() -> dict[str, Any]:
    """The manifest's schema."""
    schema: dict[str, Any] = json.loads(resources.load_schema_text("manifest"))
    return schema


@functools.cache
def document_validator() -> Validator:
    """Validates a whole manifest except its shots, which are checked one by one so that one at a time is data."""
    schema = manifest_schema()
    shots = {key: value for key, value in schema["properties"]["shots"].items() if key != "items"}
    return _VALIDATOR_CLASS({**schema, "properties": {**schema["properties"], "shots": shots}})


@dataclass(frozen=True, slots=True)
class SchemaChecker:
    """A schema for many values: `accepts` decides fast, and `validator` explains what it does not accept."""

    validator: Validator
    accepts: Accepts

    @classmethod
    def create(cls, schema: dict[str, Any]) -> "SchemaChecker":
        """The checker of a schema."""
        validator = _VALIDATOR_CLASS(schema)
        try:
            return cls(validator, compile_schema(schema, schema.get("$defs", {})))
        except UnsupportedKeyword:
            return cls(validator, validator.is_valid)


@functools.cache
def shot_checker() -> SchemaChecker:
    """Checks one raw shot."""
    definitions = manifest_schema()["$defs"]
    return SchemaChecker.create({**definitions["shot"], "$defs": definitions})


@functools.lru_cache(maxsize=256)
def model_checker(model: str) -> SchemaChecker | None:
    """Checks the input of a model; None if no schema for it ships."""
    try:
        # rule model_file
        schema = json.loads(resources.load_schema_text(f"models/{model.replace('/', '-')}"))
    except OSError:
        return None
    # a file of another model may be found where file names ignore case, or where `a-b/c` meets `a/b-c`
    return SchemaChecker.create(schema) if schema.get("x-model") == model else None


def leaf_schema(*keys: str) -> dict[str, Any]:
    """The schema of the value that the keys lead to from the top of the manifest."""
    schema = manifest_schema()
    for key in keys:
        schema = schema["properties"][key]
    return schema


def is_model(text: str) -> bool:
    """Whether the text is spelled like a model, as `provider/name`."""
    return _compile_cached(manifest_schema()["$defs"]["model"]["pattern"]).search(text) is not None


def is_take_count(number: int) -> bool:
    """Whether a shot may have so many takes."""
    bounds = manifest_schema()["$defs"]["takes"]
    return bool(bounds["minimum"] <= number <= bounds["maximum"])


def report_schema_errors(validator: Validator, data: object, node: Node, name: str, diagnostics: Diagnostics) -> None:
    """Report all schema errors of `data`, which is `node` as data. `name` is what a person calls it."""
    for error in validator.iter_errors(data):
        path = tuple(error.absolute_path)
        found = _node_at(node, path)
        if not isinstance(found, BrokenNode):
            _report_error(error, found, _describe_path(path, name), diagnostics)


def _report_error(error: SchemaError, node: Node, name: str, diagnostics: Diagnostics) -> None:
    match error.validator:
        case "additionalProperties" if isinstance(node, MappingNode):
            known = list(error.schema["properties"])
            for key, (key_node, _) in node.entries.items():
                if key not in known:
                    diagnostics.error(key_node, f"unknown key {quoted(key)} in {name}", suggest(key, known))
        case "required" if isinstance(node, MappingNode):
            _report_missing_keys(error, node, name, diagnostics)
        case "pattern" | "not" if isinstance(node, MappingNode):  # of the name of a key
            key_node = node.entries[str(error.instance)][0]
            must, hint = _split_message(error.schema)
            diagnostics.error(key_node, f"the key {quoted(key_node.text)} {must}", hint)
        case _:
            report_invalid_value(error.schema, node, name, diagnostics)


def _report_missing_keys(error: SchemaError, node: MappingNode, name: str, diagnostics: Diagnostics) -> None:
    """Report each missing key, except one that is there under a misspelled name."""
    properties = error.schema["properties"]
    unknown = islice((key for key in node.entries if key not in properties), _MAX_CANDIDATES)
    meant = {closest_match(key, list(properties)) for key in unknown}
    for key in error.validator_value:
        if key not in node.entries and key not in meant:
            example = properties[key]["examples"][0]
            hint = f"add `{key}: {example}`" if isinstance(example, str | int) else f"add `{key}:`"
            diagnostics.error(node, f"{name} lacks `{key}`", hint)


def report_invalid_value(schema: dict[str, Any], node: Node, name: str, diagnostics: Diagnostics) -> None:
    """Report that a value is not what its schema's `errorMessage` says it must be."""
    must, hint = _split_message(schema)
    if _is_empty(node):
        diagnostics.error(node, f"{name} is empty", hint or f"it {must}")
        return
    match node:
        case ScalarNode():
            hint, found = _specific_hint(schema, node, hint), _describe_scalar(node)
        case SequenceNode():
            found = f"of {len(node.items):,}" if schema.get("type") == "array" else "a list"
        case _:
            found = "a mapping"
    diagnostics.error(node, f"{name} {must}, not {found}", hint)


def _specific_hint(schema: dict[str, Any], node: ScalarNode, hint: str) -> str:
    """What to write instead, if the value that was found tells."""
    if "enum" in schema:
        return suggest(node.text, [str(value) for value in schema["enum"]])
    kind = schema.get("type")
    if kind == "array" and node.type == "str" and _NEEDS_NO_QUOTES.fullmatch(node.text):
        return f"write {quoted(f'[{node.text}]')}"
    value = to_data(node, 0) if kind == "integer" else None
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return ""  # the number is out of bounds, but well written
    if kind != "string":
        return "remove the quotes" if _is_quoted_number(node) else hint
    if not hint and node.type != "str":
        # rule put_in_quotes
        return f'put it in quotes: "{node.text}"' if len(node.text) <= 60 else "put it in quotes"
    if not hint and "pattern" in schema:
        spelled = slug(node.text[:_MAX_CANDIDATES])
        return f"write {quoted(spelled)}" if _compile_cached(schema["pattern"]).search(spelled) else ""
    return hint


def _split_message(schema: dict[str, Any]) -> tuple[str, str]:
    """What a value must be, and the hint that may follow it."""
    must, _, hint = str(schema.get("errorMessage", "is not allowed here")).partition("; ")
    return must, hint


def _is_empty(node: Node) -> bool:
    match node:
        case ScalarNode():
            return not node.text
        case SequenceNode():
            return not node.items
        case MappingNode():
            return not node.entries
        case _:
            return False


def _is_quoted_number(node: ScalarNode) -> bool:
    return node.tag == "str" and node._replace(tag="").type in {"int", "float"}


def closest_match(word: str, known: list[str]) -> str | None:
    """The known word that was probably meant; None if none is close."""
    close = difflib.get_close_matches(word.lower().replace("-", "_")[:100], known[:_MAX_CANDIDATES], n=1, cutoff=0.6)
    return close[0] if close else None


def suggest(word: str, known: list[str]) -> str:
    """The hint for an unknown word: the known one that was probably meant, else some of the known ones."""
    meant = closest_match(word, known)
    if meant is not None:
        # rule nearest_key
        return f"did you mean {quoted(meant)}?"
    if not known:
        return ""
    return "known: " + ", ".join(map(quoted, known[:12])) + (", …" if len(known) > 12 else "")


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


def _describe_scalar(node: ScalarNode) -> str:
    """A scalar as written, with what YAML makes of it where a person would not expect that."""
    if _is_quoted_number(node):
        return f"the text {quoted(node.text)}"
    kind = {"bool": "true or false", "timestamp": "a date", "null": "nothing"}.get(node.type)
    if kind is None and node.type in {"int", "float"} and isinstance(to_data(node, 0), ScalarNode):
        kind = "a number in another notation"
    return f"{quoted(node.text)}, which YAML reads as {kind}" if kind else quoted(node.text)

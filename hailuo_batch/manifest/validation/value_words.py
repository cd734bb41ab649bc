"""A value that its schema does not accept, in plain words: what it must be, what it is, what to write instead.

What it must be is the schema's own `errorMessage`. Knows how schemas are written, and none of them by name.
"""

import re
from typing import Any, NamedTuple

from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.slugs import slug
from hailuo_batch.manifest.validation.fast_check import compile_pattern
from hailuo_batch.manifest.validation.suggestions import MAX_CANDIDATES, suggest
from hailuo_batch.manifest.yaml.misread_lines import ODD_BLANKS, describe_odd_sign
from hailuo_batch.manifest.yaml.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode, to_data
from hailuo_batch.manifest.yaml.quotes import yaml_quoted

_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z_][\w./-]*( [\w./-]+)*")  # in a list between brackets
_KEY_AND_TEXT = re.compile(r"[A-Za-z_]\w*:(?=[^\s:/])")
_ODD_BLANK = re.compile(rf"[{ODD_BLANKS}]")
_MAX_PROPOSED = 160
_MAX_LIST_TEXT = 100


class InvalidValue(NamedTuple):
    """What is said of a value. `kind` tells apart what needs different remedies."""

    message: str
    hint: str
    kind: str


def describe_invalid_value(schema: dict[str, Any], node: Node, name: str) -> InvalidValue:
    """What is wrong with a value that is not what its schema says it must be."""
    must, hint = split_message(schema)
    if is_empty(node):
        return InvalidValue(f"{name} is empty", hint or f"it {must}", "empty")
    kind = "value"
    match node:
        case ScalarNode():
            found = describe_scalar(node)
            if _is_quoted_number(node):
                kind = "quoted number"
            elif _is_out_of_bounds(schema, node):
                kind = "out of bounds"
            elif "enum" in schema:  # each word may be meant for another
                kind = f"word {node.text}"
            hint = _specific_hint(schema, node, hint)
        case SequenceNode():
            found = f"of {len(node.items):,}" if "array" in kinds_of(schema) else "a list"
        case _:
            found = "a mapping"
            hint = _mapping_hint(schema, node, hint)
    return InvalidValue(f"{name} {must}, not {found}", hint, kind)


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a schema names."""
    named = schema.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def split_message(schema: dict[str, Any]) -> tuple[str, str]:
    """What a value must be, and the hint that may follow it."""
    must, _, hint = str(schema.get("errorMessage", "is not allowed here")).partition("; ")
    return must, hint


def misspelled_blank(key: str) -> tuple[str, str] | None:
    """What is wrong with a key that has a value's text in it, or a blank that is none to YAML, and the hint."""
    odd = _ODD_BLANK.search(key)
    if odd is not None:
        right = _ODD_BLANK.sub(" ", key).strip()
        return f"the key {quoted(key)} contains {describe_odd_sign(odd[0])}", f"write {quoted(right)}"
    found = _KEY_AND_TEXT.match(key)
    if found is not None:
        right = f"{found[0]} {key[found.end() :]}"
        return f"a space is missing after the `:` of {quoted(key)}", f"write {quoted(right)}" if len(right) < 60 else ""
    if key.startswith("-") and key[1:2].isalpha():
        return f"a space is missing after the `-` of {quoted(key)}", f"write {quoted(f'- {key[1:]}')}"
    return None


def _specific_hint(schema: dict[str, Any], node: ScalarNode, hint: str) -> str:
    """What to write instead, if the value that was found tells."""
    if "enum" in schema:
        return suggest(node.text, [str(value) for value in schema["enum"]])
    kinds = kinds_of(schema)
    if "array" in kinds and "string" in kinds_of(schema.get("items", {})):
        return _list_hint(node) or hint
    if "object" in kinds and _KEY_AND_TEXT.match(node.text):
        _, right = misspelled_blank(node.text) or ("", "")
        return right or hint
    if _is_out_of_bounds(schema, node):
        return ""  # the number is well written
    if kinds != {"string"}:
        return "remove the quotes" if _is_quoted_number(node) else hint
    if not hint and node.type != "str":
        # rule put_in_quotes
        return f"put it in quotes: {yaml_quoted(node.text)}" if len(node.text) <= 60 else "put it in quotes"
    if not hint and "pattern" in schema:
        spelled = slug(node.text[:MAX_CANDIDATES])
        return f"write {quoted(spelled)}" if compile_pattern(schema["pattern"]).search(spelled) else ""
    return hint


def _list_hint(node: ScalarNode) -> str:
    """The text as a list, split at its commas; empty if it is none or too long to be shown."""
    if node.type != "str" or len(node.text) > _MAX_LIST_TEXT or "\n" in node.text:
        return ""
    # a comma of a URL is one of its own
    parts = [node.text] if ":" in node.text else [part.strip() for part in node.text.split(",")]
    return f"write `[{', '.join(_as_item(part) for part in parts if part)}]`"


def _as_item(text: str) -> str:
    is_plain = _NEEDS_NO_QUOTES.fullmatch(text) and ScalarNode(text, 1, 1).type == "str"
    return text if is_plain else yaml_quoted(text)


def _mapping_hint(schema: dict[str, Any], node: Node, hint: str) -> str:
    """What to write instead of a mapping that is a text with a colon, or a list whose dashes lack their blank."""
    entries = list(node.entries.values()) if isinstance(node, MappingNode) else []
    if kinds_of(schema) == {"array"} and entries and entries[0][0].text.startswith("-"):
        _, right = misspelled_blank(entries[0][0].text) or ("", "")
        return right or hint
    if kinds_of(schema) == {"string"} and len(entries) == 1:
        key, value = entries[0]
        is_block = (key.line, key.column) == (node.line, node.column)
        if is_block and isinstance(value, ScalarNode) and value.text and value.line == key.line:
            text = yaml_quoted(f"{key.text}: {value.text}")
            return f"put it in quotes: {text}" if len(text) <= _MAX_PROPOSED else "put it in quotes"
    return hint


def is_empty(node: Node) -> bool:
    """Whether nothing is written there."""
    match node:
        case ScalarNode():
            return not node.text
        case SequenceNode():
            return not node.items
        case MappingNode():
            return not node.entries
        case BrokenNode():
            return False


def _is_out_of_bounds(schema: dict[str, Any], node: ScalarNode) -> bool:
    value = to_data(node, 0) if "integer" in kinds_of(schema) else None
    return isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value)


def _is_quoted_number(node: ScalarNode) -> bool:
    return node.tag == "str" and node._replace(tag="").type in {"int", "float"}


def describe_scalar(node: ScalarNode) -> str:
    """A scalar as written, with what YAML makes of it where a person would not expect that."""
    if _is_quoted_number(node):
        return f"the text {quoted(node.text)}"
    kind = {"bool": "true or false", "timestamp": "a date", "null": "nothing"}.get(node.type)
    if kind is None and node.type in {"int", "float"} and isinstance(to_data(node, 0), ScalarNode):
        kind = "a number in another notation"
    return f"{quoted(node.text)}, which YAML reads as {kind}" if kind else quoted(node.text)

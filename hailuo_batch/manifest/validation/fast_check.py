"""JSON Schemas compiled to fast functions, which say whether a value is valid but not why it is not.

A large manifest is mostly right, and a validator that can explain itself takes long to find nothing. Supports the
keywords that the shipped schemas use. Never accepts what jsonschema would not.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Accepts = Callable[[Any], bool]

_ANNOTATIONS = frozenset({"title", "description", "examples", "default", "errorMessage", "$schema", "$defs", "x-model"})
_TYPES: dict[str, Accepts] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float | Decimal) and not isinstance(value, bool),
}


class UnsupportedKeyword(Exception):  # noqa: N818 - no failure: jsonschema's own validator answers instead
    """The schema uses a keyword that is not supported here."""


def compile_schema(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Accepts:
    """The schema as a function. Raises UnsupportedKeyword."""
    checks = [
        _compile_keyword(keyword, wanted, schema, definitions)
        for keyword, wanted in schema.items()
        if keyword not in _ANNOTATIONS and keyword != "additionalProperties"
    ]
    if "additionalProperties" in schema and "properties" not in schema:
        checks.append(_compile_properties({}, schema["additionalProperties"], definitions))
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def _compile_keyword(keyword: str, wanted: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Accepts:
    match keyword:
        case "$ref" if str(wanted).startswith("#/$defs/"):
            return compile_schema(definitions[str(wanted).removeprefix("#/$defs/")], definitions)
        case "type":
            kinds = [_TYPES[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted)]
            return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)
        case "required":
            return lambda value: not isinstance(value, dict) or all(key in value for key in wanted)
        case "properties":
            return _compile_properties(wanted, schema.get("additionalProperties", True), definitions)
        case "propertyNames":
            name = compile_schema(wanted, definitions)
            return lambda value: not isinstance(value, dict) or all(map(name, value))
        case "items":
            item = compile_schema(wanted, definitions)
            return lambda value: not isinstance(value, list) or all(map(item, value))
        case "not":
            refused = compile_schema(wanted, definitions)
            return lambda value: not refused(value)
        case "enum":
            return lambda value: any(type(value) is type(one) and value == one for one in wanted)
        case "pattern":
            found = compile_pattern(wanted).search
            return lambda value: not isinstance(value, str) or found(value) is not None
        case _:
            return _compile_bound(keyword, wanted)


def _compile_properties(known: Mapping[str, Any], others: Any, definitions: Mapping[str, Any]) -> Accepts:
    checks = {key: compile_schema(schema, definitions) for key, schema in known.items()}
    other = (lambda _: others) if isinstance(others, bool) else compile_schema(others, definitions)
    return lambda value: not isinstance(value, dict) or all(checks.get(key, other)(one) for key, one in value.items())


def _compile_bound(keyword: str, bound: Any) -> Accepts:
    match keyword:
        case "minLength":
            return lambda value: not isinstance(value, str) or len(value) >= bound
        case "minItems":
            return lambda value: not isinstance(value, list) or len(value) >= bound
        case "maxItems":
            return lambda value: not isinstance(value, list) or len(value) <= bound
        case "minProperties":
            return lambda value: not isinstance(value, dict) or len(value) >= bound
        case "minimum":
            return lambda value: not _TYPES["number"](value) or value >= bound
        case "maximum":
            return lambda value: not _TYPES["number"](value) or value <= bound
        case _:
            raise UnsupportedKeyword(keyword)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A `pattern` as ECMA-262 has it, where `$` is the very end: Python's would let a final line break pass."""
    # rule whole_text
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII)

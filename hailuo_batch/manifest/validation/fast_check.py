"""JSON Schemas compiled to fast functions, which say whether a value is valid but not why it is not.

A large manifest is mostly right, and a validator that can explain itself takes long to find nothing. Supports the
keywords that the shipped schemas use. Never accepts what jsonschema would not.
"""

import functools
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Accepts = Callable[[Any], bool]

_ANNOTATIONS = frozenset({"title", "description", "examples", "default", "errorMessage", "$schema", "$defs", "x-model"})
_OF_PROPERTIES = frozenset({"properties", "patternProperties", "additionalProperties"})
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
        _compile_keyword(keyword, wanted, definitions)
        for keyword, wanted in schema.items()
        if keyword not in _ANNOTATIONS and keyword not in _OF_PROPERTIES
    ]
    if not _OF_PROPERTIES.isdisjoint(schema):
        checks.append(_compile_properties(schema, definitions))
    return checks[0] if len(checks) == 1 else _all_of(checks)


def _all_of(checks: list[Accepts]) -> Accepts:
    def accepts(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - a generator for each of many values takes twice as long
            if not check(value):
                return False
        return True

    return accepts


def _compile_keyword(keyword: str, wanted: Any, definitions: Mapping[str, Any]) -> Accepts:
    match keyword:
        case "$ref" if str(wanted).startswith("#/$defs/"):
            return compile_schema(definitions[str(wanted).removeprefix("#/$defs/")], definitions)
        case "type":
            return _any_of([_TYPES[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted)])
        case "required":
            required = frozenset(wanted)
            return lambda value: not isinstance(value, dict) or required <= value.keys()
        case "propertyNames":
            name = compile_schema(wanted, definitions)
            return lambda value: not isinstance(value, dict) or all(map(name, value))
        case "items":
            item = compile_schema(wanted, definitions)
            return lambda value: not isinstance(value, list) or all(map(item, value))
        case "not":
            refused = compile_schema(wanted, definitions)
            return lambda value: not refused(value)
        case "anyOf":
            return _any_of([compile_schema(each, definitions) for each in wanted])
        case "oneOf":
            one_of = [compile_schema(each, definitions) for each in wanted]
            return lambda value: sum(check(value) for check in one_of) == 1
        case "const":
            return lambda value: type(value) is type(wanted) and value == wanted
        case "enum":
            return lambda value: any(type(value) is type(one) and value == one for one in wanted)
        case "pattern":
            found = compile_pattern(wanted).search
            return lambda value: not isinstance(value, str) or found(value) is not None
        case _:
            return _compile_bound(keyword, wanted)


def _any_of(checks: list[Accepts]) -> Accepts:
    first, *others = checks
    if not others:
        return first
    other = _any_of(others)
    return lambda value: first(value) or other(value)


def _compile_properties(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Accepts:
    """The three keywords that share out the keys of a mapping among schemas."""
    checks = {key: compile_schema(one, definitions) for key, one in schema.get("properties", {}).items()}
    by_pattern = [
        (compile_pattern(pattern).search, compile_schema(one, definitions))
        for pattern, one in schema.get("patternProperties", {}).items()
    ]
    others = schema.get("additionalProperties", True)
    other: Accepts = (lambda _: others) if isinstance(others, bool) else compile_schema(others, definitions)

    def checks_of(key: str) -> list[Accepts]:
        named = [checks[key]] if key in checks else []
        return [*named, *(check for matches, check in by_pattern if matches(key))] or [other]

    alone = {key: check for key, check in checks.items() if checks_of(key) == [check]}.get

    def accepts(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for key, one in value.items():
            check = alone(key)
            if check is None:
                if not all(each(one) for each in checks_of(key)):
                    return False
            elif not check(one):
                return False
        return True

    return accepts


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


@functools.cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A `pattern` as ECMA-262 has it, where `$` is the very end: Python's would let a final line break pass."""
    # rule whole_text
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII)

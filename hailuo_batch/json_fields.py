"""The fields of a plan's document, each looked at before it is believed.

A plan says what may be paid for. Its ID tells a slip from a plan, not a forger: whoever can write the file can compute
the ID too, so that every field is what it should be, or the file is no plan. Every function here raises KeyError,
TypeError or ValueError.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

_UPPER_BOUND = 1 << 63  # more than any ledger counts, and any bill
_MAX_DIGITS = len(str(_UPPER_BOUND))


def parse_strict_json(text: str) -> Any:
    """The text as JSON in the narrow sense: no name twice in one object, and no number that is none."""
    return json.loads(
        text,
        object_pairs_hook=_reject_duplicates,
        parse_constant=_reject_number,
        parse_float=_parse_finite_float,
        parse_int=_parse_bounded_int,
    )


def get_text(fields: Mapping[str, Any], name: str) -> str:
    """A text."""
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def get_count(fields: Mapping[str, Any], name: str) -> int:
    """A count or an amount."""
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _UPPER_BOUND:
        raise ValueError(f"{name} is no count")
    return value


def get_bool(fields: Mapping[str, Any], name: str) -> bool:
    """A yes or a no."""
    value = fields[name]
    if not isinstance(value, bool):
        raise TypeError(f"{name} is neither true nor false")
    return value


def get_texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts."""
    values = _get_list(fields, name)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} does not hold texts alone")
    return tuple(values)


def get_objects(fields: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects."""
    values = _get_list(fields, name)
    if not all(isinstance(value, dict) for value in values):
        raise ValueError(f"{name} does not hold objects alone")
    return values


def get_text_map(fields: Mapping[str, Any], name: str) -> dict[str, str]:
    """Texts by names."""
    values = get_object(fields, name)
    return {key: get_text(values, key) for key in values}


def get_object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object."""
    value = fields[name]
    if not isinstance(value, dict):
        raise TypeError(f"{name} is no object")
    return value


def _get_list(fields: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = fields[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return value


def _reject_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """What a reader sees first must be what is read, and not what comes later under the same name."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it has `{name}` twice in one place")
        found[name] = value
    return found


def _parse_finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _reject_number(text)
    return number


def _parse_bounded_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        _reject_number(text)
    return int(text)


def _reject_number(text: str) -> float:
    raise ValueError(f"it holds {text[:20]}, and a plan holds plain numbers only")

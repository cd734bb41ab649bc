"""The fields of a plan's document, each looked at before it is believed.

A plan says what may be paid for. Its ID tells a slip from a plan, not a forger: whoever can write the file can compute
the ID too, so that every field is what it should be, or the file is no plan. Every function here raises KeyError,
TypeError or ValueError.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

_MOST = 1 << 63  # more than any ledger counts, and any bill
_MOST_DIGITS = len(str(_MOST))


def parse_document(text: str) -> Any:
    """The text as JSON in the narrow sense: no name twice in one object, and no number that is none."""
    return json.loads(text, object_pairs_hook=_named, parse_constant=_refuse, parse_float=_plain, parse_int=_whole)


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A text."""
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def number_of(fields: Mapping[str, Any], name: str) -> int:
    """A count or an amount."""
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise ValueError(f"{name} is no count")
    return value


def flag_of(fields: Mapping[str, Any], name: str) -> bool:
    """A yes or a no."""
    value = fields[name]
    if not isinstance(value, bool):
        raise TypeError(f"{name} is neither true nor false")
    return value


def texts_of(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts."""
    values = _list_of(fields, name)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} does not hold texts alone")
    return tuple(values)


def mappings_of(fields: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects."""
    values = _list_of(fields, name)
    if not all(isinstance(value, dict) for value in values):
        raise ValueError(f"{name} does not hold objects alone")
    return values


def text_by_name_of(fields: Mapping[str, Any], name: str) -> dict[str, str]:
    """Texts by names."""
    values = mapping_of(fields, name)
    return {key: text_of(values, key) for key in values}


def mapping_of(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object."""
    value = fields[name]
    if not isinstance(value, dict):
        raise TypeError(f"{name} is no object")
    return value


def _list_of(fields: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = fields[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return value


def _named(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """What a reader sees first must be what is read, and not what comes later under the same name."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it has `{name}` twice in one place")
        found[name] = value
    return found


def _plain(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse(text)
    return number


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        _refuse(text)
    return int(text)


def _refuse(text: str) -> float:
    raise ValueError(f"it holds {text[:20]}, and a plan holds plain numbers only")

"""The fields of a document that is read back, a plan or a file of picks, each checked before it is believed.

Such a file says what may be paid for. A plan's ID guards against mistakes, not against forgers: whoever can write the
file can compute the ID too. So a file is a plan only if every field is what it should be. Every function here raises
KeyError, TypeError or ValueError if not.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

_UPPER_BOUND = 1 << 63  # more than any ledger counts, and any bill
_MAX_DIGITS = len(str(_UPPER_BOUND))
_T = TypeVar("_T")


def parse_strict_json(text: str) -> Any:
    """The text as JSON in the narrow sense: no name twice in one object, and every number finite and of usual size."""
    return json.loads(
        text,
        object_pairs_hook=_reject_duplicates,
        parse_constant=_reject_number,
        parse_float=_parse_finite_float,
        parse_int=_parse_bounded_int,
    )


def get_text(fields: Mapping[str, Any], name: str) -> str:
    """The field, which must be text."""
    return _get(fields, name, str, "text")


def get_bool(fields: Mapping[str, Any], name: str) -> bool:
    """The field, which must be true or false."""
    return _get(fields, name, bool, "true or false")


def get_object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The field, which must be an object."""
    return _get(fields, name, dict, "an object")


def get_count(fields: Mapping[str, Any], name: str) -> int:
    """The field, which must be a whole number from 0: a count or an amount."""
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _UPPER_BOUND:
        raise ValueError(f"{name} is not a whole number")
    return value


def get_texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The field, which must be a list of texts."""
    return tuple(_get_list(fields, name, str, "texts"))


def get_objects(fields: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """The field, which must be a list of objects."""
    return _get_list(fields, name, dict, "objects")


def get_text_map(fields: Mapping[str, Any], name: str) -> dict[str, str]:
    """The field, which must be an object of texts."""
    values = get_object(fields, name)
    return {key: get_text(values, key) for key in values}


def _get(fields: Mapping[str, Any], name: str, kind: type[_T], what: str) -> _T:
    value = fields[name]
    if not isinstance(value, kind):
        raise TypeError(f"{name} is not {what}")
    return value


def _get_list(fields: Mapping[str, Any], name: str, kind: type[_T], what: str) -> list[_T]:
    values = _get(fields, name, list, "a list")
    if not all(isinstance(value, kind) for value in values):
        raise ValueError(f"{name} is not a list of {what}")
    return values


def _reject_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A reader believes the first of two fields with one name, and a JSON parser the last."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it has `{name}` twice in one place")
        found[name] = value
    return found


def _parse_finite_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _reject_number(text)


def _parse_bounded_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        _reject_number(text)
    return int(text)


def _reject_number(text: str) -> float:
    raise ValueError(f"it contains {text[:20]}, and only plain numbers may stand in it")

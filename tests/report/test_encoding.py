"""The report's own encoder beside the standard library's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.report.encoding import encode, encode_indented

TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def as_written(text: str) -> str:
    """Lone surrogates escaped, so that it can be written at all."""
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)


@given(JSON)
def test_it_is_laid_out_as_the_json_module_would(value: Any) -> None:
    assert encode_indented(value) == as_written(json.dumps(value, ensure_ascii=False, indent=2))
    assert encode(value) == as_written(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    encode_indented(value).encode("utf-8")


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": {"b": float("-inf")}}])
def test_what_is_no_json_is_refused(value: object) -> None:
    for encoded in (encode, encode_indented):
        with pytest.raises(ValueError, match="JSON compliant"):
            encoded(value)

"""The quick answer of a schema: never yes where jsonschema says no, and yes to what is plainly right."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.manifest.validation import schema_errors
from hailuo_batch.manifest.validation.fast_check import UnsupportedKeyword, compile_schema

LEAVES = st.none() | st.booleans() | st.integers(-1, 101) | st.text(max_size=3) | st.just(Decimal("1.5"))
NAMES = st.sampled_from(["id", "prompt", "takes", "tags", "image_urls", "model", "matrix", "rows", "input", "x", "2"])
VALUES = st.recursive(
    LEAVES | st.sampled_from(["a/b", "a/b\n", "hero"]),
    lambda child: st.lists(child, max_size=2) | st.dictionaries(NAMES | st.just("exclude"), child, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5) | VALUES)
def test_both_checks_of_a_shot_agree(value: Any) -> None:
    checker = schema_errors.shot_checker()
    assert checker.accepts(value) == checker.validator.is_valid(value)


@given(st.fixed_dictionaries({"id": st.just("a"), "prompt": st.just("A")}, optional={"takes": st.integers(0, 101)}))
def test_right_shots_are_accepted(value: Any) -> None:
    assert schema_errors.shot_checker().accepts(value) == (1 <= value.get("takes", 1) <= 100)


LITTLE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "takes": {"type": ["integer", "string"], "minimum": 1, "maximum": 100, "pattern": "^x$"},
        "rows": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"$ref": "#/$defs/row"}}]},
        "input": {"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]},
        "x-2": {"type": "integer"},
    },
    "patternProperties": {"^x": {}, "2$": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
    "$defs": {"row": {"type": "object", "additionalProperties": {"type": "string"}}},
}
LITTLE_NAMES = st.sampled_from(["takes", "rows", "input", "x", "x-", "x-2", "y2", "zebra"])
ROWS = st.lists(st.dictionaries(st.just("a"), st.text(max_size=2) | st.integers(), max_size=1), max_size=2)


@given(st.dictionaries(LITTLE_NAMES, LEAVES | ROWS | st.just("x"), max_size=4))
def test_both_checks_of_alternatives_and_of_patterns_of_keys_agree(value: Any) -> None:
    accepts = compile_schema(LITTLE, LITTLE["$defs"])
    assert accepts(value) == schema_errors.SchemaChecker(LITTLE).validator.is_valid(value)


def test_a_keyword_that_is_not_known_has_no_quick_answer() -> None:
    with pytest.raises(UnsupportedKeyword):
        compile_schema({"multipleOf": 2}, {})
    assert schema_errors.SchemaChecker({"multipleOf": 2}).accepts(4)
    assert not schema_errors.SchemaChecker({"multipleOf": 2}).accepts(3)

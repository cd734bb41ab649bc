"""Money, durations, canonical JSON, fingerprints and take IDs."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.values import (
    MICRO_USD_PER_USD,
    CampaignSpec,
    Shot,
    canonical_json,
    compute_fingerprint,
    format_duration,
    format_usd,
    parse_duration,
    parse_usd,
    request_json,
    split_take_id,
    take_id,
)
from tests.helpers.snapshots import take

NO_AMOUNT = [
    "", " ", "-1", "+1", "1.", ".5", "1e3", "1_000", "1,000", "0x10", "inf", "nan", "NaN", "010", "00", "1.1234567",
    "$4", "4 ", " 4", "4\n", "4\x00", "\u0664", "4.\u0665", "\uff14", "1/2", "1000000000", "9" * 5000,
    "0." + "0" * 5000,
]  # fmt: skip
NO_DURATION = [
    "", "0s", "0h", "90", "s", "-1s", "+1s", "1.5h", "1e3s", "1 s", " 1s", "1s ", "1s\n", "1S", "1ms", "1d", "1:30",
    "010s", "1h30m", "\u0664s", "\uff11s", "infs", "nans", "1000000000s", "9" * 5000 + "s",
]  # fmt: skip

plain_json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(some.characters(exclude_categories=["Cs"])),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "micro_usd"),
    [
        ("0", 0),
        ("40", 40 * MICRO_USD_PER_USD),
        ("0.28", 280_000),
        ("0.04", 40_000),
        ("8.2", 8_200_000),  # times a million as a float, it is a little less
        ("0.000001", 1),
        ("999999999.999999", 10**15 - 1),
    ],
)
def test_dollars_are_read_to_the_micro_dollar(text: str, micro_usd: int) -> None:
    assert parse_usd(text) == micro_usd


@pytest.mark.parametrize("text", NO_AMOUNT)
def test_what_is_no_plain_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount in US dollars"):
        parse_usd(text)


@pytest.mark.parametrize(
    ("micro_usd", "text"),
    [
        (0, "$0.00"),
        (1_680_000, "$1.68"),
        (40 * MICRO_USD_PER_USD, "$40.00"),
        (1, "$0.000001"),
        (280_500, "$0.2805"),
        (1_234_567_000_000, "$1,234,567.00"),
        (-280_000, "-$0.28"),
    ],
)
def test_money_is_shown_with_two_decimals_and_more_only_to_be_exact(micro_usd: int, text: str) -> None:
    assert format_usd(micro_usd) == text


@given(some.integers(0, 10**15 - 1))
def test_money_that_is_shown_reads_back_as_the_same_amount(micro_usd: int) -> None:
    assert parse_usd(format_usd(micro_usd).removeprefix("$").replace(",", "")) == micro_usd


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("45m", 2700), ("2h", 7200), ("1s", 1), ("100s", 100)])
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", NO_DURATION)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("parse", [parse_usd, parse_duration])
@given(text=some.text())
def test_any_text_is_read_or_refused_with_a_value_error(parse: Callable[[str], float], text: str) -> None:
    with suppress(ValueError):
        assert parse(text) >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0.4, "0s"),
        (45, "45s"),
        (59.6, "1m"),
        (200, "3m 20s"),
        (2700, "45m"),
        (3599.7, "1h"),
        (7200, "2h"),
        (7500, "2h 5m"),
        (7199, "2h"),
        (360_000, "100h"),
    ],
)
def test_durations_are_shown_as_a_person_states_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(plain_json)
def test_canonical_json_means_the_same_value(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(some.dictionaries(some.text(max_size=5), some.integers(), min_size=2))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_canonical_json_has_sorted_keys_no_spaces_and_plain_unicode() -> None:
    assert canonical_json({"b": [1, 2], "a": {"d": "é☀", "c": None}}) == '{"a":{"c":null,"d":"é☀"},"b":[1,2]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_canonical_json_refuses_what_json_cannot_state(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)


@given(plain_json, some.text(some.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_request_is_the_canonical_json_of_model_and_input(value: object, model: str) -> None:
    assert request_json(model, canonical_json(value)) == canonical_json({"model": model, "input": value})


def test_the_fingerprint_of_a_request_never_changes() -> None:
    input_json = '{"image_urls":["https://cdn.example.com/a.jpg"],"prompt":"Eine Lampe, weiß"}'
    body = '{"input":{"image_urls":["https://cdn.example.com/a.jpg"],"prompt":"Eine Lampe, weiß"},"model":"hailuo/pro"}'
    assert compute_fingerprint("hailuo/pro", input_json) == hashlib.sha256(body.encode()).hexdigest()
    assert (
        compute_fingerprint("hailuo/pro", '{"prompt":"a"}')
        == "254e1cff107583bb6d7f2150b15deb0b03e608d6854f0febb3e50d58a0d263b8"
    ), "a changed fingerprint makes every finished campaign pay again"


@pytest.mark.parametrize(
    ("shot", "number", "id_"), [("hero", 1, "hero"), ("hero", 2, "hero.take2"), ("a", 100, "a.take100")]
)
def test_take_one_bears_the_name_of_its_shot(shot: str, number: int, id_: str) -> None:
    assert take_id(shot, number) == id_


@given(some.from_regex(r"[a-z0-9][a-z0-9_-]{0,30}", fullmatch=True), some.integers(1, 100))
def test_a_take_id_contains_its_shot_and_number(shot: str, number: int) -> None:
    assert split_take_id(take_id(shot, number)) == (shot, number)


@pytest.mark.parametrize(
    "id_", ["hero", "hero.takes", "hero.take", ".take2", "hero.take-2", "hero.take²", "hero.take2.x"]
)
def test_what_only_looks_like_a_take_id_is_a_shot(id_: str) -> None:
    assert split_take_id(id_) == (id_, 1)


def test_a_take_shows_the_input_that_will_be_sent() -> None:
    wanted = take(prompt="a lamp", image_urls=["https://cdn.example.com/a.jpg"])
    assert wanted.input == {"prompt": "a lamp", "image_urls": ["https://cdn.example.com/a.jpg"]}


def test_a_campaign_lists_its_takes_in_the_order_of_the_manifest() -> None:
    shots = (Shot("b", (take("b"), take("b", 2))), Shot("a", (take("a"),)))
    assert [wanted.id for wanted in CampaignSpec("spring", shots, "0" * 64).takes] == ["b", "b.take2", "a"]


def test_values_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        take().fingerprint = "another"  # type: ignore[misc]

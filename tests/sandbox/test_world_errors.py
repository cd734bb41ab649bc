"""Each documented error of the API, with its status and code, and that a refusal makes and charges nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.sandbox.world import ForcedError, WorldSettings
from tests.sandbox.requests import KEY, body_of, create_run, error_of, world_of

BAD_BODIES = [
    (b"", "invalid_json"),
    (b"{", "invalid_json"),
    (b"\xff\xfe", "invalid_json"),
    (b"[]", "invalid_json"),
    (b'{"model": NaN}', "invalid_json"),
    (b"[" * 100_000, "invalid_json"),
    (b"1" * 10_000, "invalid_json"),
    (b'{"input": {"prompt": "x"}}', "missing_model"),
    (b'{"model": 5, "input": {"prompt": "x"}}', "missing_model"),
    (b'{"model": "", "input": {"prompt": "x"}}', "missing_model"),
    (b'{"model": "hailuo/pro"}', "missing_input"),
    (b'{"model": "hailuo/pro", "input": "x"}', "missing_input"),
    (b'{"model": "hailuo/amateur", "input": {"prompt": "x"}}', "model_not_found"),
    (b'{"model": "hailuo/pro", "input": {}}', "invalid_input"),
    (body_of(" "), "invalid_input"),
    (b'{"model": "hailuo/pro", "input": {"prompt": 5}}', "invalid_input"),
    (body_of(image_urls="https://a.test/b.jpg"), "invalid_input"),
    (body_of(image_urls=[5]), "invalid_input"),
    (body_of(image_urls=["lamp.jpg"]), "invalid_input"),
    (body_of(image_urls=["data:text/html,x"]), "invalid_input"),
    (body_of(image_urls=None), "invalid_input"),
]


@pytest.mark.parametrize(("body", "code"), BAD_BODIES)
def test_a_body_that_does_not_fit_is_refused_and_nothing_is_made(body: bytes, code: str) -> None:
    world = world_of(balance_micro_usd=280_000)
    assert error_of(world.create(0, KEY, body)) == (400, code)
    assert (world.created, world.balances[KEY], world.stats.charged_micro_usd) == ({}, 280_000, 0)


@pytest.mark.parametrize(
    ("key", "code"), [(None, "missing_api_key"), ("", "invalid_api_key"), ("pk-1", "invalid_api_key")]
)
def test_no_key_or_one_of_another_kind_is_refused(key: str | None, code: str) -> None:
    world = world_of()
    run_id = create_run(world, 0)
    assert error_of(world.create(0, key, body_of())) == (401, code)
    assert error_of(world.read(0, key, run_id)) == (401, code)
    assert len(world.created) == 1


def test_where_keys_are_listed_no_other_is_admitted() -> None:
    world = world_of(api_keys=frozenset({"sk-right"}))
    assert world.create(0, "sk-right", body_of()).status == 200
    assert error_of(world.create(0, "sk-wrong", body_of())) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (ForcedError.BAD_KEY, (401, "invalid_api_key")),
        (ForcedError.BAD_ADDRESS, (403, "ip_not_allowed")),
        (ForcedError.QUOTA, (429, "USAGE_EXCEEDED")),
        (ForcedError.BROKEN, (500, "internal_error")),
    ],
)
def test_trouble_with_the_account_refuses_everything_until_it_is_over(
    trouble: ForcedError, expected: tuple[int, str]
) -> None:
    world = world_of()
    run_id = create_run(world, 0)
    world.forced_error = trouble
    assert error_of(world.create(0, KEY, body_of())) == expected
    assert error_of(world.read(0, KEY, run_id)) == expected
    world.forced_error = None
    assert world.read(0, KEY, run_id).status == 200
    assert len(world.created) == 1


@pytest.mark.parametrize("run_id", ["", "run_", "run_1", "run_" + "a" * 40, "run_" + "é" * 40, "a" * 40, "run_%00"])
def test_an_invented_id_is_not_found(run_id: str) -> None:
    assert error_of(world_of().read(0, KEY, run_id)) == (404, "run_not_found")


@given(st.integers(4, 43), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_an_id_with_one_letter_changed_is_not_found(place: int, letter: str) -> None:
    world = world_of()
    run_id = create_run(world, 0)
    changed = run_id[:place] + letter + run_id[place + 1 :]
    assert world.read(0, KEY, changed).status == (200 if changed == run_id else 404)


def test_an_id_is_exact_to_the_letter_and_its_end() -> None:
    world = world_of()
    run_id = create_run(world, 0)
    for other in (run_id.upper(), "run_" + run_id[4:].upper(), run_id + "\n", run_id + "a", run_id[:-1], run_id[4:]):
        assert world.read(0, KEY, other).status == 404


@given(st.binary(max_size=200))
def test_no_body_breaks_the_world(body: bytes) -> None:
    assert world_of().create(0, KEY, body).status == 400


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_no_input_breaks_the_world_and_only_text_is_a_prompt(prompt: object) -> None:
    body = json.dumps({"model": "hailuo/pro", "input": {"prompt": prompt}}).encode()
    good = isinstance(prompt, str) and bool(prompt.strip())
    assert world_of().create(0, KEY, body).status == (200 if good else 400)


def test_requests_are_counted_whatever_they_are_answered() -> None:
    world = world_of(rate_limit=2)
    run_id = create_run(world, 0)
    world.create(0, None, body_of())
    world.create(0, KEY, b"")
    world.read(0, KEY, run_id)
    assert (world.stats.creates, world.stats.reads, world.stats.rate_limited) == (3, 1, 1)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"fail_rate": 1.1},
        {"sensitive_rate": -0.1},
        {"rate_limit": 0},
        {"rate_window_s": 0},
        {"rate_window_s": float("nan")},
        {"median_s": 0},
        {"sigma": -1},
        {"min_s": float("inf")},
        {"max_processing": 0},
        {"price_micro_usd": -1},
        {"price_micro_usd": 2**32},
        {"other_prices": (("hailuo/pro", 1),)},
    ],
)
def test_settings_no_world_can_have_are_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|one price"):
        WorldSettings(**nonsense)  # type: ignore[arg-type]

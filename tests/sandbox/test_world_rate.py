"""The rate limit in virtual time: sliding and fixed windows, creates and reads together, each key its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.sandbox.world import Window, World
from tests.sandbox.requests import KEY, body_of, create_run, error_of, world_of

LIMITED = (429, "RATE_LIMITED")
TICKS = 1024  # to the second: times that are exact as floats


def limited_world(window: Window, **settings: object) -> World:
    return world_of(**({"rate_limit": 20, "window": window} | settings))


def admitted(world: World, times: list[float]) -> list[float]:
    return [now for now in times if world.take_slot(now, KEY)]


@pytest.mark.parametrize("window", Window)
def test_creates_and_reads_share_twenty_places(window: Window) -> None:
    world = limited_world(window)
    runs = [create_run(world, 0) for _ in range(10)]
    assert all(world.read(1, KEY, run).status == 200 for run in runs)
    assert error_of(world.read(9.9, KEY, runs[0])) == LIMITED
    assert error_of(world.create(9.9, KEY, body_of())) == LIMITED
    assert len(world.created) == 10
    assert world.stats.rate_limited == 2


def test_a_sliding_window_frees_each_place_when_it_is_ten_seconds_old() -> None:
    world = limited_world(Window.SLIDING, rate_limit=2)
    assert admitted(world, [0, 6, 9.9, 10, 15.9, 16, 19.9, 20]) == [0, 6, 10, 16, 20]


def test_a_fixed_window_frees_all_places_at_its_end() -> None:
    world = limited_world(Window.FIXED, rate_limit=2)
    assert admitted(world, [8, 9, 9.9, 10, 10, 11, 19.9, 20]) == [8, 9, 10, 10, 20]


def test_a_refused_request_takes_no_place() -> None:
    world = limited_world(Window.SLIDING, rate_limit=1)
    assert admitted(world, [0, 5, 9, 10]) == [0, 10]


def test_each_key_has_a_budget_of_its_own() -> None:
    world = limited_world(Window.SLIDING, rate_limit=1)
    create_run(world, 0)
    assert world.create(0, KEY, body_of()).status == 429
    assert world.create(0, "sk-another", body_of()).status == 200


def test_somebody_else_on_the_key_takes_places_from_it() -> None:
    world = limited_world(Window.SLIDING, rate_limit=1)
    assert world.take_slot(0, KEY)
    assert error_of(world.create(1, KEY, body_of())) == LIMITED
    assert world.stats.rate_limited == 1


@pytest.mark.parametrize(("retry_after_s", "headers"), [(None, {}), (7, {"Retry-After": "7"})])
def test_retry_after_comes_only_where_it_is_asked_for(retry_after_s: int | None, headers: dict[str, str]) -> None:
    world = limited_world(Window.SLIDING, rate_limit=1, retry_after_s=retry_after_s)
    create_run(world, 0)
    assert world.create(0, KEY, body_of()).headers == headers


def test_a_clock_set_back_does_not_block_a_key() -> None:
    world = limited_world(Window.SLIDING, rate_limit=1)
    assert admitted(world, [1000, 10, 11, 20]) == [1000, 10, 20]


@given(
    st.sampled_from(Window),
    st.integers(1, 5),
    st.integers(-10_000, 10_000),
    st.lists(st.integers(0, 6 * TICKS), max_size=60),
)
def test_a_window_is_spent_exactly_when_it_is_full(window: Window, limit: int, start: int, gaps: list[int]) -> None:
    world = limited_world(window, rate_limit=limit)
    now, taken = start, list[int]()
    for gap in gaps:
        now += gap
        if window is Window.SLIDING:
            held = sum(now - at < 10 * TICKS for at in taken)
        else:
            held = sum(at // (10 * TICKS) == now // (10 * TICKS) for at in taken)
        assert world.take_slot(now / TICKS, KEY) == (held < limit)
        if held < limit:
            taken.append(now)

"""The pace under somebody else's use of the key: down at once, up again bit by bit."""

from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.scheduling.backoff import Backoff, Drop

WINDOW_S = 10.0


def refused(reduced: Backoff, now: float, *, sent_at: float) -> None:
    reduced.on_refusal(now, sent_at, None)


def test_all_places_are_allowed_while_nothing_is_refused() -> None:
    reduced = Backoff(20, WINDOW_S)
    assert reduced.places(0.0) == reduced.places(1e9) == 20
    assert reduced.rises_at(0.0) == float("inf")


def test_a_refusal_lowers_the_rate_at_once() -> None:
    reduced = Backoff(20, WINDOW_S)
    refused(reduced, 5.0, sent_at=4.0)
    assert reduced.places(5.0) == 14


def test_each_window_without_a_refusal_gives_back_a_place_until_all_are_there() -> None:
    reduced = Backoff(20, WINDOW_S)
    refused(reduced, 0.0, sent_at=0.0)
    assert [reduced.places(window * WINDOW_S) for window in range(8)] == [*range(14, 21), 20]
    assert reduced.drop is None


def test_of_many_places_each_window_gives_back_a_share() -> None:
    reduced = Backoff(400, WINDOW_S)
    refused(reduced, 0.0, sent_at=0.0)
    assert [reduced.places(at) for at in (9.9, 10.0, 20.0, 60.0)] == [280, 300, 320, 400]


def test_requests_that_were_under_way_bring_the_same_news() -> None:
    reduced = Backoff(20, WINDOW_S)
    for at in (5.0, 5.1, 8.0):
        refused(reduced, at, sent_at=4.0)
    assert reduced.places(8.0) == 14
    refused(reduced, 9.0, sent_at=8.5)
    assert reduced.places(9.0) == 9


@given(some.floats(0.0, 1e9), some.floats(0.001, 3600.0), some.integers(1, 30))
def test_a_rise_has_come_when_it_was_reported_to_come(at: float, window_s: float, rises: int) -> None:
    reduced = Backoff(100, window_s)
    refused(reduced, at, sent_at=at)
    now = at
    for _ in range(min(rises, 6)):
        before, rises_at = reduced.places(now), reduced.rises_at(now)
        assert rises_at > now
        now = rises_at
        assert reduced.places(now) > before


def test_one_place_is_always_left() -> None:
    reduced, now = Backoff(20, WINDOW_S), 0.0
    for _ in range(20):
        refused(reduced, now, sent_at=now)
        now += 9.0
    assert reduced.places(now - 9.0) == 1


def test_what_another_process_received_goes_for_all() -> None:
    reduced = Backoff(20, WINDOW_S)
    reduced.adopt(Drop(4, 100.0), 102.0)
    assert reduced.places(101.0) == 4
    assert reduced.held_until == 102.0
    reduced.adopt(Drop(9, 50.0), 60.0)
    assert reduced.places(101.0) == 4
    assert reduced.held_until == 102.0


@given(some.lists(some.integers(1, 200), max_size=30), some.integers(2, 50))
def test_every_refusal_lowers_the_rate_and_every_window_raises_it_until_all_is_allowed(
    pauses: list[int], limit: int
) -> None:
    reduced, now = Backoff(limit, WINDOW_S), 0.0
    for pause_s in pauses:
        now += pause_s
        before = reduced.places(now)
        refused(reduced, now, sent_at=now)
        after = reduced.places(now)
        assert after == max(1, int(0.7 * before))
        assert reduced.rises_at(now) == now + WINDOW_S
        assert reduced.places(now + WINDOW_S) == after + max(1, limit // 20)
    assert reduced.places(now + limit * WINDOW_S) == limit
    assert reduced.rises_at(now + limit * WINDOW_S) == float("inf")

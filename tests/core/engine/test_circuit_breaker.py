"""How many creates may be under way, so that an API that falls silent leaves few of them in doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.engine.create_queue import MAX_UNANSWERED, CircuitBreaker


def start_all(breaker: CircuitBreaker) -> int:
    """Start as many creates as are admitted. Returns how many are under way."""
    while breaker.can_start():
        breaker.start()
    return breaker.under_way


def test_at_first_no_more_are_under_way_than_make_a_storm() -> None:
    assert start_all(CircuitBreaker(2.0)) == MAX_UNANSWERED == 3


def test_every_answer_admits_one_more_up_to_what_the_rate_can_use() -> None:
    breaker, seen = CircuitBreaker(10.0), []
    for _ in range(40):
        seen.append(start_all(breaker))
        breaker.on_response()
    assert seen[:4] == [3, 4, 5, 6]
    assert seen == sorted(seen)
    assert seen[-1] == 20


@pytest.mark.parametrize(("per_second", "bound"), [(0.1, 8), (2.0, 8), (4.0, 8), (50.0, 100)])
def test_a_slow_rate_still_lets_a_few_travel_together(per_second: float, bound: int) -> None:
    breaker = CircuitBreaker(per_second)
    for _ in range(200):
        start_all(breaker)
        breaker.on_response()
    assert start_all(breaker) == bound


def test_three_unanswered_in_a_row_are_a_storm_for_good() -> None:
    breaker = CircuitBreaker(2.0)
    for silences in range(MAX_UNANSWERED):
        assert not breaker.is_tripped, silences
        assert breaker.can_start()
        breaker.start()
        breaker.on_timeout()
    assert breaker.is_tripped
    assert not breaker.can_start()


def test_an_answer_between_silences_breaks_the_row() -> None:
    breaker = CircuitBreaker(2.0)
    for _ in range(5):
        breaker.start()
        breaker.start()
        breaker.on_timeout()
        breaker.on_response()
    assert not breaker.is_tripped


def test_after_a_silence_fewer_travel_together() -> None:
    breaker = CircuitBreaker(2.0)
    breaker.start()
    breaker.on_timeout()
    assert start_all(breaker) == 2
    breaker.on_timeout()
    assert start_all(breaker) == 1


def test_a_create_that_was_not_sent_teaches_nothing() -> None:
    breaker = CircuitBreaker(2.0)
    breaker.start()
    breaker.on_timeout()
    breaker.start()
    breaker.on_not_sent()
    assert breaker.under_way == 0
    assert start_all(breaker) == 2


@given(some.integers(0, 30), some.floats(0.1, 20.0))
def test_an_api_that_falls_silent_leaves_few_creates_in_doubt(answered: int, per_second: float) -> None:
    breaker, in_doubt = CircuitBreaker(per_second), 0
    for _ in range(answered):
        start_all(breaker)
        breaker.on_response()
    while breaker.can_start() or breaker.under_way:
        start_all(breaker)
        breaker.on_timeout()
        in_doubt += 1
    assert in_doubt <= max(8, 2 * per_second)
    assert breaker.is_tripped

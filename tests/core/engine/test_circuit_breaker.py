"""How many creates may be under way, so that an API that falls silent leaves few of them in doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.engine.create_queue import MAX_UNANSWERED, CircuitBreaker


def start_all(trust: CircuitBreaker) -> int:
    """Start as many creates as are admitted. Returns how many are under way."""
    while trust.can_start():
        trust.start()
    return trust.under_way


def test_at_first_no_more_are_under_way_than_make_a_storm() -> None:
    assert start_all(CircuitBreaker(2.0)) == MAX_UNANSWERED == 3


def test_every_answer_admits_one_more_up_to_what_the_pace_can_use() -> None:
    trust, seen = CircuitBreaker(10.0), []
    for _ in range(40):
        seen.append(start_all(trust))
        trust.on_response()
    assert seen[:4] == [3, 4, 5, 6]
    assert seen == sorted(seen)
    assert seen[-1] == 20


@pytest.mark.parametrize(("pace", "bound"), [(0.1, 8), (2.0, 8), (4.0, 8), (50.0, 100)])
def test_a_slow_pace_still_lets_a_few_travel_together(pace: float, bound: int) -> None:
    trust = CircuitBreaker(pace)
    for _ in range(200):
        start_all(trust)
        trust.on_response()
    assert start_all(trust) == bound


def test_three_unanswered_in_a_row_are_a_storm_for_good() -> None:
    trust = CircuitBreaker(2.0)
    for silences in range(MAX_UNANSWERED):
        assert not trust.is_tripped, silences
        assert trust.can_start()
        trust.start()
        trust.on_timeout()
    assert trust.is_tripped
    assert not trust.can_start()


def test_an_answer_between_silences_breaks_the_row() -> None:
    trust = CircuitBreaker(2.0)
    for _ in range(5):
        trust.start()
        trust.start()
        trust.on_timeout()
        trust.on_response()
    assert not trust.is_tripped


def test_after_a_silence_fewer_travel_together() -> None:
    trust = CircuitBreaker(2.0)
    trust.start()
    trust.on_timeout()
    assert start_all(trust) == 2
    trust.on_timeout()
    assert start_all(trust) == 1


def test_a_create_that_was_not_sent_teaches_nothing() -> None:
    trust = CircuitBreaker(2.0)
    trust.start()
    trust.on_timeout()
    trust.start()
    trust.on_not_sent()
    assert trust.under_way == 0
    assert start_all(trust) == 2


@given(some.integers(0, 30), some.floats(0.1, 20.0))
def test_an_api_that_falls_silent_leaves_few_creates_in_doubt(answered: int, pace: float) -> None:
    trust, in_doubt = CircuitBreaker(pace), 0
    for _ in range(answered):
        start_all(trust)
        trust.on_response()
    while trust.can_start() or trust.under_way:
        start_all(trust)
        trust.on_timeout()
        in_doubt += 1
    assert in_doubt <= max(8, 2 * pace)
    assert trust.is_tripped

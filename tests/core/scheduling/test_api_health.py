"""How long a silent API is left alone, and when it is called gone."""

from hailuo_batch.core.scheduling.api_health import GONE_AFTER_FAILURES, GONE_AFTER_S, ApiHealth


def test_at_first_nothing_is_held() -> None:
    connection = ApiHealth()
    assert connection.held_until < 0.0
    assert not connection.is_gone(1e9)
    assert connection.silent_for_s(1e9) == 0.0


def test_silences_hold_requests_for_longer_each_time_up_to_half_a_minute() -> None:
    connection, now, holds = ApiHealth(), 100.0, []
    for _ in range(8):
        connection.on_timeout(now, "timed out")
        holds.append(connection.held_until - now)
        now = connection.held_until
    assert holds == [1, 2, 4, 8, 16, 30, 30, 30]


def test_requests_that_broke_together_count_as_one_silence() -> None:
    connection = ApiHealth()
    for _ in range(20):
        connection.on_timeout(100.0, "timed out")
    assert connection.held_until == 101.0


def test_an_answer_makes_everything_good_again() -> None:
    connection = ApiHealth()
    connection.on_timeout(100.0, "timed out")
    connection.on_timeout(101.0, "timed out")
    connection.on_response()
    assert connection.silent_for_s(200.0) == 0.0
    connection.on_timeout(200.0, "timed out")
    assert connection.held_until == 201.0
    assert connection.silent_for_s(205.0) == 5.0


def test_the_last_reason_is_kept_for_the_user() -> None:
    connection = ApiHealth()
    connection.on_timeout(100.0, "timed out")
    connection.on_timeout(100.5, "connection refused")
    assert connection.reason == "connection refused"


def test_the_api_is_gone_only_after_many_silences_and_a_long_time() -> None:
    connection, now = ApiHealth(), 0.0
    for _ in range(GONE_AFTER_FAILURES - 1):
        connection.on_timeout(now, "timed out")
        now = connection.held_until
    assert not connection.is_gone(GONE_AFTER_S + now)
    connection.on_timeout(now, "timed out")
    assert not connection.is_gone(GONE_AFTER_S - 0.1)
    assert connection.is_gone(GONE_AFTER_S)


def test_an_api_that_was_gone_and_answers_is_back() -> None:
    connection = ApiHealth()
    for _ in range(GONE_AFTER_FAILURES):
        connection.on_timeout(connection.held_until + GONE_AFTER_S, "timed out")
    connection.on_response()
    assert not connection.is_gone(1e9)

"""The request window: never over the limit of any server's window, never idle for nothing."""

import heapq
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.scheduling.rate_window import RateWindow

# times are multiples of 1/8 s, so that sums are exact
times = some.integers(0, 240).map(lambda eighths: eighths / 8)


@dataclass(frozen=True)
class Sent:
    """A request: when it started, when it reached the server, and when its answer came."""

    start: float
    arrival: float
    answer: float


@dataclass(frozen=True)
class Travel:
    """How long a request waits to be wanted after the one before, travels there, and its answer travels back."""

    think_s: float
    there_s: float
    back_s: float


ways = some.lists(
    some.builds(Travel, some.just(0.0) | times, some.just(0.0) | times, some.just(0.0) | times), max_size=60
)


def send_all(window: RateWindow, wanted: list[Travel], refused: frozenset[int] = frozenset()) -> list[Sent]:
    """Start each request as early as the budget allows, in order, checking its word at every moment.

    The API refuses those whose numbers are in `refused`.
    """
    sent: list[Sent] = []
    answers: list[tuple[float, int]] = []
    now = 0.0
    for number, way in enumerate(wanted):
        now += way.think_s
        receive_answers(window, answers, now, refused)
        while window.free(now) <= 0:
            assert refused or is_truthful(window, sent, now)
            assert window.next_free_at(now) > now
            now = min(window.next_free_at(now), answers[0][0] if answers else math.inf)
            receive_answers(window, answers, now, refused)
        assert refused or is_truthful(window, sent, now)
        window.take(number, now)
        sent.append(Sent(now, now + way.there_s, now + way.there_s + way.back_s))
        heapq.heappush(answers, (sent[-1].answer, number))
        receive_answers(window, answers, now, refused)
    return sent


def receive_answers(window: RateWindow, answers: list[tuple[float, int]], now: float, refused: frozenset[int]) -> None:
    while answers and answers[0][0] <= now:
        at, number = heapq.heappop(answers)
        if number in refused:
            window.on_refusal(number, at, None)
        window.give_back(number, at)


def use(window: RateWindow, at: float, *keys: int, refused: bool = False, retry_after_s: float | None = None) -> None:
    """Requests that start and are answered at once."""
    for key in keys:
        window.take(key, at)
    for key in keys:
        if refused:
            window.on_refusal(key, at, retry_after_s)
        window.give_back(key, at)


def is_truthful(window: RateWindow, sent: list[Sent], now: float) -> bool:
    """A place is taken from a request's start until a window after its answer, and no longer."""
    back_at = [request.answer + window.window_s for request in sent]
    taken = [at for at in back_at if at > now]
    assert window.free(now) == window.limit - len(taken)
    known = [request.answer + window.window_s for request in sent if request.answer <= now]
    if len(taken) == window.limit:
        return window.next_free_at(now) == min((at for at in known if at > now), default=math.inf)
    return window.next_free_at(now) == now


@given(ways, some.integers(1, 5), some.integers(1, 80).map(lambda eighths: eighths / 8), times)
def test_no_window_of_the_server_ever_sees_more_than_the_limit(
    wanted: list[Travel], limit: int, window_s: float, phase: float
) -> None:
    assert_within(send_all(RateWindow(limit, window_s), wanted), limit, window_s, phase)


@given(ways, some.frozensets(some.integers(0, 59), min_size=1), some.integers(1, 40), times)
def test_nor_does_it_while_requests_are_refused_and_all_are_sent_in_the_end(
    wanted: list[Travel], refused: frozenset[int], limit: int, phase: float
) -> None:
    sent = send_all(RateWindow(limit, 10.0), wanted, refused)
    assert len(sent) == len(wanted)
    assert_within(sent, limit, 10.0, phase)


def assert_within(sent: list[Sent], limit: int, window_s: float, phase: float) -> None:
    arrivals = sorted(request.arrival for request in sent)
    for earlier, later in zip(arrivals, arrivals[limit:], strict=False):
        assert later - earlier >= window_s, "a sliding window was overrun"
    fixed = [math.floor((at - phase) / window_s) for at in arrivals]
    assert all(fixed.count(window) <= limit for window in fixed), "a fixed window was overrun"


@given(some.integers(1, 20), some.integers(1, 60))
def test_with_a_quick_network_the_whole_limit_is_used(limit: int, count: int) -> None:
    sent = send_all(RateWindow(limit, 10.0), [Travel(0.0, 0.0, 0.0)] * count)
    assert sent[-1].start == 10.0 * ((count - 1) // limit)


def test_a_place_comes_back_one_window_after_the_answer_not_after_the_start() -> None:
    budget = RateWindow(1, 10.0)
    budget.take(1, 0.0)
    assert budget.free(100.0) == 0
    assert budget.next_free_at(100.0) == math.inf
    budget.give_back(1, 100.0)
    assert budget.next_free_at(100.0) == 110.0
    assert budget.free(109.9) == 0
    assert budget.free(110.0) == 1


def test_refusals_hold_everything_for_longer_each_time_up_to_eight_seconds() -> None:
    budget, now = RateWindow(20, 10.0), 0.0
    for hold_s in (1.0, 2.0, 4.0, 8.0, 8.0):
        use(budget, now, 1, refused=True)
        assert budget.free(now + hold_s - 0.01) == 0
        assert budget.backoff.held_until == now + hold_s
        now = budget.next_free_at(now)
        assert budget.free(now) > 0


def test_refusals_that_come_together_count_as_one() -> None:
    budget = RateWindow(20, 10.0)
    use(budget, 0.0, 1, 2, 3, 4, 5, 6, refused=True)
    assert budget.backoff.held_until == 1.0
    assert budget.backoff.places(0.0) == 14


def test_after_an_answer_the_next_refusal_holds_briefly_again() -> None:
    budget = RateWindow(20, 10.0)
    use(budget, 0.0, 1, refused=True)
    use(budget, 10.0, 1, refused=True)
    budget.on_response()
    use(budget, 30.0, 1, refused=True)
    assert budget.backoff.held_until == 31.0


@pytest.mark.parametrize(("retry_after_s", "held_s"), [(None, 1.0), (0.0, 1.0), (0.5, 1.0), (30.0, 30.0)])
def test_the_servers_own_word_is_honoured_where_it_asks_for_longer(retry_after_s: float | None, held_s: float) -> None:
    budget = RateWindow(20, 10.0)
    use(budget, 0.0, 1, 2, 3, 4)
    use(budget, 0.0, 5, refused=True, retry_after_s=retry_after_s)
    assert budget.backoff.held_until == held_s


def test_a_hold_does_not_hide_that_places_are_taken() -> None:
    budget = RateWindow(1, 10.0)
    use(budget, 0.0, 1, refused=True)
    assert budget.next_free_at(0.0) == 10.0
    use(budget, 10.0, 1, refused=True, retry_after_s=30.0)
    assert budget.next_free_at(10.0) == 40.0


def test_what_an_earlier_process_sent_takes_its_places_until_then() -> None:
    budget = RateWindow(3, 10.0)
    budget.assume_spent(2, 7.0)
    assert budget.free(0.0) == 1
    budget.take(1, 0.0)
    assert budget.next_free_at(0.0) == 7.0
    assert budget.free(7.0) == 2


def test_no_more_places_are_assumed_spent_than_there_are() -> None:
    budget = RateWindow(3, 10.0)
    budget.assume_spent(2, 5.0)
    budget.assume_spent(50, 7.0)
    assert budget.free(0.0) == 0
    assert budget.free(5.0) == 2
    assert budget.free(7.0) == 3


def test_no_place_is_taken_while_another_process_decides() -> None:
    budget = RateWindow(20, 10.0)
    budget.pause_until(5.0)
    assert (budget.free(4.9), budget.next_free_at(4.9)) == (0, 5.0)
    assert budget.free(5.0) == 20

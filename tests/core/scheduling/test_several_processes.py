"""Several processes behind one key, in virtual time: never over the limit together, no place idle, nobody starved."""

import heapq
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.scheduling.rate_window import RateWindow
from hailuo_batch.core.scheduling.shared_window import parse_holdings, render_holdings

LIMIT, WINDOW_S = 20, 10.0
FOREVER = 1_000_000


@dataclass
class Worker:
    """A process with so many requests to send from `begin_at` on; killed at `end_at`."""

    requests: int
    begin_at: float = 0.0
    end_at: float = float("inf")
    delay_s: float = 0.1
    budget: RateWindow = field(default_factory=lambda: RateWindow(LIMIT, WINDOW_S))
    sent_at: list[float] = field(default_factory=list)
    wake_at: float = 0.0

    def sent(self, begin: float, end: float) -> int:
        """How many requests it sent in that time."""
        return sum(begin <= at < end for at in self.sent_at)


class Machine:
    """The workers and the text that they share. Each sends whenever it may."""

    def __init__(self, workers: Sequence[Worker], seed: int = 0) -> None:
        self.workers = workers
        self.arrivals: list[float] = []
        self.text = b""
        self._rng = Random(seed)
        self._order = count()
        self._keys = count()
        self._queue: list[tuple[float, int, Worker, int | None]] = []
        for worker in workers:
            worker.wake_at = worker.begin_at
            self._at(worker.begin_at, worker)

    def run(self, until: float) -> "Machine":
        while self._queue and self._queue[0][0] <= until:
            now, _, worker, answered = heapq.heappop(self._queue)
            if now >= worker.end_at or (answered is None and now != worker.wake_at):
                continue
            if answered is not None:
                worker.budget.give_back(answered, now)
            self._turn(worker, now)
        return self

    def _at(self, at: float, worker: Worker, answered: int | None = None) -> None:
        heapq.heappush(self._queue, (at, next(self._order), worker, answered))

    def _turn(self, worker: Worker, now: float) -> None:
        known = parse_holdings(self.text, "", now, WINDOW_S)
        known.pop(str(self.workers.index(worker)), None)
        for name, holding in known.items():
            if now >= self.workers[int(name)].end_at:
                known[name] = holding.after_exit(now, WINDOW_S)
        budget = worker.budget
        budget.on_others(tuple(known.values()), now)
        while len(worker.sent_at) < worker.requests and budget.free(now) > 0:
            self._send(worker, now)
        if len(worker.sent_at) < worker.requests:
            budget.start_waiting(now)
        else:
            budget.stop_waiting()
        known[str(self.workers.index(worker))] = budget.publish(now)
        self.text = render_holdings("", known)
        waits = len(worker.sent_at) < worker.requests
        worker.wake_at = min(budget.next_free_at(now) if waits else float("inf"), budget.publish_at())
        assert worker.wake_at > now
        self._at(worker.wake_at, worker)

    def _send(self, worker: Worker, now: float) -> None:
        key = next(self._keys)
        worker.budget.take(key, now)
        worker.sent_at.append(now)
        there_s, back_s = (self._rng.uniform(0.1, 1.0) * worker.delay_s for _ in range(2))
        self.arrivals.append(now + there_s)
        self._at(now + there_s + back_s, worker, key)

    def most_in_a_window(self, phase: float) -> int:
        """The most requests that a sliding window, or a fixed one of this phase, has seen."""
        at = sorted(self.arrivals)
        sliding = max((bisect_left(at, begin + WINDOW_S) - index for index, begin in enumerate(at)), default=0)
        fixed = [math.floor((arrival - phase) / WINDOW_S) for arrival in at]
        return max(sliding, max(map(fixed.count, set(fixed)), default=0))


def moments(most_s: int) -> some.SearchStrategy[float]:
    """Times whose sums and differences are exact: a server's window is not at the mercy of our rounding."""
    return some.integers(0, most_s * 64).map(lambda ticks: ticks / 64)


times = moments(60)
workers = some.builds(
    Worker,
    requests=some.integers(0, 80),
    begin_at=times,
    end_at=some.just(float("inf")) | times,
    delay_s=some.sampled_from((0.05, 1.0, 8.0)),
)


@given(some.lists(workers, min_size=2, max_size=3), moments(int(WINDOW_S)), some.integers(0, 1000))
def test_no_window_of_the_server_ever_sees_more_than_the_limit_of_all_processes_together(
    group: list[Worker], phase: float, seed: int
) -> None:
    for worker in group:
        if worker.end_at < float("inf"):  # what a dead process has under way may arrive later: the network's own
            worker.delay_s = 0.0
    assert Machine(group, seed).run(400.0).most_in_a_window(phase) <= LIMIT
    assert all(len(worker.sent_at) == worker.requests for worker in group if worker.end_at == float("inf"))


def test_two_with_much_to_do_get_half_each_and_together_everything() -> None:
    one, other = Worker(FOREVER), Worker(FOREVER)
    Machine((one, other)).run(400.0)
    sent = [worker.sent(100.0, 400.0) for worker in (one, other)]
    assert min(sent) >= 0.47 * sum(sent)
    assert sum(sent) >= 0.95 * 300.0 * LIMIT / WINDOW_S


@pytest.mark.deep
def test_three_get_a_third_each() -> None:
    group = [Worker(FOREVER, begin_at=7.0 * number) for number in range(3)]
    Machine(group).run(700.0)
    sent = [worker.sent(100.0, 700.0) for worker in group]
    assert min(sent) >= 0.3 * sum(sent)
    assert sum(sent) >= 0.95 * 600.0 * LIMIT / WINDOW_S


def test_who_comes_later_has_its_half_within_two_windows() -> None:
    first, later = Worker(FOREVER), Worker(FOREVER, begin_at=95.0)
    Machine((first, later)).run(145.0)
    assert later.sent(95.0, 115.0) >= LIMIT / 2
    assert later.sent(115.0, 145.0) >= 0.45 * (first.sent(115.0, 145.0) + later.sent(115.0, 145.0))


def test_one_that_is_alone_again_gets_everything() -> None:
    stays, ends = Worker(FOREVER), Worker(100, end_at=500.0)
    Machine((stays, ends)).run(500.0)
    assert len(ends.sent_at) == 100
    assert stays.sent(200.0, 400.0) >= 0.95 * 200.0 * LIMIT / WINDOW_S


def test_who_asks_for_little_gets_it_at_once_and_leaves_the_rest() -> None:
    busy = Worker(FOREVER)
    modest = [Worker(1, begin_at=50.0 + 10.0 * number) for number in range(10)]
    Machine((busy, *modest)).run(200.0)
    for worker in modest:
        assert worker.sent_at[0] <= worker.begin_at + WINDOW_S + 0.5
    assert busy.sent(50.0, 150.0) >= 0.95 * (100.0 * LIMIT / WINDOW_S - len(modest))


def test_a_restart_sees_what_the_process_before_it_has_sent() -> None:
    killed, restarted = Worker(15, end_at=2.0), Worker(FOREVER, begin_at=3.0)
    Machine((killed, restarted)).run(9.9)
    assert restarted.sent(3.0, 9.9) == 5


def test_alone_it_is_as_if_there_were_no_file() -> None:
    sharing, alone = Worker(FOREVER, delay_s=0.0), RateWindow(LIMIT, WINDOW_S)
    Machine((sharing,)).run(100.0)
    at, keys = [], count()
    now = 0.0
    while now <= 100.0:
        while alone.free(now) > 0:
            key = next(keys)
            alone.take(key, now)
            alone.give_back(key, now)
            at.append(now)
        now = alone.next_free_at(now)
    assert sharing.sent_at == at

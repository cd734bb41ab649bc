"""The clients that the engine is compared with, each as short as its policy.

`Poller` is what vendors advise and what SDKs do: each run polled at a fixed pause, back-off on 429. `Limiter` never
passes the window, creates everything first, and then asks about the run that it has not asked about for longest.
`Oracle` knows every duration.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from random import Random

from hailuo_batch.core.scheduling.rate_window import RateWindow
from tests.benchmarks.provider import Answer, Request

_LONGEST_BACK_OFF_S = 30.0
_MOST_DOUBLINGS = 5


class Poller:
    """Polls each run `pause_s` after its last answer; on 429 that request waits 1, 2, 4 ... 30 s, and a random part of
    it less.

    At most `max_fetches` runs are open, or `creates_at_once` creates are tried; with neither, all begin together.
    """

    def __init__(
        self, runs: int, pause_s: float, seed: int, *, at_once: int | None = None, creates_at_once: int | None = None
    ) -> None:
        self._pause_s = pause_s
        self._rng = Random(seed)
        self._waiting = deque(range(runs))
        self._due: list[tuple[float, int, bool]] = []
        self._refusals: dict[int, int] = {}
        self._creates_one_by_one = creates_at_once is not None
        for _ in range(at_once or creates_at_once or runs):
            self._open(0.0)

    def start(self, now: float) -> Iterator[Request]:
        """All that is due."""
        while self._due and self._due[0][0] <= now:
            _, number, creates = heapq.heappop(self._due)
            yield Request(creates, number)

    def wake_at(self, now: float) -> float:
        """The next that is due."""
        return max(now, self._due[0][0]) if self._due else float("inf")

    def on_answer(self, request: Request, answer: Answer, now: float) -> None:
        """Back off, go on, or make room for another run."""
        number = request.number
        if answer.refused:
            refusals = self._refusals[number] = self._refusals.get(number, -1) + 1
            pause_s = min(_LONGEST_BACK_OFF_S, 2.0 ** min(refusals, _MOST_DOUBLINGS)) * self._rng.uniform(0.5, 1.0)
            heapq.heappush(self._due, (now + pause_s, number, request.creates))
            return
        self._refusals.pop(number, None)
        if request.creates or answer.done_at is None:
            heapq.heappush(self._due, (now + self._pause_s, number, False))
        if request.creates is self._creates_one_by_one and (request.creates or answer.done_at is not None):
            self._open(now)

    def _open(self, now: float) -> None:
        if self._waiting:
            heapq.heappush(self._due, (now, self._waiting.popleft(), True))


class Limiter:
    """All creates first, then the oldest poll first, within the window."""

    def __init__(self, runs: int, limit: int, window_s: float) -> None:
        self._budget = RateWindow(limit, window_s)
        self._creates = deque(range(runs))
        self._reads: deque[int] = deque()

    def start(self, now: float) -> Iterator[Request]:
        """As many as the window allows."""
        while (self._creates or self._reads) and self._budget.free(now) > 0:
            creates = bool(self._creates)
            number = (self._creates if creates else self._reads).popleft()
            self._budget.take(number, now)
            yield Request(creates, number)

    def wake_at(self, now: float) -> float:
        """The next free place, if there is something to ask."""
        return self._budget.next_free_at(now) if self._creates or self._reads else float("inf")

    def on_answer(self, request: Request, answer: Answer, now: float) -> None:
        """A run that goes on takes its place at the end."""
        self._budget.give_back(request.number, now)
        if request.creates or answer.done_at is None:
            self._reads.append(request.number)


class Oracle:
    """Polls only what is finished, and before a create only while that cannot delay the end."""

    def __init__(self, durations: Sequence[float], limit: int, window_s: float, places: int | None) -> None:
        self._budget = RateWindow(limit, window_s)
        self._requests_per_s = limit / window_s
        self._durations = durations
        self._next = 0
        self._open = 0
        self._finished: list[tuple[float, int]] = []
        self._free_at = None if places is None else [0.0] * places
        self._tails = self._longest_tails()

    def start(self, now: float) -> Iterator[Request]:
        """Every free place, while there is something worth a request."""
        while self._budget.free(now) > 0:
            done = bool(self._finished) and self._finished[0][0] <= now
            if done and (self._next == len(self._durations) or self._can_wait()):
                self._open -= 1
                yield self._take(Request(creates=False, number=heapq.heappop(self._finished)[1]), now)
            elif self._next < len(self._durations):
                self._next += 1
                yield self._take(Request(creates=True, number=self._next - 1), now)
            else:
                return

    def wake_at(self, now: float) -> float:
        """The next free place, or the next completion."""
        if self._next < len(self._durations):
            return self._budget.next_free_at(now)
        wanted_at = self._finished[0][0] if self._finished else float("inf")
        return max(self._budget.next_free_at(now), wanted_at)

    def on_answer(self, request: Request, answer: Answer, now: float) -> None:
        """A create that was answered tells when its run will be done."""
        self._budget.give_back(request.number, now)
        if request.creates:
            self._open += 1
            begin = answer.created_at
            if self._free_at is not None:
                begin = max(begin, heapq.heappop(self._free_at))
                heapq.heappush(self._free_at, begin + self._durations[request.number])
            heapq.heappush(self._finished, (begin + self._durations[request.number], request.number))

    def _take(self, request: Request, now: float) -> Request:
        self._budget.take(request.number, now)
        return request

    def _can_wait(self) -> bool:
        """Whether one poll now leaves the longest run that waits time to finish while the others are polled."""
        waiting = len(self._durations) - self._next
        needed_s = (2 * waiting + self._open) / self._requests_per_s
        return self._tails[self._next] + 1 / self._requests_per_s <= needed_s

    def _longest_tails(self) -> list[float]:
        """For each number, how long it takes from now on to create the runs from there on and have all finish."""
        tails = [0.0] * (len(self._durations) + 1)
        for number in reversed(range(len(self._durations))):
            tails[number] = max(tails[number + 1] + 1 / self._requests_per_s, self._durations[number])
        return tails

"""The other side, in virtual time: runs that take as long as the scenario says, behind the keys' request windows.

It answers a request as it arrives; nothing here knows how its clients decide. Times are seconds.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Limiter(Protocol):
    """The provider's count of requests."""

    def admits(self, now: float) -> bool: ...


class Counts(Enum):
    """Which requests a window counts; undocumented."""

    CARRIED_OUT = "those carried out"
    ALL = "all"


class SlidingWindow:
    """At most `limit` requests in any `window_s` seconds: carried out ones, or all where `counts` says so."""

    def __init__(self, limit: int, window_s: float, counts: Counts = Counts.CARRIED_OUT) -> None:
        self._counts = counts
        self._limit = limit
        self._window_s = window_s
        self._taken: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Count a request that arrives now, unless the window is full."""
        while self._taken and self._taken[0] <= now - self._window_s:
            self._taken.popleft()
        is_free = len(self._taken) < self._limit
        if is_free or self._counts is Counts.ALL:
            self._taken.append(now)
        return is_free


class FixedWindow:
    """At most `limit` requests carried out in each of the windows laid end to end from `phase`."""

    def __init__(self, limit: int, window_s: float, phase: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._phase = phase
        self._number = -1
        self._taken = 0

    def admits(self, now: float) -> bool:
        """Count a request that arrives now, unless the window is full."""
        number = int((now + self._phase) // self._window_s)
        if number != self._number:
            self._number, self._taken = number, 0
        if self._taken >= self._limit:
            return False
        self._taken += 1
        return True


@dataclass(frozen=True, slots=True)
class Request:
    """A create of, or a read of, the run with this number, with the API key of that number."""

    creates: bool
    number: int
    api_key: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: refused by the window, or carried out. `done_at` is None while the run goes on."""

    refused: bool = False
    created_at: float = 0.0
    done_at: float | None = None


class Provider:
    """Works on `places` runs at once, first come first served; on all of them where that is None. Each API key has a
    limiter of its own, in their order, and knows the runs that it made."""

    def __init__(self, durations: Sequence[float], *limiters: Limiter, places: int | None = None) -> None:
        self._durations = durations
        self._limiters = limiters
        self._free_at = None if places is None else [0.0] * places
        self._made_by: dict[int, int] = {}
        self.created_at: dict[int, float] = {}
        self.done_at: dict[int, float] = {}
        self.requests = 0
        self.refused = 0

    def handle(self, request: Request, now: float) -> Answer:
        """Carry out a request that arrives now."""
        self.requests += 1
        if not self._limiters[request.api_key - 1].admits(now):
            self.refused += 1
            return Answer(refused=True)
        number = request.number
        if request.creates:
            assert number not in self.created_at, "paid for twice"
            self.created_at[number] = now
            self._made_by[number] = request.api_key
            self.done_at[number] = self._begin(now) + self._durations[number]
            self._end(self.done_at[number])
        if number not in self.done_at:
            return Answer()  # there is no such run
        assert self._made_by[number] == request.api_key, "read with another key than the one that made it"
        done_at = self.done_at[number]
        return Answer(created_at=self.created_at[number], done_at=done_at if done_at <= now else None)

    def _begin(self, now: float) -> float:
        return now if self._free_at is None else max(now, heapq.heappop(self._free_at))

    def _end(self, done_at: float) -> None:
        if self._free_at is not None:
            heapq.heappush(self._free_at, done_at)

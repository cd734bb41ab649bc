"""The rate limit of one API key, creates and reads counted together, in a sliding or in a fixed window.

Knows nothing of requests or answers. Invariant: no window of its kind ever holds more admitted requests than the
limit. What is refused takes no place.
"""

import math
from collections import deque
from typing import Protocol

from hailuo_batch.sandbox.world.settings import Window, WorldSettings


class RequestLimit(Protocol):
    """Whether a request at `now` is within the limit; if so it takes its place."""

    def admit(self, now: float) -> bool:
        """Take a place at `now` (seconds), or return False where none is free."""


class SlidingLimit:
    """At most `limit` requests in any `window_s` seconds."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._taken: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Take a place at `now` (seconds), or return False where none is free."""
        taken = self._taken
        # a clock set back leaves times in the future; they must not block the key until the clock is there again
        while taken and (now - taken[0] >= self._window_s or taken[0] > now):
            taken.popleft()
        if len(taken) >= self._limit:
            return False
        taken.append(now)
        return True


class FixedLimit:
    """At most `limit` requests in each window of `window_s` seconds, counted from time 0."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._window = -math.inf
        self._count = 0

    def admit(self, now: float) -> bool:
        """Take a place at `now` (seconds), or return False where none is free."""
        window = math.floor(now / self._window_s)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count >= self._limit:
            return False
        self._count += 1
        return True


def request_limit_for(settings: WorldSettings) -> RequestLimit:
    """A fresh limit of the kind the settings ask for."""
    kind = SlidingLimit if settings.window is Window.SLIDING else FixedLimit
    return kind(settings.rate_limit, settings.rate_window_s)

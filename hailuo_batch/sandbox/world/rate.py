"""The rate limit of one API key, creates and reads counted together, in a sliding or in a fixed window.

Invariant: no window of its kind ever holds more requests than the limit. A refused request takes no slot.
"""

import math
from collections import deque

from hailuo_batch.sandbox.world.settings import Window, WorldSettings


class RequestLimit:
    """At most `rate_limit` requests in a window of `rate_window_s`, as the settings say."""

    def __init__(self, settings: WorldSettings) -> None:
        self._limit = settings.rate_limit
        self._window_s = settings.rate_window_s
        self._is_sliding = settings.window is Window.SLIDING
        self._taken_at: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Take a slot at `now` (seconds), or return False where none is free."""
        taken_at = self._taken_at
        while taken_at and self._has_left(taken_at[0], now):
            taken_at.popleft()
        if len(taken_at) >= self._limit:
            return False
        taken_at.append(now)
        return True

    def _has_left(self, at: float, now: float) -> bool:
        """Whether a request at `at` is no longer in the window at `now`. Fixed windows are counted from time 0."""
        if self._is_sliding:
            # a clock set back leaves times in the future; they must not block the key until the clock is there again
            return now - at >= self._window_s or at > now
        return math.floor(at / self._window_s) != math.floor(now / self._window_s)

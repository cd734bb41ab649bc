"""The request window: how many requests may start now, so that the API never has to refuse one.

A place is taken when a request starts and comes back one window after its answer came. Then no window of the
server, sliding or fixed and whatever its phase, can see more requests than there are places, for a request
reaches the server somewhere between its start and its answer. Pure: `now` is passed in, in seconds of a clock that
never goes back.
"""

from collections import deque

_FIRST_HOLD_S = 1.0
_LONGEST_HOLD_S = 8.0


class Budget:
    """The places of one key."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self.window_s = window_s
        self._under_way = 0
        self._back_at: deque[float] = deque()  # when each place that was used comes back, earliest first
        self._held_until = float("-inf")
        self._hold_s = 0.0

    def assume_spent(self, count: int, until: float) -> None:
        """Count places as taken that an earlier process may have used: they come back at `until`."""
        self._back_at.extend([until] * min(count, self.limit - len(self._back_at)))

    def free(self, now: float) -> int:
        """How many requests may start now."""
        if now < self._held_until:
            return 0
        while self._back_at and self._back_at[0] <= now:
            self._back_at.popleft()
        return self.limit - self._under_way - len(self._back_at)

    def take(self) -> None:
        """A request starts."""
        self._under_way += 1

    def give_back(self, now: float) -> None:
        """Its answer came, or it is known that none will."""
        self._under_way -= 1
        self._back_at.append(now + self.window_s)

    def hear_refusal(self, now: float, retry_after_s: float | None) -> None:
        """The API says that the window is full, so somebody else uses the key: hold everything, longer each time."""
        if now < self._held_until:
            return
        self._hold_s = min(_LONGEST_HOLD_S, self._hold_s * 2 or _FIRST_HOLD_S)
        self._held_until = now + max(self._hold_s, retry_after_s or 0.0)

    def hear_answer(self) -> None:
        """The API carried a request out: the window is not full."""
        self._hold_s = 0.0

    def next_free_at(self, now: float) -> float:
        """When the next place may come free; infinity if only an answer can free one."""
        if self.free(now) > 0:
            return now
        if self._under_way + len(self._back_at) < self.limit:
            return self._held_until
        return max(self._held_until, self._back_at[0]) if self._back_at else float("inf")

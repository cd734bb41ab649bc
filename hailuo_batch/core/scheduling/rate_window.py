"""The request window: how many requests may start now, so that the API never has to refuse one.

A place is taken when a request starts and comes back one window after its answer. Then no window of the server, sliding
or fixed and whatever its phase, can see more requests than there are places, because a request reaches the server
somewhere between its start and its answer. Places that other processes of this program hold count as taken, and of
those that wait for a place, the one that holds fewest goes first. Pure: `now` is passed in, in seconds of a clock that
never goes back.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from hailuo_batch.core.scheduling.backoff import Backoff
from hailuo_batch.core.scheduling.shared_window import Buckets, Holding

_RECHECK = 0.02  # of a window: how soon to check again where only another process can free a place
_WAIT_PRIORITY = 0.1  # of a window: how long a process that had to wait for a place goes first


class RateWindow:
    """The places of one API key that this process may use. Each request under way has a unique `key`."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self.window_s = window_s
        self.backoff = Backoff(limit, window_s)
        self._recheck_s = window_s * _RECHECK
        self._under_way: dict[int, float] = {}  # since when
        self._taken_at = float("-inf")
        self._back_at: deque[float] = deque()  # when each place that was used comes back, earliest first
        self._buckets = Buckets(window_s)  # the same, grouped for the other processes
        self._earlier: deque[float] = deque()  # the same of an earlier process, as far as its records show
        self._others: tuple[Holding, ...] = ()
        self._waits_at = float("-inf")
        self._paused_until = float("-inf")
        self._published_under_way = 0
        self._published_at = float("-inf")

    # --- this process's own places ---

    def assume_spent(self, count: int, until: float) -> None:
        """Count places as taken until `until` that an earlier process may have used.

        Where other processes are known to hold places, those are assumed to be the same.
        """
        self._earlier.extend([until] * min(count, self.limit - len(self._earlier)))

    def free(self, now: float) -> int:
        """How many requests may start now."""
        if now < max(self.backoff.held_until, self._paused_until):
            return 0
        return max(0, min(self._free_places(now), self._fair_share(now)))

    def take(self, key: int, now: float) -> None:
        """Take a place for a request that starts."""
        self._under_way[key] = self._taken_at = now

    def give_back(self, key: int, now: float) -> None:
        """Give the place back, one window from now: the answer came, or none will."""
        del self._under_way[key]
        self._back_at.append(now + self.window_s)
        self._buckets.add(now + self.window_s)

    def on_refusal(self, key: int, now: float, retry_after_s: float | None) -> None:
        """Slow down: the API says that the window is full, so somebody else uses the key. Call before `give_back`."""
        self.backoff.on_refusal(now, self._under_way[key], retry_after_s)

    def on_response(self) -> None:
        """Take note that the API carried out a request, so its window is not full."""
        self.backoff.on_response()

    def next_free_at(self, now: float) -> float:
        """When the next place may become free; infinity if only an answer can free one."""
        if self.free(now) > 0:
            return now
        room, held_until = self._free_places(now), max(self.backoff.held_until, self._paused_until)
        if room > 0:
            return max(held_until, now if self._fair_share(now) > 0 else now + self._recheck_s)
        back_at = sorted((*self._back_at, *self._earlier)) if self._earlier else self._back_at
        free_at = next(islice(back_at, -room, None), float("inf"))
        if self.is_shared(now):
            free_at = min(free_at, now + self._recheck_s)
        return max(held_until, min(free_at, self.backoff.rises_at(now)))

    def per_second(self, now: float) -> float:
        """The requests per second that this process may make at present."""
        places, others = self.backoff.places(now), [held for held in self._held_by_others(now) if held > 0]
        return max(places / (1 + len(others)), places - sum(others)) / self.window_s

    # --- the places of other processes ---

    def on_others(self, others: Sequence[Holding], now: float) -> None:
        """Replace what is known of the other processes on this machine."""
        self._others = tuple(others)
        for other in others:
            self.backoff.adopt(other.drop, other.held_until)
        self._drop_returned(now)

    def pause_until(self, until: float) -> None:
        """Take no place before `until`: another process is deciding."""
        self._paused_until = until

    def may_be_free(self, now: float) -> bool:
        """Whether a place is free apart from what others hold, which may have changed."""
        self._drop_returned(now)
        return now >= self.backoff.held_until and self._own_places < self.backoff.places(now)

    def start_waiting(self, now: float) -> None:
        """Claim priority: a request would start now, and there is no place for it."""
        self._waits_at = now

    def stop_waiting(self) -> None:
        """Give up the priority: no request waits for a place."""
        self._waits_at = float("-inf")

    def is_shared(self, now: float) -> bool:
        """Whether another process holds a place, or waits for one."""
        return any(held > 0 or self._is_waiting(other, now) for other, held in self._other_holdings(now))

    def publish_at(self) -> float:
        """When to tell the others that some of this process's requests have ended; infinity where none has."""
        is_news = len(self._under_way) < self._published_under_way
        return self._published_at + self._recheck_s if is_news else float("inf")

    def publish(self, now: float) -> Holding:
        """What the other processes must know of this one. It counts as published."""
        self._drop_returned(now)
        self._published_under_way, self._published_at = len(self._under_way), now
        return Holding(
            back_at=self._buckets.groups(),
            under_way=len(self._under_way),
            taken_at=self._taken_at,
            waits_at=self._waits_at,
            drop=self.backoff.drop if self.backoff.places(now) < self.limit else None,
            held_until=self.backoff.held_until,
        )

    @property
    def _own_places(self) -> int:
        return len(self._under_way) + len(self._back_at)

    def _free_places(self, now: float) -> int:
        """How many places are free for whoever's turn it is; below zero where more are in use than allowed."""
        self._drop_returned(now)
        others = max(len(self._earlier), sum(self._held_by_others(now)))
        return self.backoff.places(now) - self._own_places - others

    def _fair_share(self, now: float) -> int:
        """How many requests may start before it is the turn of another process that waits."""
        turn, mine = self.limit, self._own_places
        for other, held in self._other_holdings(now):
            if self._is_waiting(other, now):
                is_mine = mine < held or (mine == held and self._taken_at <= other.taken_at)
                turn = min(turn, max(1, held - mine) if is_mine else 0)
        return turn

    def _is_waiting(self, other: Holding, now: float) -> bool:
        return now - other.waits_at < self.window_s * _WAIT_PRIORITY

    def _other_holdings(self, now: float) -> list[tuple[Holding, int]]:
        return [(other, other.held(now, self.window_s)) for other in self._others]

    def _held_by_others(self, now: float) -> list[int]:
        return [held for _, held in self._other_holdings(now)]

    def _drop_returned(self, now: float) -> None:
        for places in (self._back_at, self._earlier):
            while places and places[0] <= now:
                places.popleft()
        self._buckets.drop_returned(now)

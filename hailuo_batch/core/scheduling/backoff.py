"""How many of its places a request window uses when somebody else may use the same key.

The API refusing a request for its rate is the only sign of others. Then the rate drops at once, by three tenths of the
places in use, and all requests are held for a moment. After that each window gives back a small share, until the whole
limit is allowed again. Requests that had started before a drop cause no second one: their refusal is the same news.
Pure: `now` is passed in, in seconds of a clock that never goes back.
"""

from dataclasses import dataclass
from math import floor

_FIRST_HOLD_S = 1.0
_LONGEST_HOLD_S = 8.0
_DROP = 0.7  # the share of the places that is left; halving would lose a fifth of the rate beside a fair second user
_RECOVERY = 0.05  # the share of the limit that each window gives back, at least one place


@dataclass(frozen=True, slots=True)
class Drop:
    """A drop of the rate: the number of places allowed from `at` on."""

    places: int
    at: float


class Backoff:
    """The reduced rate of one key whose window has `limit` places."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self.window_s = window_s
        self.held_until = float("-inf")
        self.drop: Drop | None = None  # the newest; None once the whole limit is allowed again
        self._hold_s = 0.0

    def places(self, now: float) -> int:
        """The number of places that may be used now."""
        if self.drop is None:
            return self.limit
        places = self.drop.places + self._windows_since(self.drop, now) * max(1, int(self.limit * _RECOVERY))
        if places < self.limit:
            return max(1, places)
        self.drop = None
        return self.limit

    def rises_at(self, now: float) -> float:
        """When more places are allowed than now; infinity where all are."""
        if self.places(now) == self.limit or self.drop is None:
            return float("inf")
        return self._windows_after(self.drop, self._windows_since(self.drop, now) + 1)

    def on_refusal(self, now: float, sent_at: float, retry_after_s: float | None) -> None:
        """Slow down: a request sent at `sent_at` was refused. `retry_after_s` is the pause that the API asks for."""
        if self.drop is None or sent_at > self.drop.at:
            self.drop = Drop(max(1, int(self.places(now) * _DROP)), now)
        if now >= self.held_until:
            self._hold_s = min(_LONGEST_HOLD_S, self._hold_s * 2 or _FIRST_HOLD_S)
            self.held_until = now + self._hold_s
        self.held_until = max(self.held_until, now + (retry_after_s or 0.0))

    def on_response(self) -> None:
        """Reset the pause: the API carried out a request, so its window is not full."""
        self._hold_s = 0.0

    def adopt(self, drop: Drop | None, held_until: float) -> None:
        """Slow down as another process of this program did, since its refusal concerns all of them."""
        if drop is not None and (self.drop is None or drop.at > self.drop.at):
            self.drop = drop
        self.held_until = max(self.held_until, held_until)

    def _windows_since(self, drop: Drop, now: float) -> int:
        """How many whole windows have passed since the drop; the next one ends after `now` despite rounding."""
        windows = floor((now - drop.at) / self.window_s)
        return windows + 1 if self._windows_after(drop, windows + 1) <= now else windows

    def _windows_after(self, drop: Drop, windows: int) -> float:
        return drop.at + windows * self.window_s

"""When to ask about which run.

The rule: a run is first asked about when it may reasonably be finished, then at pauses that grow with its age, so
that a short run is noticed within seconds and a long one costs few requests. The pauses stretch when so many runs
are open that the window could not serve them all. Pure: `now` is passed in.
"""

import heapq
from dataclasses import dataclass

FIRST_PAUSE_S = 3.0
_GROWTH = 0.12  # a pause is this share of the run's age
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class _Open:
    since: float
    due_at: float
    asked: bool = False


class Polling:
    """The open runs of one key, by their ledger key. `pace` is the requests per second that the window allows."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._open: dict[int, _Open] = {}
        self._queue: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._open)

    def open(self, key: int, since: float, now: float, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        """A run is open: it exists since `since` (which may lie before `now`, for a run that is resumed)."""
        due_at = max(since + first_pause_s, now)
        self._open[key] = _Open(since, due_at)
        heapq.heappush(self._queue, (due_at, key))

    def any_key(self) -> int | None:
        """One of the open runs, made due at once; None where none is open."""
        key = next(iter(self._open), None)
        if key is not None:
            run = self._open[key]
            run.due_at = float("-inf")
            heapq.heappush(self._queue, (run.due_at, key))
        return key

    def close(self, key: int) -> None:
        """The run needs no more reads."""
        self._open.pop(key, None)

    def asked(self, key: int) -> None:
        """A read has started: the run is not due until it is answered."""
        self._open[key].asked = True

    def unfinished(self, key: int, now: float) -> None:
        """A read came back and the run goes on, or nothing was learned: ask again later."""
        run = self._open.get(key)
        if run is None:
            return
        run.asked = False
        fair_share_s = len(self._open) / self._pace
        pause_s = min(_LONGEST_PAUSE_S, max(1.0, _GROWTH * (now - run.since)))
        run.due_at = now + max(pause_s, fair_share_s)
        heapq.heappush(self._queue, (run.due_at, key))

    def pick(self, now: float) -> int | None:
        """The run to ask about now, the longest due first; None if none is due."""
        self._settle()
        return self._queue[0][1] if self._queue and self._queue[0][0] <= now else None

    def next_due_at(self) -> float:
        """When the next run is due; infinity if none is open."""
        self._settle()
        return self._queue[0][0] if self._queue else float("inf")

    def _settle(self) -> None:
        """Drop entries that no longer say when a run is due."""
        while self._queue:
            due_at, key = self._queue[0]
            run = self._open.get(key)
            if run is not None and not run.asked and run.due_at == due_at:
                return
            heapq.heappop(self._queue)

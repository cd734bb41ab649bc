"""When to try which download, and when to leave it for the next apply.

Pure: `now` is passed in. A download that keeps failing is never given up for good: its run stays paid for and its
link stays recorded.
"""

import heapq
from dataclasses import dataclass

from hailuo_batch.core.model.runs import OutputKey

RETRY_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(slots=True)
class _Attempt:
    due_at: float
    failures: int = 0
    under_way: bool = False


class DownloadQueue:
    """The outputs that are not on disk yet."""

    def __init__(self, max_fetches: int) -> None:
        self._max_fetches = max_fetches
        self._attempts: dict[OutputKey, _Attempt] = {}
        self._queue: list[tuple[float, OutputKey]] = []
        self.under_way = 0

    def __len__(self) -> int:
        return len(self._attempts)

    def enqueue(self, slot: OutputKey, now: float) -> None:
        """This output is to be downloaded; one whose download has failed is tried anew at once."""
        known = self._attempts.get(slot)
        if known is None or not known.under_way:
            self._schedule(slot, _Attempt(now, known.failures if known is not None else 0))

    def start(self, slot: OutputKey) -> None:
        """Its download has begun."""
        self._attempts[slot].under_way = True
        self.under_way += 1

    def on_done(self, slot: OutputKey) -> None:
        """It is on disk, or is left to the next apply."""
        self._attempts.pop(slot, None)
        self.under_way -= 1

    def on_failed(self, slot: OutputKey, now: float) -> int:
        """Its download broke. Returns how often it has; after the last pause it is left to the next apply."""
        self.under_way -= 1
        known = self._attempts[slot]
        failures = known.failures + 1
        if failures > len(RETRY_PAUSES_S):
            del self._attempts[slot]
        else:
            self._schedule(slot, _Attempt(now + RETRY_PAUSES_S[failures - 1], failures))
        return failures

    def is_pending(self, slot: OutputKey) -> bool:
        """Whether this output is still to be downloaded by this apply."""
        return slot in self._attempts

    def drop_idle(self) -> None:
        """Leave all that is not under way to the next apply."""
        self._attempts = {slot: known for slot, known in self._attempts.items() if known.under_way}

    def pick(self, now: float) -> OutputKey | None:
        """The output to download now; None where none is due or no place is free."""
        if self.under_way >= self._max_fetches:
            return None
        self._drop_stale()
        return self._queue[0][1] if self._queue and self._queue[0][0] <= now else None

    def next_due_at(self) -> float:
        """When the next try is due; infinity where only the end of another can start one."""
        self._drop_stale()
        return self._queue[0][0] if self._queue and self.under_way < self._max_fetches else float("inf")

    def _schedule(self, slot: OutputKey, due: _Attempt) -> None:
        self._attempts[slot] = due
        heapq.heappush(self._queue, (due.due_at, slot))

    def _drop_stale(self) -> None:
        while self._queue:
            due_at, slot = self._queue[0]
            known = self._attempts.get(slot)
            if known is not None and not known.under_way and known.due_at == due_at:
                return
            heapq.heappop(self._queue)

"""When to try which download, and when to leave it to the next apply.

Pure: `now` is passed in. A download that keeps failing is never given up for good: its run is paid for and its link
stays on record.
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
    """The outputs that this apply has yet to download, at most `max_fetches` at the same time."""

    def __init__(self, max_fetches: int) -> None:
        self._max_fetches = max_fetches
        self._attempts: dict[OutputKey, _Attempt] = {}
        self._queue: list[tuple[float, OutputKey]] = []
        self.under_way = 0

    def __len__(self) -> int:
        return len(self._attempts)

    def enqueue(self, key: OutputKey, now: float) -> None:
        """Have this output downloaded. One that waits after a failure is tried at once: its link may be fresh."""
        known = self._attempts.get(key)
        if known is None or not known.under_way:
            self._schedule(key, _Attempt(now, known.failures if known is not None else 0))

    def start(self, key: OutputKey) -> None:
        """Mark this download as under way."""
        self._attempts[key].under_way = True
        self.under_way += 1

    def on_done(self, key: OutputKey) -> None:
        """Remove this output: it is on disk, or is left to the next apply."""
        self._attempts.pop(key, None)
        self.under_way -= 1

    def on_failed(self, key: OutputKey, now: float) -> int:
        """Schedule another try, or remove the output after the last one. Returns how often it has failed."""
        self.under_way -= 1
        failures = self._attempts[key].failures + 1
        if failures > len(RETRY_PAUSES_S):
            del self._attempts[key]
        else:
            self._schedule(key, _Attempt(now + RETRY_PAUSES_S[failures - 1], failures))
        return failures

    def is_pending(self, key: OutputKey) -> bool:
        """Whether this apply has yet to download this output."""
        return key in self._attempts

    def drop_idle(self) -> None:
        """Leave all downloads that are not under way to the next apply."""
        self._attempts = {key: known for key, known in self._attempts.items() if known.under_way}

    def pick(self, now: float) -> OutputKey | None:
        """The output to download now; None where none is due or the maximum is under way."""
        return self._queue[0][1] if self.next_due_at() <= now else None

    def next_due_at(self) -> float:
        """When the next try is due; infinity where only the end of another download can start one."""
        self._drop_stale()
        return self._queue[0][0] if self._queue and self.under_way < self._max_fetches else float("inf")

    def _schedule(self, key: OutputKey, due: _Attempt) -> None:
        self._attempts[key] = due
        heapq.heappush(self._queue, (due.due_at, key))

    def _drop_stale(self) -> None:
        """Drop entries from the front of the queue that another schedule, a start or an end has replaced."""
        while self._queue:
            due_at, key = self._queue[0]
            known = self._attempts.get(key)
            if known is not None and not known.under_way and known.due_at == due_at:
                return
            heapq.heappop(self._queue)

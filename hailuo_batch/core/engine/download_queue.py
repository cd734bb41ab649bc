"""When to try which download, and when to leave it for the next apply.

Pure: `now` is passed in. A download that keeps failing is never given up for good: its run stays paid for and its
link stays recorded.
"""

import heapq
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Slot

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(slots=True)
class _Try:
    due_at: float
    failures: int = 0
    under_way: bool = False


class Fetching:
    """The outputs that are not on disk yet."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._tries: dict[Slot, _Try] = {}
        self._queue: list[tuple[float, Slot]] = []
        self.under_way = 0

    def __len__(self) -> int:
        return len(self._tries)

    def want(self, slot: Slot, now: float) -> None:
        """This output is to be downloaded; one whose download has failed is tried anew at once."""
        known = self._tries.get(slot)
        if known is None or not known.under_way:
            self._schedule(slot, _Try(now, known.failures if known is not None else 0))

    def start(self, slot: Slot) -> None:
        """Its download has begun."""
        self._tries[slot].under_way = True
        self.under_way += 1

    def done(self, slot: Slot) -> None:
        """It is on disk, or is left to the next apply."""
        self._tries.pop(slot, None)
        self.under_way -= 1

    def failed(self, slot: Slot, now: float) -> int:
        """Its download broke. Returns how often it has; after the last pause it is left to the next apply."""
        self.under_way -= 1
        known = self._tries[slot]
        failures = known.failures + 1
        if failures > len(PAUSES_S):
            del self._tries[slot]
        else:
            self._schedule(slot, _Try(now + PAUSES_S[failures - 1], failures))
        return failures

    def waits_for(self, slot: Slot) -> bool:
        """Whether this output is still to be downloaded by this apply."""
        return slot in self._tries

    def drop_idle(self) -> None:
        """Leave all that is not under way to the next apply."""
        self._tries = {slot: known for slot, known in self._tries.items() if known.under_way}

    def pick(self, now: float) -> Slot | None:
        """The output to download now; None where none is due or no place is free."""
        if self.under_way >= self._at_once:
            return None
        self._settle()
        return self._queue[0][1] if self._queue and self._queue[0][0] <= now else None

    def next_due_at(self) -> float:
        """When the next try is due; infinity where only the end of another can start one."""
        self._settle()
        return self._queue[0][0] if self._queue and self.under_way < self._at_once else float("inf")

    def _schedule(self, slot: Slot, due: _Try) -> None:
        self._tries[slot] = due
        heapq.heappush(self._queue, (due.due_at, slot))

    def _settle(self) -> None:
        while self._queue:
            due_at, slot = self._queue[0]
            known = self._tries.get(slot)
            if known is not None and not known.under_way and known.due_at == due_at:
                return
            heapq.heappop(self._queue)

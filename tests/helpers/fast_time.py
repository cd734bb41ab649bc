"""A clock and threads under which the program's pauses pass quickly, and its work takes as long as it takes.

Time is hastened only while nothing is under way and the program waits for nothing but time. So a machine on which all
takes longer does not see time-outs, windows and patience run out before the work that they are there for is done.
"""

import time

from hailuo_batch.core.model.actions import Action
from hailuo_batch.runtime.executor import Completion, ThreadExecutor

TIME_FACTOR = 20.0

_skipped_s = 0.0


def now(_: object = None) -> float:
    """What the program takes for the time that passes. It never goes back, from one test to the next neither."""
    return time.monotonic() + _skipped_s


class FastExecutor(ThreadExecutor):
    """The real threads. Every second of waiting for nothing but time is HASTE of them."""

    _under_way = 0

    def start(self, action: Action) -> None:
        """Have the action carried out."""
        self._under_way += 1
        super().start(action)

    def wait(self, timeout_s: float) -> list[Completion]:
        """The actions that have ended since."""
        global _skipped_s  # noqa: PLW0603 - there is one time for all
        is_idle, began = self._under_way == 0, time.monotonic()
        completions = super().wait(timeout_s)
        self._under_way -= len(completions)
        if is_idle:
            _skipped_s += (TIME_FACTOR - 1.0) * (time.monotonic() - began)
        return completions

"""When to stop waiting for runs: none has finished for the time-out, and each has been read once since.

A process that slept, or that had no place in the window, must not report that no run has finished before it has looked.
Pure: `now` is passed in, in seconds of the engine's clock.
"""

from collections.abc import Sequence

from hailuo_batch.core.scheduling.polling import Polling

_GRACE_S = 180.0  # beyond the time that the window needs for the last reads, in case they cannot be sent


class RunTimeout:
    """The time since a run was created or finished, up to `timeout_s`, and the last reads after it."""

    def __init__(self, timeout_s: float, now: float) -> None:
        self._timeout_s = timeout_s
        self._since = now
        self._asking_from: float | None = None
        self._asking_until = float("inf")

    def restart(self, now: float) -> None:
        """Start again: a run was created, or has finished."""
        self._since = max(self._since, now)
        self._asking_from = None

    def is_due(self, now: float) -> bool:
        """Whether no run has been created or has finished for the time-out."""
        return now >= self._since + self._timeout_s

    def wake_at(self) -> float:
        """When to check again if nothing happens before."""
        return self._since + self._timeout_s if self._asking_from is None else self._asking_until

    def is_over(self, now: float, pollings: Sequence[Polling]) -> bool:
        """Whether to stop waiting. Has every open run read once before.

        A read without an answer counts; one that cannot be sent is waited for only until the grace period ends.
        """
        if not any(map(len, pollings)) or not self.is_due(now):
            return False
        if self._asking_from is None:
            self._asking_from = now
            self._asking_until = now + max(2 * len(each) / each.per_second for each in pollings) + _GRACE_S
        are_read = [each.read_each_since(self._asking_from) for each in pollings]  # of each, whatever the others say
        return all(are_read) or now >= self._asking_until

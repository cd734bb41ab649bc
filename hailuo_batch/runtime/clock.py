"""The only reader of time."""

import time


class Clock:
    """The machine's clocks, in seconds."""

    def now(self) -> float:
        """A clock that never goes back and has any starting point: for pauses and windows."""
        return time.monotonic()

    def wall(self) -> float:
        """The time of day, since the epoch, UTC: for the ledger and the report. It may jump."""
        return time.time()

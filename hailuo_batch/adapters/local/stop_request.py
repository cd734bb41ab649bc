"""A request to end a command early, passed from a signal or a lost reader to the running work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hailuo_batch.errors import ExitCode


class StopRequest:
    """A request to end a command before its work is done. `code` is its exit code then, None without a request.

    The first request counts. It reaches the running work, or waits for it to start. A request that comes after
    `finalize` is too late.
    """

    def __init__(self) -> None:
        self.code: ExitCode | None = None
        self.is_acknowledged = False
        self.is_too_late = False
        self._act: Callable[[ExitCode], None] | None = None

    def request(self, code: ExitCode) -> None:
        """Request the end. Safe to call from a signal handler."""
        if self.code is None:
            self.code = code
            if self._act is not None:
                self._act(code)

    def finalize(self) -> ExitCode | None:
        """Fix the exit code and return it: the command is about to end, and no signal changes the code from here on.

        What the command writes last depends on the code: a plan file, for instance, is marked as carried out. If a
        signal still changed the code, a script that repeats failed commands would start over and pay again.
        """
        self.is_too_late = True
        return self.code

    @contextmanager
    def handled_by(self, act: Callable[[ExitCode], None]) -> Iterator[None]:
        """Call `act` with the request while the context lasts, at once if it has already come."""
        self._act = act
        try:
            if self.code is not None:
                act(self.code)
            yield
        finally:
            self._act = None

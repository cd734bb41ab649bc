"""The wish that a command should end early, from whoever utters it to whoever is at work. Reads no signal itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hailuo_batch.errors import ExitCode


class StopRequest:
    """The wish that a command should end before its work is done. `code` is what it then exits with, None without one.

    The first wish counts. It reaches whoever is at work, and waits where nobody is yet. One that comes after the
    command has settled how it ends is too late.
    """

    def __init__(self) -> None:
        self.code: ExitCode | None = None
        self.is_acknowledged = False
        self.is_too_late = False
        self._act: Callable[[ExitCode], None] | None = None

    def request(self, code: ExitCode) -> None:
        """Wish it. Safe to call from a signal handler."""
        if self.code is None:
            self.code = code
            if self._act is not None:
                self._act(code)

    def finalize(self) -> ExitCode | None:
        """The wish as it stands now, for good: the command is about to end, with a code that no signal changes.

        What the command writes last may depend on that code. Were a signal still to end the process with another one,
        whoever repeats a command that did not end well would have it begin anew, and pay anew.
        """
        self.is_too_late = True
        return self.code

    @contextmanager
    def handled_by(self, act: Callable[[ExitCode], None]) -> Iterator[None]:
        """While it lasts, `act` is called with the wish: at once, where it has come already."""
        self._act = act
        try:
            if self.code is not None:
                act(self.code)
            yield
        finally:
            self._act = None

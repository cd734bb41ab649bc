"""Lines for a log or a pipe: each begins with the time, which a terminal's user can see on the clock."""

from collections.abc import Callable
from typing import Protocol, TextIO

from hailuo_batch.ui.screen.colour import fit_to
from hailuo_batch.values import format_local_second


class LineWriter(Protocol):
    """Whatever lines are written to."""

    def write(self, text: str, /) -> object:
        """Write text that ends with its line."""

    def flush(self) -> object:
        """Write what is held."""


class TimedLog:
    """A stream that is no terminal, each of whose lines begins with the local time. `wall` gives seconds since the
    epoch."""

    def __init__(self, stream: TextIO, wall: Callable[[], float]) -> None:
        self._stream = stream
        self._wall = wall

    def write(self, text: str, /) -> None:
        """Write a line with the time before it."""
        self._stream.write(fit_to(self._stream, f"{format_local_second(self._wall())} {text}"))

    def flush(self) -> None:
        """Write what is held."""
        self._stream.flush()

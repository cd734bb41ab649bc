"""Where an apply's words go, and from where they may not be read any more: the reader may go away at any write.

The streams are the product's own, down to the file descriptor; whatever is written to that comes here.
"""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from hailuo_batch.adapters.local.streams import Sink
from tests.sim.adversary import Fate


class Terminals:
    """The file descriptors that lead to a terminal now, and the terminals behind them."""

    def __init__(self) -> None:
        self._open: dict[int, Terminal] = {}

    def take(self, number: int, data: bytes) -> int | None:
        """In place of `os.write`: None where this is no terminal's. Raises OSError where nobody reads it."""
        terminal = self._open.get(number)
        return None if terminal is None else terminal.take(data)

    @contextmanager
    def open(self, terminal: "Terminal") -> Iterator[None]:
        """While it lasts, whatever is printed goes to this terminal."""
        number = os.open(os.devnull, os.O_WRONLY)
        self._open[number] = terminal
        stream = io.TextIOWrapper(io.BufferedWriter(Sink(number)), "utf-8", line_buffering=True)
        try:
            with redirect_stdout(stream), redirect_stderr(stream):
                yield
        finally:
            del self._open[number]
            stream.close()
            os.close(number)


class Terminal:
    """Standard output and standard error in one. What is written becomes a part of the story."""

    def __init__(self, fate: Fate, log: Callable[[str], None]) -> None:
        self._fate = fate
        self._log = log
        self.is_gone = False
        self.printed = bytearray()

    def take(self, data: bytes) -> int:
        """As a pipe: once its reader is gone, every write fails."""
        if not self.is_gone and self._fate.happens("reader gone"):
            self.is_gone = True
            self._fate.count("reader gone")
            self._log("whoever read the output is gone")
        if self.is_gone:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        self.printed += data
        self._log(f"told: {data.decode('utf-8').rstrip()}")
        return len(data)

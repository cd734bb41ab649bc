"""The standard streams, protected so that nothing which happens to them can end the work.

Everything that is printed passes through a `Sink` to the file descriptor. After a write fails, that write and all later
ones are dropped: no print raises, and the interpreter has nothing to fail at when it exits. The caller can ask for the
failure, and can be notified at once when a reader is gone.

An apply must not wait for a slow reader (a pager, a terminal stopped by Ctrl-S): results that were paid for would wait
with it, unrecorded. What cannot be written at once is then kept for later.
"""

import errno
import io
import os
import select
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READER_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN, errno.ENOTCONN})
_TERMINAL_GONE = frozenset({errno.EIO, errno.ENXIO})
_MAX_PIECE_BYTES = 4096  # what a pipe takes without blocking when `poll` reports space
_MAX_PENDING_BYTES = 1 << 20  # kept for a slow reader; beyond it, new output is dropped
_NARROWEST = 20
_WIDEST = 1_000  # no screen is wider, and `COLUMNS` may say anything


class Sink(io.RawIOBase):
    """A file descriptor whose writes never fail. `failure` is why nothing is written any more, None without a failure.

    `on_reader_gone` is called when its reader is gone. Unless `may_wait`, it only writes what can be written at once.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.failure: OSError | None = None
        self.on_reader_gone: Callable[[], None] | None = None
        self.may_wait = True
        self._number = number
        self._pending = bytearray()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._number)

    def writable(self) -> bool:
        """Always: that is its purpose."""
        return True

    @property
    def has_lost_reader(self) -> bool:
        """Whether its reader is gone."""
        return self.failure is not None and is_reader_gone(self.failure, self._number)

    def write(self, data: "ReadableBuffer", /) -> int:
        """Accept all bytes, whether or not they can be written."""
        view = memoryview(data).cast("B")
        if self.failure is None and (self.may_wait or len(self._pending) < _MAX_PENDING_BYTES):
            self._pending += view
            self.flush_pending()
        return len(view)

    def flush_pending(self) -> None:
        """Write what is pending, as far as possible."""
        try:
            while self._pending and self._has_room():
                piece = self._pending if self.may_wait else self._pending[:_MAX_PIECE_BYTES]
                with suppress(BlockingIOError):  # non-blocking, and another process filled it first
                    del self._pending[: os.write(self._number, bytes(piece))]
        except OSError as error:
            self.failure = error
            self._pending.clear()
            if self.on_reader_gone is not None and self.has_lost_reader:
                self.on_reader_gone()

    def _has_room(self) -> bool:
        """Whether a write would return without blocking. Waits for that if `may_wait`."""
        poll = select.poll()
        poll.register(self._number, select.POLLOUT)
        return bool(poll.poll(None if self.may_wait else 0))


def guard_streams() -> None:
    """Route everything that this process prints through sinks. Only for the command line's own process."""
    for name in ("stdout", "stderr"):
        stream: TextIO = getattr(sys, name)
        stream.flush()
        sink = Sink(stream.fileno())
        buffered = io.BufferedWriter(sink)
        is_lined = name == "stderr" or sink.isatty()
        setattr(sys, name, io.TextIOWrapper(buffered, stream.encoding, "backslashreplace", line_buffering=is_lined))


def write_failure_of(stream: TextIO) -> OSError | None:
    """Return why nothing is written to the stream any more; None without a failure, or without a sink."""
    sink = _sink_behind(stream)
    return None if sink is None else sink.failure


def is_reader_gone(error: OSError, number: int | None = None) -> bool:
    """Whether the error means that nobody reads any more: a closed pipe, or a terminal at `number` that is gone.

    Other errors, such as a full disk, do not mean that the user left.
    """
    if error.errno in _READER_GONE:
        return True
    return error.errno in _TERMINAL_GONE and number is not None and _is_device(number)


@contextmanager
def notify_when_unread(on_reader_gone: Callable[[], None]) -> Iterator[None]:
    """Call `on_reader_gone` when a stream loses its reader while the context lasts, at once if one already has."""
    sinks = _sinks()
    for sink in sinks:
        sink.on_reader_gone = on_reader_gone
    try:
        if any(sink.has_lost_reader for sink in sinks):
            on_reader_gone()
        yield
    finally:
        for sink in sinks:
            sink.on_reader_gone = None


@contextmanager
def never_blocking() -> Iterator[None]:
    """Make no print wait for a reader while the context lasts. What is pending is written before the next print."""
    sinks = _sinks()
    for sink in sinks:
        sink.may_wait = False
    try:
        yield
    finally:
        for sink in sinks:
            sink.may_wait = True


def flush_pending() -> None:
    """Write all that is pending, waiting for slow readers."""
    for sink in _sinks():
        sink.flush_pending()


def wait_while_read(stream: TextIO, seconds: float) -> bool:
    """Wait so long, but no longer than somebody reads the stream. Returns whether somebody does at the end."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # closed, or no file at all: nobody can leave it
        time.sleep(seconds)
        return True
    poll = select.poll()
    poll.register(number, 0)  # no event is asked for: that nobody reads any more is told all the same
    return not poll.poll(seconds * 1000)


def write_from_handler(number: int, text: str) -> None:
    """Write past all buffers, which a signal handler may have interrupted. Dropped if that would block."""
    poll = select.poll()
    with suppress(OSError):  # the terminal is gone, as after SIGHUP
        poll.register(number, select.POLLOUT)
        if poll.poll(0):
            os.write(number, text.encode())


def _sinks() -> list[Sink]:
    return [sink for stream in (sys.stdout, sys.stderr) if (sink := _sink_behind(stream)) is not None]


def _sink_behind(stream: TextIO) -> Sink | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Sink) else None


def _is_device(number: int) -> bool:
    """Whether this is a device. A terminal that is gone no longer passes isatty, but still is one."""
    try:
        return stat.S_ISCHR(os.fstat(number).st_mode)
    except OSError:
        return False


def terminal_columns(stream: TextIO) -> int:
    """Return the terminal's width in columns; `COLUMNS` or 80 where it does not say."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return min(max(columns or shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)

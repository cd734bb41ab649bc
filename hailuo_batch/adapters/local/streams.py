"""The program's standard streams, so that nothing which happens to them can end the work.

Whatever is printed, by whoever it is, passes through a `Sink` on its way to the file descriptor. A write that cannot be
made is remembered and passed over, as is all that follows it: no print raises, and nothing is left for the interpreter
to fail at when it ends. Whether that matters is for the caller to say, who may ask for it and may be told at once when
a reader has gone.

While an apply works it may not wait for a reader that is slow (a pager, a terminal that Ctrl-S has stopped): answers
that were paid for would wait with it, recorded nowhere. What finds no room then is kept for later.
"""

import errno
import io
import os
import select
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READER_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN, errno.ENOTCONN})
_TERMINAL_GONE = frozenset({errno.EIO, errno.ENXIO})
_MAX_PIECE_BYTES = 4096  # what a pipe takes without waiting, where `poll` says that it has room
_MAX_PENDING_BYTES = 1 << 20  # kept for a reader that does not read; beyond it, what is new is dropped
_NARROWEST = 20
_WIDEST = 1_000  # no screen is wider, and `COLUMNS` may say anything


class Sink(io.RawIOBase):
    """A file descriptor whose writes never fail. `failure` is why it is written to no more, None while it is.

    `told` is called when its reader goes. Where it may not wait, it writes what finds room at once.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.failure: OSError | None = None
        self.on_reader_gone: Callable[[], None] | None = None
        self.may_wait = True
        self._number = number
        self._pending = bytearray()

    def fileno(self) -> int:
        """The file descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether a terminal is behind it."""
        return os.isatty(self._number)

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    @property
    def has_lost_reader(self) -> bool:
        """Whether its reader has gone."""
        return self.failure is not None and is_reader_gone(self.failure, self._number)

    def write(self, data: "ReadableBuffer", /) -> int:
        """Take the bytes, whatever becomes of them."""
        view = memoryview(data).cast("B")
        if self.failure is None and (self.may_wait or len(self._pending) < _MAX_PENDING_BYTES):
            self._pending += view
            self.flush_pending()
        return len(view)

    def flush_pending(self) -> None:
        """Write what has found no room yet, as far as may be."""
        try:
            while self._pending and self._has_room():
                piece = self._pending if self.may_wait else self._pending[:_MAX_PIECE_BYTES]
                with suppress(BlockingIOError):  # somebody else has made it non-blocking, and was quicker
                    del self._pending[: os.write(self._number, bytes(piece))]
        except OSError as error:
            self.failure = error
            self._pending.clear()
            if self.on_reader_gone is not None and self.has_lost_reader:
                self.on_reader_gone()

    def _has_room(self) -> bool:
        """Whether a write would be taken, or refused, without waiting. Waits for that where it may."""
        poll = select.poll()
        poll.register(self._number, select.POLLOUT)
        return bool(poll.poll(None if self.may_wait else 0))


def guard_streams() -> None:
    """Have everything that is printed from now on pass through sinks. For a process that is the command line's own."""
    for name in ("stdout", "stderr"):
        stream: TextIO = getattr(sys, name)
        stream.flush()
        sink = Sink(stream.fileno())
        buffered = io.BufferedWriter(sink)
        is_lined = name == "stderr" or sink.isatty()
        setattr(sys, name, io.TextIOWrapper(buffered, stream.encoding, "backslashreplace", line_buffering=is_lined))


def write_failure_of(stream: TextIO) -> OSError | None:
    """Why the stream is written to no more; None while it is, and for one that no sink is behind."""
    sink = _sink_behind(stream)
    return None if sink is None else sink.failure


def is_reader_gone(error: OSError, number: int | None = None) -> bool:
    """Whether this says that nobody reads any more: a pipe's other end is closed, or the terminal at `number` is gone.

    Anything else, such as a full disk, says nothing of whoever has us print.
    """
    if error.errno in _READER_GONE:
        return True
    return error.errno in _TERMINAL_GONE and number is not None and _is_device(number)


@contextmanager
def notify_when_unread(on_reader_gone: Callable[[], None]) -> Iterator[None]:
    """While it lasts, have `told` called when a reader of either stream goes; at once where one has gone already."""
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
    """While it lasts, no print waits for a reader. What found no room then goes before whatever is printed next."""
    sinks = _sinks()
    for sink in sinks:
        sink.may_wait = False
    try:
        yield
    finally:
        for sink in sinks:
            sink.may_wait = True


def flush_pending() -> None:
    """Write all that a slow reader has kept waiting. Waits for it."""
    for sink in _sinks():
        sink.flush_pending()


def write_from_handler(number: int, text: str) -> None:
    """Write past all buffers, for a signal handler: it may have interrupted any of them. Dropped where there is no room
    at once."""
    poll = select.poll()
    with suppress(OSError):  # the terminal is gone, as it is on SIGHUP
        poll.register(number, select.POLLOUT)
        if poll.poll(0):
            os.write(number, text.encode())


def _sinks() -> list[Sink]:
    return [sink for stream in (sys.stdout, sys.stderr) if (sink := _sink_behind(stream)) is not None]


def _sink_behind(stream: TextIO) -> Sink | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Sink) else None


def _is_device(number: int) -> bool:
    """A terminal that is gone answers no question that only terminals know, but it is still a device."""
    try:
        return stat.S_ISCHR(os.fstat(number).st_mode)
    except OSError:
        return False


def terminal_columns(stream: TextIO) -> int:
    """How wide the terminal behind the stream is, in columns; 80 or `COLUMNS` where it does not say."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return min(max(columns or shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)

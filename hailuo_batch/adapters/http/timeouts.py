"""How long one exchange may take, and a socket that holds itself to it.

A socket's own time-out starts anew with each byte, so a server that drips could hold a request for ever. Here every
single read is bounded by an end for the whole exchange, and a waiting read looks up now and then to see whether the
program wants to stop.
"""

import io
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CANCEL_CHECK_S = 0.25


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect (TCP to each address, and the TLS handshake), between bytes, and for one exchange in all."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 120.0


class Cancelled(Exception):  # noqa: N818 - the caller's own wish, not an error
    """The caller asked for the exchange to stop."""


def _never() -> bool:
    return False


class ExchangeTimer:
    """The time left for one exchange. It begins with its construction, so connecting counts.

    Every `read_s` seconds must bring at least `floor_bytes` bytes: with 1, that is the time between bytes; with
    more, it also ends a transfer that only drips.
    """

    def __init__(
        self, read_s: float, total_s: float, *, floor_bytes: int = 1, cancelled: Callable[[], bool] = _never
    ) -> None:
        self._read_s = read_s
        self._floor_bytes = floor_bytes
        self._cancelled = cancelled
        self._ends_at = time.monotonic() + total_s
        self.restart()

    def limited_to(self, total_s: float) -> "ExchangeTimer":
        """The patience for a step of this exchange that may take no longer than that, however it drips."""
        step = ExchangeTimer(total_s, min(total_s, self._ends_at - time.monotonic()), cancelled=self._cancelled)
        step.expect_head()
        return step

    def restart(self) -> None:
        """Begin to wait for bytes anew."""
        self._expected_bytes: float = self._floor_bytes
        self._idle_ends_at = time.monotonic() + self._read_s

    def expect_head(self) -> None:
        """Begin to wait for the head of an answer: in `read_s` seconds it must be whole, in however many pieces."""
        self.restart()
        self._expected_bytes = math.inf

    def on_bytes(self, count: int) -> None:
        """Take note of bytes that came."""
        self._expected_bytes -= count
        if self._expected_bytes <= 0:
            self.restart()

    def remaining_s(self) -> float:
        """Seconds that may still pass in silence. Raises TimeoutError where none are left, Cancelled on a stop."""
        if self._cancelled():
            raise Cancelled
        left = min(self._idle_ends_at, self._ends_at) - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class TimedSocket:
    """Stands in for a connected socket where http.client uses one, and holds every call to the patience set on it."""

    def __init__(self, sock: socket.socket, timer: ExchangeTimer) -> None:
        self._sock = sock
        self.timer = timer

    def settimeout(self, value: float | None) -> None:
        """Ignored: the patience rules, and http.client would set the time to connect."""

    def sendall(self, data: bytes) -> None:
        """Send everything. Raises OSError, TimeoutError included."""
        self._sock.settimeout(self.timer.remaining_s())
        self._sock.sendall(data)

    def recv_into(self, buffer: "WriteableBuffer") -> int:
        """Read what comes next, 0 bytes at the end. Raises OSError, TimeoutError included, and Cancelled."""
        while True:
            self._sock.settimeout(min(self.timer.remaining_s(), _CANCEL_CHECK_S))
            try:
                count = self._sock.recv_into(buffer)
            except TimeoutError:
                continue
            self.timer.on_bytes(count)
            return count

    def makefile(self, _mode: str, *_args: object) -> io.BufferedReader:
        """A reader that keeps the connection open until it is closed itself."""
        return io.BufferedReader(_TimedReader(self, self._sock.makefile("rb", buffering=0)), 1 << 16)

    def fileno(self) -> int:
        """The descriptor, for those who poll it."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the connection, once its readers are closed too."""
        self._sock.close()


class _TimedReader(io.RawIOBase):
    """Reads through the patient socket; `keeper` is what makes the socket count this reader."""

    def __init__(self, sock: TimedSocket, keeper: io.RawIOBase) -> None:
        self._sock = sock
        self._keeper = keeper

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._keeper.close()
        super().close()

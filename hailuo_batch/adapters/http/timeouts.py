"""Time-outs of one exchange, and a socket that obeys them.

A plain socket's time-out restarts with each byte, so a server that sends one byte at a time could hold a request for
ever. Here every read is also bounded by the end of the whole exchange, and a waiting read checks now and then whether
the program wants to stop.
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
    """Seconds to connect (TCP to each address, and the TLS handshake), between bytes, and for one exchange in total."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 120.0


class Cancelled(Exception):  # noqa: N818 - requested by the caller, not an error
    """The caller asked to stop the exchange."""


def _never() -> bool:
    return False


class ExchangeTimer:
    """The time left for one exchange. It starts when constructed, so connecting counts.

    Every `read_s` seconds must bring at least `floor_bytes` bytes. With 1 that is the time between bytes; with more it
    also ends a transfer that only trickles.
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
        """Return a timer for a step of this exchange that may take at most `total_s`, however its bytes trickle in."""
        step = ExchangeTimer(total_s, min(total_s, self._ends_at - time.monotonic()), cancelled=self._cancelled)
        step.expect_head()
        return step

    def restart(self) -> None:
        """Restart the wait for bytes."""
        self._expected_bytes: float = self._floor_bytes
        self._idle_ends_at = time.monotonic() + self._read_s

    def expect_head(self) -> None:
        """Start waiting for a response head, which must be whole within `read_s`, in however many pieces."""
        self.restart()
        self._expected_bytes = math.inf

    def on_bytes(self, count: int) -> None:
        """Count bytes that arrived."""
        self._expected_bytes -= count
        if self._expected_bytes <= 0:
            self.restart()

    def remaining_s(self) -> float:
        """Return the seconds that may pass without a byte. Raises TimeoutError if none are left, and Cancelled."""
        if self._cancelled():
            raise Cancelled
        left = min(self._idle_ends_at, self._ends_at) - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class TimedSocket:
    """A connected socket, as http.client uses one, whose every call obeys its timer."""

    def __init__(self, sock: socket.socket, timer: ExchangeTimer) -> None:
        self._sock = sock
        self.timer = timer

    def settimeout(self, value: float | None) -> None:
        """Ignored: the timer decides, and http.client would set the connect time-out."""

    def sendall(self, data: bytes) -> None:
        """Send all bytes. Raises OSError, including TimeoutError."""
        self._sock.settimeout(self.timer.remaining_s())
        self._sock.sendall(data)

    def recv_into(self, buffer: "WriteableBuffer") -> int:
        """Read the next bytes, 0 at the end. Raises OSError, including TimeoutError, and Cancelled."""
        while True:
            self._sock.settimeout(min(self.timer.remaining_s(), _CANCEL_CHECK_S))
            try:
                count = self._sock.recv_into(buffer)
            except TimeoutError:
                continue
            self.timer.on_bytes(count)
            return count

    def makefile(self, _mode: str, *_args: object) -> io.BufferedReader:
        """Return a reader that keeps the connection open until the reader is closed."""
        return io.BufferedReader(_TimedReader(self, self._sock.makefile("rb", buffering=0)), 1 << 16)

    def fileno(self) -> int:
        """Return the descriptor, for polling."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the connection, once its readers are closed."""
        self._sock.close()


class _TimedReader(io.RawIOBase):
    """A reader of a TimedSocket. `keeper` makes the socket count this reader as open."""

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

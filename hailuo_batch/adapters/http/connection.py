"""One HTTP/1.1 connection: dialled first, spoken over afterwards.

The two steps are apart because they differ in what a failure means: until `Dialer.dial` returns, no byte of a request
has left; from then on it may have. TLS is verified against the system's certificates (SSL_CERT_FILE where it is
set). Nothing is retried, no redirect is followed, and nothing is logged.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import cast

from urllib3.connection import HTTPConnection
from urllib3.response import BaseHTTPResponse

from hailuo_batch.adapters.http.dialing import (
    Proxy,
    connect_directly,
    connect_to_proxy,
    open_tunnel,
    parse_proxy,
    wrap_in_tls,
    wrap_proxy_in_tls,
)
from hailuo_batch.adapters.http.failures import CONNECTION_ERRORS, NotConnected, describe_error
from hailuo_batch.adapters.http.interim_responses import FinalResponse
from hailuo_batch.adapters.http.origin import Origin, find_proxy
from hailuo_batch.adapters.http.timeouts import ExchangeTimer, TimedSocket

__all__ = ["CONNECTION_ERRORS", "Dialer", "HttpTransport", "NotConnected", "describe_error"]


class HttpTransport:
    """A connection that stands. Not thread-safe: one exchange at a time."""

    def __init__(self, conn: HTTPConnection, sock: TimedSocket) -> None:
        self._conn = conn
        self._conn.response_class = FinalResponse
        self._sock = sock

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, timer: ExchangeTimer
    ) -> BaseHTTPResponse:
        """Send a request and read the head of the answer, past interim ones; its body is left to be read, undecoded.

        Raises what is listed in BROKEN, and Cancelled.
        """
        self._sock.timer = timer
        timer.restart()
        # A server may answer and close before it has read a whole body: its answer is worth more than the error.
        with suppress(BrokenPipeError):
            self._conn.request(method, target, body=body, headers=headers, preload_content=False, decode_content=False)
        response = self._conn.getresponse()
        timer.restart()
        return response

    @property
    def is_reusable(self) -> bool:
        """Whether the server left the connection open and has said nothing since: it may still be stale."""
        return self._conn.sock is not None and self._conn.is_connected

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()
        self._sock.close()


class Dialer:
    """Opens connections, through the environment's proxies where it names some. Thread-safe."""

    def __init__(self, connect_s: float) -> None:
        self._connect_s = connect_s

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def dial(self, origin: Origin, timer: ExchangeTimer, address: str | None = None) -> HttpTransport:
        """Connect, to `address` in place of the host's own where it is given and no proxy stands in between.

        Raises NotConnected for every failure, and Cancelled.
        """
        timer.remaining_s()
        try:
            sock = self._connect(origin, timer, address)
        except NotConnected as error:
            raise NotConnected(f"no connection to {origin.netloc}: {error}", error.obstacle, error.setting) from None
        except CONNECTION_ERRORS as error:
            raise NotConnected(f"no connection to {origin.netloc}: {describe_error(error)}") from None
        conn = HTTPConnection(origin.host, origin.port)
        # A connection that was closed must never be opened again behind the back of the one who sends.
        conn.auto_open = 0
        timed = TimedSocket(sock, timer)
        conn.sock = cast("socket.socket", timed)
        return HttpTransport(conn, timed)

    def _connect(self, origin: Origin, timer: ExchangeTimer, address: str | None) -> socket.socket:
        setting = find_proxy(origin)
        proxy = None if setting is None else parse_proxy(setting)
        if proxy is None:
            sock = connect_directly(origin.host if address is None else address, origin.port, self._connect_s)
        else:
            sock = self._connect_through(proxy, origin, timer)
        return wrap_in_tls(sock, origin.host, self._tls, proxy) if origin.scheme == "https" else sock

    def _connect_through(self, proxy: Proxy, origin: Origin, timer: ExchangeTimer) -> socket.socket:
        sock = connect_to_proxy(proxy, self._connect_s)
        if proxy.origin.scheme == "https":
            sock = wrap_proxy_in_tls(sock, proxy, self._tls)
        open_tunnel(sock, origin, proxy, timer.limited_to(self._connect_s))
        return sock

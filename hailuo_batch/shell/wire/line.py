"""One HTTP/1.1 connection: dialled first, spoken over afterwards.

The two steps are apart because they differ in what a failure means: until `Dialer.dial` returns, no byte of a request
has left; from then on it may have. TLS is verified against the system's certificates (SSL_CERT_FILE where it is
set). Nothing is retried, no redirect is followed, and nothing is logged.
"""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url, make_headers, parse_url

from hailuo_batch.shell.wire.interim import FinalAnswer
from hailuo_batch.shell.wire.origin import Origin, proxy_url
from hailuo_batch.shell.wire.patience import Patience, PatientSocket
from hailuo_batch.shell.wire.text import printable

BROKEN = (HTTPError, http.client.HTTPException, OSError, ValueError)
"""Whatever a network, a proxy or a server can make the libraries below raise."""


_MOST_INTERIM = 100

if TYPE_CHECKING:

    class _Response(http.client.HTTPResponse):
        def _read_status(self) -> tuple[str, int, str]: ...

else:
    _Response = http.client.HTTPResponse


class _Answer(_Response):
    """An answer behind however many interim ones (RFC 9110, section 15.2): any 1xx is passed over with its head.

    http.client does so with 100 alone, and without end; another 1xx passes there for the answer itself, so that a run
    which was made and paid for, or a video that was sent, would seem to be refused.
    """

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()
            if not 100 <= status < 200:
                return version, status, reason
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("another protocol, which was not asked for")
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("interim answers without end")


class NotConnected(Exception):  # noqa: N818 - says what is known, which is the point of it
    """The TCP connection, the proxy's tunnel or the TLS handshake did not come to stand: no request was sent."""


class Line:
    """A connection that stands. Not thread-safe: one exchange at a time."""

    def __init__(self, conn: HTTPConnection, sock: PatientSocket) -> None:
        self._conn = conn
        self._conn.response_class = FinalAnswer
        self._sock = sock

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, patience: Patience
    ) -> BaseHTTPResponse:
        """Send a request and read the head of the answer, past interim ones; its body is left to be read, undecoded.

        Raises what is listed in BROKEN, and Cancelled.
        """
        self._sock.patience = patience
        patience.renew()
        # A server may answer and close before it has read a whole body: its answer is worth more than the error.
        with suppress(BrokenPipeError):
            self._conn.request(method, target, body=body, headers=headers, preload_content=False, decode_content=False)
        response = self._conn.getresponse()
        patience.renew()
        return response

    @property
    def reusable(self) -> bool:
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
        return ssl.create_default_context()

    def dial(self, origin: Origin, patience: Patience, address: str | None = None) -> Line:
        """Connect, to `address` in place of the host's own where it is given and no proxy stands in between.

        Raises NotConnected for every failure, and Cancelled.
        """
        patience.left_s()
        try:
            conn = self._connection(origin, address)
            try:
                conn.connect()
            except BaseException:
                conn.close()
                raise
        except BROKEN as error:
            raise NotConnected(f"no connection to {origin.netloc}: {describe(error)}") from None
        conn.response_class = _Answer
        # A connection that was closed must never be opened again behind the back of the one who sends.
        conn.auto_open = 0
        sock = PatientSocket(conn.sock, patience)
        conn.sock = cast("socket.socket", sock)
        return Line(conn, sock)

    def _connection(self, origin: Origin, address: str | None) -> HTTPConnection:
        proxy = proxy_url(origin)
        if proxy is not None:
            return self._tunnel(origin, _parse_proxy(proxy))
        host = origin.host if address is None else address
        if origin.scheme == "http":
            return HTTPConnection(host, origin.port, timeout=self._connect_s)
        return HTTPSConnection(
            host, origin.port, timeout=self._connect_s, ssl_context=self._tls, server_hostname=origin.host
        )

    def _tunnel(self, origin: Origin, proxy: Url) -> HTTPConnection:
        headers = make_headers(proxy_basic_auth=unquote(proxy.auth)) if proxy.auth else {}
        config = ProxyConfig(
            ssl_context=self._tls, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None
        )
        host = (proxy.host or "").strip("[]")
        port = proxy.port or (443 if proxy.scheme == "https" else 80)
        conn = HTTPSConnection(
            host, port, timeout=self._connect_s, proxy=proxy, proxy_config=config, ssl_context=self._tls
        )
        conn.set_tunnel(origin.host, origin.port, headers=headers, scheme=proxy.scheme or "http")
        return conn


def _parse_proxy(text: str) -> Url:
    proxy = parse_url(text)
    if proxy.scheme not in {"http", "https"} or not proxy.host:
        raise ValueError("the proxy in the environment is no http:// or https:// URL")
    return proxy


def describe(error: BaseException) -> str:
    """Why a connection or an exchange broke, in a few words for the user."""
    while error.__cause__ is not None:
        error = error.__cause__
    match error:
        case TimeoutError():
            return "timed out"
        case socket.gaierror():
            return "its name cannot be resolved"
        case ConnectionRefusedError():
            return "connection refused"
        case ssl.SSLCertVerificationError():
            return printable(f"its certificate cannot be trusted ({error.verify_message})")
        case http.client.RemoteDisconnected():
            return "the connection was closed without an answer"
        case http.client.IncompleteRead():
            return "the connection was closed in the middle of the answer"
        case http.client.HTTPException():
            return printable(f"the answer is no readable HTTP ({type(error).__name__})")
        case OSError() if error.strerror:
            return printable(error.strerror).lower()
        case _:
            return printable(str(error)) or type(error).__name__

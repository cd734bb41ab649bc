"""A real HTTP/1.1 server on loopback that does, byte for byte, what a test tells it: also everything wrong.

A test hands it acts, one for each request in the order of their arrival (the last one repeats), and looks at
`requests` afterwards. Its certificate is `CERTIFICATE`, which a test trusts through SSL_CERT_FILE; it names
127.0.0.1, localhost and api.example.test. Knows nothing of the product.
"""

import json
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.helpers.timeouts import TEST_TIMEOUT_S

CERTIFICATE = Path(__file__).with_name("loopback.pem")


@dataclass(frozen=True)
class Request:
    """A request as it arrived. `connection` counts the server's connections from 1; header names are lower case."""

    connection: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Peer:
    """The server's end of one connection. Sending to a client that has gone is no error."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping
        self.ended = False

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError:
            self.end()

    def end(self) -> None:
        """Close in good order."""
        self.ended = True
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close with a reset."""
        self.ended = True
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_until_gone(self) -> None:
        """Stay silent until the client gives up."""
        self.ended = True
        with suppress(OSError):
            while self.sock.recv(4096):
                pass


Act = Callable[[Peer, Request], None]


def answer(
    status: int = 200,
    body: object = b"",
    *,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> Act:
    """A whole answer; `body` is bytes, text, or data for JSON. `length` makes Content-Length lie."""
    payload = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(payload) if length is None else length}"]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")

    def act(peer: Peer, _request: Request) -> None:
        peer.send(head + payload)
        if length is not None and length > len(payload):
            peer.end()

    return act


def raw(data: bytes) -> Act:
    """These bytes, then the end of the connection."""

    def act(peer: Peer, _request: Request) -> None:
        peer.send(data)
        peer.end()

    return act


def close(peer: Peer, _request: Request) -> None:
    """No answer: the connection is closed."""
    peer.end()


def reset(peer: Peer, _request: Request) -> None:
    """No answer: the connection is reset."""
    peer.reset()


def silence(peer: Peer, _request: Request) -> None:
    """No answer, ever."""
    peer.wait_until_gone()


def drip(data: bytes, every_s: float) -> Act:
    """One byte at a time, for ever if the client lets it: after the data its last byte repeats."""

    def act(peer: Peer, _request: Request) -> None:
        at = 0
        while not peer.ended and not peer.stopping.wait(every_s):
            peer.send(data[at : at + 1])
            at = min(at + 1, len(data) - 1)

    return act


def after(event: threading.Event, then: Act) -> Act:
    """Wait until the test lets go, then act."""

    def act(peer: Peer, request: Request) -> None:
        while not event.wait(0.01) and not peer.stopping.is_set():
            pass
        then(peer, request)

    return act


def garble_tls(peer: Peer, _request: Request) -> None:
    """In the middle of a TLS connection, bytes that are no TLS."""
    with socket.socket(fileno=os.dup(peer.sock.fileno())) as plain:
        plain.sendall(b"this is no TLS record\r\n" * 10)
    peer.wait_until_gone()


class LoopbackServer:
    """Listens on 127.0.0.1 for as long as it is entered.

    `before` acts on each new connection, ahead of any request. `server_names` holds what each TLS client asked for.
    """

    def __init__(self, *acts: Act, tls: bool = False, before: Callable[[Peer], None] | None = None) -> None:
        self._acts = acts
        self._before = before
        self.server_names: list[str | None] = []
        self._tls = self._tls_context() if tls else None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._last: tuple[str, int] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self.requests: list[Request] = []
        self.connections = 0

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.address[1]}"

    def __enter__(self) -> Self:
        self._acceptor = self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        # Not every system lets a shutdown wake the one who accepts. Whoever connected before is still heard to the end
        # of what was sent, however late the server comes to it.
        with socket.socket() as last:
            last.bind((self.address[0], 0))
            self._last = last.getsockname()
            last.connect(self.address)
            _join(self._acceptor)
        with self._lock:
            sockets, threads = list(self._sockets), list(self._threads)
        for sock in sockets:
            _hang_up(sock)
        for thread in threads:
            _join(thread)
        self._listener.close()

    def _tls_context(self) -> ssl.SSLContext:
        def note(_sock: object, name: str | None, _context: object) -> None:
            self.server_names.append(name)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.sni_callback = note
        return context

    def _start(self, target: Callable[..., None], *args: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            sock, client = self._listener.accept()
            if client == self._last:
                sock.close()
                return
            self.connections += 1
            self._start(self._serve, sock, self.connections)

    def _serve(self, plain: socket.socket, connection: int) -> None:
        with _shaken(plain, self._tls) as sock:
            if sock is None:
                return
            with self._lock:
                self._sockets.append(sock)
            if self._stopping.is_set():
                _hang_up(sock)
            peer = Peer(sock, self._stopping)
            if self._before is not None:
                self._before(peer)
            while not peer.ended:
                request = _read_request(sock, connection)
                if request is None:
                    return
                with self._lock:
                    act = self._acts[min(len(self.requests), len(self._acts) - 1)]
                    self.requests.append(request)
                act(peer, request)
                if request.headers.get("connection", "").lower() == "close":
                    peer.end()


def _join(thread: threading.Thread) -> None:
    thread.join(TEST_TIMEOUT_S)
    assert not thread.is_alive(), "a server thread hangs"


def _hang_up(sock: socket.socket) -> None:
    """What has arrived can still be read; nothing more comes, and nothing can be sent."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextmanager
def _shaken(plain: socket.socket, tls: ssl.SSLContext | None) -> Iterator[socket.socket | None]:
    """The connection after its TLS handshake, None where that failed; closed at the end."""
    with plain:
        if tls is None:
            yield plain
            return
        try:
            sock = tls.wrap_socket(plain, server_side=True)
        except OSError:
            yield None
            return
        with sock:
            yield sock


def _read_request(sock: socket.socket, connection: int) -> Request | None:
    """The next request, None where the client is gone before it is whole."""
    try:
        head, _, body = _read_until(sock, b"", lambda data: b"\r\n\r\n" in data).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        body = _read_until(sock, body, lambda data: len(data) >= length)
    except (OSError, EOFError):
        return None
    method, target, _ = first.split(" ", 2)
    return Request(connection, method, target, headers, body)


def _read_until(sock: socket.socket, data: bytes, is_enough: Callable[[bytes], bool]) -> bytes:
    while not is_enough(data):
        more = sock.recv(65536)
        if not more:
            raise EOFError
        data += more
    return data


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections for as long as the context lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]

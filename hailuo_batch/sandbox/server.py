"""The sandbox: a world behind HTTP/1.1 on a loopback address, in the form of Runbase.

Owns the socket, the threads of its connections, and the lock around the world, whose time is the wall clock that is
passed in. All API responses are the world's.

Invariant: run IDs survive a restart (a sandbox with the same seed knows them by the same keys), while links to files
always point at the sandbox that returned them.
"""

import ipaddress
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import ThreadingHTTPServer
from typing import Any, Self

from hailuo_batch.sandbox.handler import API_PATH, FILES_PATH, Handler
from hailuo_batch.sandbox.media import MediaFile, load_clips, media_file
from hailuo_batch.sandbox.world import ApiResponse, World, WorldSettings

_POLL_S = 0.05
_GRACE_S = 5.0


class SandboxServer:
    """A Runbase look-alike that runs from `start` (or `with`) to `stop`, or in the foreground by `serve_forever`.

    It listens from the moment it is made, on `port` (0: any free one) of a loopback IPv4 address. `latency_s` passes
    before each API answer, after the world has acted. `speed` divides how long new runs take, and nothing else: the
    rate limit stays real. `wall` gives seconds since the epoch. Raises ValueError for a host that is not loopback or a
    speed or latency that cannot be, OSError where the port cannot be had.
    """

    def __init__(
        self,
        settings: WorldSettings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_s: float = 0.0,
        speed: float = 1.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if not ipaddress.IPv4Address(host).is_loopback:
            raise ValueError(f"the sandbox listens on loopback addresses only, not on {host}")
        if not 0 < speed < float("inf") or not 0 <= latency_s < float("inf"):
            raise ValueError("speed must be above 0, latency_s must not be below 0, and both must be finite")
        self._latency_s = latency_s
        self._wall = wall
        self._clips = load_clips()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._serving = False
        self._thread: threading.Thread | None = None
        self._http = _HttpServer((host, port), _handler_for(self))
        self._root = f"http://{host}:{self._http.server_address[1]}"
        scaled = replace(settings, median_s=settings.median_s / speed, min_s=settings.min_s / speed)
        self._world = World(scaled, self._root + FILES_PATH)

    @property
    def base_url(self) -> str:
        """The base URL for clients, such as `http://127.0.0.1:8080/api/v1`."""
        return self._root + API_PATH

    @property
    def world(self) -> World:
        """The world behind it; read-only while requests are being served."""
        return self._world

    def start(self) -> None:
        """Serve in a thread of its own until `stop`."""
        self._serving = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(_POLL_S,), name="sandbox", daemon=True)
        self._thread.start()

    def serve_forever(self) -> None:
        """Serve in this thread until `stop` is called from another, or an exception such as KeyboardInterrupt comes."""
        try:
            self._serving = True
            self._http.serve_forever(_POLL_S)
        finally:
            self._serving = False  # else `stop` would wait for a loop that an exception ended or prevented

    def stop(self) -> None:
        """Close the socket and every connection. May be called more than once, and without a `start`."""
        self._stopping.set()
        if self._serving:
            self._http.shutdown()
            self._serving = False
        self._http.server_close()
        if self._thread is not None:
            self._thread.join(_GRACE_S)
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def create(self, key: str | None, body: bytes) -> ApiResponse:
        """Answer a create. The run is created at once, and the response follows after the latency."""
        with self._lock:
            response = self._world.create(self._wall(), key, body)
        self._stopping.wait(self._latency_s)
        return response

    def read(self, key: str | None, run_id: str) -> ApiResponse:
        """Answer a read, after the latency."""
        with self._lock:
            response = self._world.read(self._wall(), key, run_id)
        self._stopping.wait(self._latency_s)
        return response

    def file(self, name: str) -> MediaFile | None:
        """Return the output file `<name>.mp4`; None unless its run has succeeded."""
        served = self._world.clip_of(name, self._wall())
        return None if served is None else media_file(name, served, self._clips)


def _handler_for(sandbox: SandboxServer) -> type[Handler]:
    return type("SandboxHandler", (Handler,), {"backend": sandbox})


class _HttpServer(ThreadingHTTPServer):
    """A thread for each connection, all of them ended by `server_close`."""

    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without http.server's look-up of the host's name, which may ask the network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that is known until it ends."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._open_lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, from its own thread."""
        with self._open_lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, hang up on every connection and wait for its thread."""
        self.socket.close()
        with self._open_lock:
            still_open = dict(self._open)
        for request in still_open:
            _hang_up(request)
        for thread in still_open.values():
            thread.join(_GRACE_S)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that went away; anything else is a bug, and its traceback is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed

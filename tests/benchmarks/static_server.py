"""A file server that is not what a benchmark measures: processes that send from the page cache with sendfile.

Serves the files of one folder on 127.0.0.1, with keep-alive, until it is left. Understands just enough HTTP/1.1 for
downloaders that behave: GET of a plain name.
"""

import multiprocessing
import os
import socket
import threading
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Self

_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {length}\r\n"
    'ETag: "{name}"\r\nConnection: {then}\r\n\r\n'
)


class StaticServer:
    """Listens from the moment it is made; serves while it is entered."""

    def __init__(self, folder: Path, processes: int = 2) -> None:
        self._folder = folder
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        context = multiprocessing.get_context("fork")
        self._workers: list[BaseProcess] = [
            context.Process(target=_work, args=(self._listener, folder), daemon=True) for _ in range(processes)
        ]

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self._workers:
            worker.terminate()
            worker.join()
        self._listener.close()


def _work(listener: socket.socket, folder: Path) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_serve, args=(sock, folder), daemon=True).start()


def _serve(sock: socket.socket, folder: Path) -> None:
    with sock, suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = sock.recv(65536)
                if not more:
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            if not _answer(sock, folder, head.decode("latin-1")):
                return


def _answer(sock: socket.socket, folder: Path, head: str) -> bool:
    """Send the file asked for; whether the connection stays open."""
    name = head.split(" ", 2)[1].rpartition("/")[2]
    stays = "connection: close" not in head.lower()
    with (folder / name).open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        sock.sendall(_HEAD.format(length=length, name=name, then="keep-alive" if stays else "close").encode("ascii"))
        sent = 0
        while sent < length:
            sent += os.sendfile(sock.fileno(), file.fileno(), sent, length - sent)
    return stays

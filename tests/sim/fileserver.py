"""The server of finished videos, with an adversary in it, and a line to it for the product's own downloader.

The downloader is the real one down to the bytes of HTTP: only the socket under it is made up. What lies at a link
is served whole, in part, cut short, under a wrong length, or not at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from urllib3.connection import HTTPConnection

from hailuo_batch.adapters.http.connection import HttpTransport
from hailuo_batch.adapters.http.origin import Origin
from hailuo_batch.adapters.http.timeouts import ExchangeTimer, TimedSocket
from hailuo_batch.sandbox.media import MediaFile, RangeNotSatisfiable, requested_range
from tests.helpers.mp4 import FTYP, box, clip
from tests.sim.adversary import FETCHES, RANGES, Fate
from tests.sim.truth import Truth

URL = "http://127.0.0.1:9"
"""Where the world says that its files lie; nothing is ever connected."""

_PAGE = b"<!doctype html><title>Please wait</title>"
_LARGE = 200_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes over the wire: the bytes of an answer; `resets` says that the connection breaks behind them."""

    data: bytes
    resets: bool = False


class FileServer:
    """Answers one GET at a time. `find` gives how the file at a name ends, None where the link is dead."""

    def __init__(self, fate: Fate, truth: Truth, find: Callable[[str], bytes | None]) -> None:
        self._fate = fate
        self._truth = truth
        self._find = find
        self._short: set[bytes] = set()  # what was served cut short, and passed off as whole

    def answer(self, request: bytes) -> Sent:
        """The answer to a request, as bytes."""
        line, *rest = request.decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in rest)}
        name, _, part = line.split(" ")[1].rsplit("/", 1)[-1].partition("?")
        name = name.removesuffix(".mp4")
        fault = (self._fate.one_of(RANGES) if "range" in headers else "") or self._fate.one_of(FETCHES)
        tail = self._find(name)
        if tail is None or fault == "link dead":
            return _answer(404, {}, b"gone")
        if fault == "web page":
            kind = self._fate.rng.choice(("text/html", "video/mp4"))
            return _answer(200, {"Content-Type": kind}, _PAGE)
        film = _film(name, part, tail, version=int(fault in {"file changed", "version ignored"}))
        return self._serve(f"run_{name}", film, fault, headers)

    def _serve(self, run_id: str, film: "_Film", fault: str, headers: Mapping[str, str]) -> Sent:
        # a server that looks at no If-Range may also say that what it sends is what was asked for
        known = headers.get("if-range", film.media.etag) if fault == "version ignored" else film.media.etag
        reported = {"Content-Type": "video/mp4", "ETag": self._fate.rng.choice((known, film.media.etag))}
        content = film.media.content
        asked = {"range": headers.get("range", "")} if fault == "version ignored" else headers
        wanted = None if fault == "range ignored" else _part(film.media, asked)
        if wanted == "unsatisfiable":
            return _answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        if isinstance(wanted, slice):
            start = wanted.start
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if fault == "range odd":
                span = self._fate.rng.choice((span.replace(f"{start}-", "7-"), f"bytes {start}-*/*", "", "items 0-1/2"))
            self._truth.serve(run_id, content)
            sent = _answer(206, {**reported, "Content-Range": span}, content[wanted])
            return self._broken(sent) if fault == "fetch breaks" else sent
        return self._whole(run_id, film, reported, fault)

    def _whole(self, run_id: str, film: "_Film", reported: Mapping[str, str], fault: str) -> Sent:
        content = film.media.content
        cut = film.cut(self._fate)
        match fault:
            case "fetch breaks":
                return self._broken(_answer(200, reported, content))
            case "ends early":
                return _answer(200, reported, content[:cut], length=len(content))
            case "says more":
                return _answer(200, reported, content, length=len(content) + 1)
            case "says less":
                self._pass_off(run_id, content[:cut])
                return _answer(200, reported, content, length=cut)
            case "says nothing":
                self._pass_off(run_id, content[:cut])
                return _answer(200, reported, content[:cut], length=None)
            case _:
                self._truth.serve(run_id, content)
                return _answer(200, reported, content)

    def _broken(self, sent: Sent) -> Sent:
        return Sent(sent.data[: self._fate.rng.randrange(len(sent.data))], resets=True)

    def _pass_off(self, run_id: str, data: bytes) -> None:
        """What is cut short cannot be told from what was made once it has come twice just so."""
        if data in self._short:
            self._truth.serve(run_id, data)
            self._truth.cut_short.add(data)
        self._short.add(data)


@dataclass(frozen=True, slots=True)
class _Film:
    """A file, and where its boxes end: cut there, it is a whole file for all that anybody can see."""

    media: MediaFile
    ends: frozenset[int]

    def cut(self, fate: Fate) -> int:
        """Where it breaks off, in the middle of a box."""
        size = fate.rng.choice((len(self.media.content) - 1, fate.rng.randrange(1, len(self.media.content))))
        return size - 1 if size in self.ends else size


def _film(name: str, part: str, tail: bytes, *, version: int) -> _Film:
    """Most files are small; some are large enough to be gone on with. Versions differ from their beginning on."""
    size = _LARGE if name[-1] in "abcdefghijklm" else 20
    boxes = [clip(bytes([version]) * size), tail, box(b"free", part.encode("ascii"))]
    content = b"".join(boxes)
    bare = len(clip(b""))
    ends = {len(FTYP), bare - 8, len(boxes[0]), len(boxes[0]) + len(boxes[1]), len(content)}
    return _Film(MediaFile(content, f'"{name[:16]}-{part}-{version}"', ""), frozenset(ends))


def _part(media: MediaFile, headers: Mapping[str, str]) -> slice | str | None:
    try:
        return requested_range(media, headers.get("range"), headers.get("if-range"))
    except RangeNotSatisfiable:
        return "unsatisfiable"


_SAME = -1


def _answer(status: int, headers: Mapping[str, str], body: bytes, *, length: int | None = _SAME) -> Sent:
    """An answer with its length as it is, as `length` says, or not told at all."""
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items() if value)]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == _SAME else length}")
    return Sent("\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii") + body)


class Socket:
    """Stands in for a connected socket."""

    def __init__(self, server: FileServer, fate: Fate) -> None:
        self._server = server
        self._fate = fate
        self._asked = b""
        self._sent: Sent | None = None
        self._reported = BytesIO()

    def settimeout(self, value: float | None) -> None:
        """Nothing here waits."""

    def sendall(self, data: bytes) -> None:
        """Ask; the answer is there once the request is whole."""
        self._asked += data
        if self._asked.endswith(b"\r\n\r\n"):
            self._sent = self._server.answer(self._asked)
            self._reported = BytesIO(self._sent.data)

    def recv_into(self, buffer: Any) -> int:
        """What comes next. The process may die between any two reads."""
        self._fate.point("during a download")
        assert self._sent is not None
        count = self._reported.readinto(buffer)
        if not count and self._sent.resets:
            raise ConnectionResetError(104, "Connection reset by peer")
        return count

    def makefile(self, mode: str, *, buffering: int) -> BytesIO:
        """What keeps a real socket open until it is closed."""
        return BytesIO()

    def close(self) -> None:
        """Nothing is held."""


class Dialer:
    """In place of the downloader's own: every line leads to the file server."""

    def __init__(self, server: FileServer, fate: Fate) -> None:
        self._server = server
        self._fate = fate

    def dial(self, origin: Origin, timeout: ExchangeTimer, address: str | None = None) -> HttpTransport:
        """A line that stands."""
        conn = HTTPConnection(origin.host, origin.port)
        conn.auto_open = 0
        sock = TimedSocket(cast("Any", Socket(self._server, self._fate)), timeout)
        conn.sock = cast("Any", sock)
        return HttpTransport(conn, sock)

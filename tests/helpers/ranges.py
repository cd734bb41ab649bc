"""A file server that knows ranges, as an act for the loopback server: right by default, wrong where a test says so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.helpers.http import Peer, Request

_RANGE = re.compile(r"bytes=(\d+)-")


@dataclass
class RangedFile:
    """One version of a file, served whole or from where a client wants to go on.

    `cut_after` ends each whole answer after so many bytes of the body. `headers` go with every answer, `part_headers`
    replace those of a part. `trusting` ignores If-Range, `status` and `body` replace those of a part.
    """

    content: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    cut_after: int | None = None
    part_headers: Mapping[str, str | None] = field(default_factory=dict)
    trusting: bool = False
    ranges: bool = True
    status: int = 206
    body: bytes | None = None
    shift: int = 0

    def __call__(self, peer: Peer, request: Request) -> None:
        """Answer."""
        match = _RANGE.fullmatch(request.headers.get("range", ""))
        wanted = request.headers.get("if-range")
        current = wanted is None or wanted in self.headers.values()
        if match is None or not self.ranges or not (current or self.trusting):
            self._send(peer, 200, {}, self.content, self.cut_after)
        elif int(match[1]) >= len(self.content):
            self._send(peer, 416, {"Content-Range": f"bytes */{len(self.content)}"}, b"", None)
        else:
            start = int(match[1]) + self.shift
            span = {"Content-Range": f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"}
            body = self.content[start:] if self.body is None else self.body
            self._send(peer, self.status, {**span, **self.part_headers}, body, None)

    def _send(
        self, peer: Peer, status: int, extra: Mapping[str, str | None], body: bytes, cut_after: int | None
    ) -> None:
        headers: dict[str, str | None] = {"Content-Type": "video/mp4", "Content-Length": str(len(body))}
        headers |= {**self.headers, **extra}
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        peer.send("\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode("latin-1") + body[:cut_after])
        if cut_after is not None:
            peer.end()

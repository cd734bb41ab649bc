"""One HTTP/1.1 connection to the sandbox: reads requests, asks the sandbox, writes each response in one piece.

Knows paths, headers and status codes; what the API answers is the world's, what a file holds is `media`'s. Invariant:
whatever a client sends, it gets a response with a Content-Length or a closed connection, and nobody else notices.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Protocol

from hailuo_batch.sandbox.media import MediaFile, RangeNotSatisfiable, requested_range
from hailuo_batch.sandbox.world import ApiResponse

API_PATH = "/api/v1"
FILES_PATH = "/files/generated"
MAX_BODY_BYTES = 1 << 20
_RUNS = f"{API_PATH}/runs"
_JSON = "application/json"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Backend(Protocol):
    """What a connection asks. Every method may be called from many threads at once."""

    def create(self, key: str | None, body: bytes) -> ApiResponse:
        """The answer to a create, after the latency."""

    def read(self, key: str | None, run_id: str) -> ApiResponse:
        """The answer to a read, after the latency."""

    def file(self, name: str) -> MediaFile | None:
        """The output file `<name>.mp4`; None where there is none."""


class Handler(BaseHTTPRequestHandler):
    """Serves one connection until it closes, stays idle for `timeout` seconds, or says something unreadable."""

    protocol_version = "HTTP/1.1"
    server_version = "hailuo-batch-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 75
    backend: Backend

    def do_POST(self) -> None:
        """A create."""
        body = self._body()
        if body is None:
            return
        if self._target() == _RUNS:
            self._send(self.backend.create(self._key(), body))
        else:
            self._refuse(404, "not_found", "there is nothing at this address")

    def do_GET(self) -> None:
        """A read of a run, or a file."""
        self._close_after_unread_body()
        target = self._target()
        run_id = target.removeprefix(f"{_RUNS}/")
        if target.startswith(f"{FILES_PATH}/"):
            self._serve_file(target, self.headers.get("Range"))
        elif run_id != target and run_id and "/" not in run_id:
            self._send(self.backend.read(self._key(), run_id))
        elif target == _RUNS:
            self._refuse(405, "method_not_allowed", "runs cannot be listed", {"Allow": "POST"})
        else:
            self._refuse(404, "not_found", "there is nothing at this address")

    def do_HEAD(self) -> None:
        """What a GET of a file would say of it. A range counts for GET only."""
        self._close_after_unread_body()
        self._serve_file(self._target(), None)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what http.server could not read or does not know, in the API's shape, and hang up."""
        self._close_connection()
        self._refuse(int(code), "bad_request", message or explain or _PHRASES.get(int(code), "bad request"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Quiet: what matters is counted by the world."""

    def _target(self) -> str:
        return self.path.partition("?")[0]

    def _key(self) -> str | None:
        scheme, _, key = (self.headers.get("Authorization") or "").partition(" ")
        return key.strip() or None if scheme.lower() == "bearer" else None

    def _body(self) -> bytes | None:
        """The whole body; None where the request was refused, or broke off, for want of one."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self._close_connection()
            self._refuse(411, "length_required", "send the body with a Content-Length")
            return None
        if len(length) > 18 or int(length) > MAX_BODY_BYTES:
            self._close_connection()
            self._refuse(413, "body_too_large", f"the body is over {MAX_BODY_BYTES} bytes")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self._close_connection()
            return None
        return body

    def _close_after_unread_body(self) -> None:
        """A body where none belongs is not read, so nothing after it can be told from it."""
        if "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "0") != "0":
            self._close_connection()

    def _close_connection(self) -> None:
        self.close_connection = True

    def _serve_file(self, target: str, range_header: str | None) -> None:
        name = target.removeprefix(f"{FILES_PATH}/").removesuffix(".mp4")
        media = self.backend.file(name) if target == f"{FILES_PATH}/{name}.mp4" else None
        if media is None:
            self._refuse(404, "not_found", "there is no such file")
            return
        headers = {"ETag": media.etag, "Last-Modified": media.last_modified, "Accept-Ranges": "bytes"}
        size = len(media.content)
        try:
            part = requested_range(media, range_header, self.headers.get("If-Range"))
        except RangeNotSatisfiable:
            self._respond(416, _JSON, b"{}", headers | {"Content-Range": f"bytes */{size}"})
            return
        if part is None:
            self._respond(200, "video/mp4", media.content, headers)
            return
        span = {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{size}"}
        self._respond(206, "video/mp4", media.content[part], headers | span)

    def _refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self._send(ApiResponse(status, {"error": {"message": message, "code": code}}, headers or {}))

    def _send(self, response: ApiResponse) -> None:
        self._respond(response.status, _JSON, json.dumps(response.body).encode("ascii"), response.headers)

    def _respond(self, status: int, content_type: str, body: bytes, headers: Mapping[str, str]) -> None:
        lines = [
            f"{self.protocol_version} {status} {_PHRASES.get(status, '')}",
            f"Server: {self.server_version}",
            f"Date: {self.date_time_string()}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        # one write, so that no response waits for the acknowledgement of its own first half
        self.wfile.write(head if self.command == "HEAD" else head + body)

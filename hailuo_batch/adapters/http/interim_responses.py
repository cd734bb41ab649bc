"""Interim responses (RFC 9110, section 15.2) such as `103 Early Hints`, which precede the final one.

All are skipped. http.client only knows `100 Continue`, which it skips without end, and would take any other for the
final response: a run that was created and paid for, or a video that was sent, would look refused.
"""

import http.client
import socket
from typing import TYPE_CHECKING, cast

from hailuo_batch.adapters.http.timeouts import TimedSocket

MAX_INTERIM = 100

if TYPE_CHECKING:

    class _Response(http.client.HTTPResponse):
        def _read_status(self) -> tuple[str, int, str]: ...

else:
    _Response = http.client.HTTPResponse


class FinalResponse(_Response):
    """A response that skips up to MAX_INTERIM interim ones. Each has the time that a response head has."""

    def __init__(
        self, sock: TimedSocket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(cast("socket.socket", sock), debuglevel, method, url)
        self._timer = sock.timer

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM + 1):
            self._timer.expect_head()
            version, status, reason = super()._read_status()
            if not 100 <= status < 200:
                return version, status, reason
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("the server switched to another protocol")
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("too many interim responses")

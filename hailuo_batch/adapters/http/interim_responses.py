"""Interim answers (RFC 9110, section 15.2), such as `103 Early Hints`: whatever a server says before it answers.

All of them are passed over, with their heads. The library below knows `100 Continue` alone, passes that over without
end, and would take any other one for the answer: a run that was made and paid for, or a video that was sent, would seem
to be refused.
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
    """The answer behind however many interim ones, up to a bound: each of them has the time that a head has."""

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
                raise http.client.BadStatusLine("another protocol, which was not asked for")
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("interim answers without end")

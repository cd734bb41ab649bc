"""Interim answers: what a server may say before it answers, such as `103 Early Hints`. All of them are passed over.

The library below knows `100 Continue` alone, and would take any other one for the answer. One that asks to speak
another protocol is an answer: nothing comes after it that could be read.
"""

import http.client
import socket
from typing import cast

from hailuo_batch.shell.wire.patience import PatientSocket

MOST_INTERIM = 16
_SWITCHING = 101


class FinalAnswer(http.client.HTTPResponse):
    """The answer that is not an interim one. Raises HTTPException where too many of those come, and none of this."""

    def __init__(
        self, sock: PatientSocket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(cast("socket.socket", sock), debuglevel, method, url)
        self._patience = sock.patience

    def begin(self) -> None:
        """Read the head."""
        for _ in range(MOST_INTERIM + 1):
            self._patience.expect_head()
            super().begin()
            if not 100 <= self.status < 200 or self.status == _SWITCHING:
                return
            self.headers = cast("http.client.HTTPMessage", None)  # what `begin` takes for a head not read yet
        raise http.client.HTTPException("too many interim answers")

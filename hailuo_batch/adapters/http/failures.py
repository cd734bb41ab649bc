"""Connection failures: the exceptions of the libraries below, and their reasons in words."""

import http.client
import socket
import ssl

from urllib3.exceptions import HTTPError

from hailuo_batch.adapters.http.text import printable
from hailuo_batch.core.model.obstacles import Obstacle

CONNECTION_ERRORS = (HTTPError, http.client.HTTPException, OSError, ValueError)
"""Everything that a network, a proxy or a server can make the libraries below raise."""


class NotConnected(Exception):  # noqa: N818 - the name says what is certain
    """The TCP connection, the proxy's tunnel or the TLS handshake failed, so no request was sent.

    `obstacle` is the cause that the failed step shows; `setting` names the proxy, empty without one.
    """

    def __init__(self, reason: str, obstacle: Obstacle = Obstacle.PASSING, setting: str = "") -> None:
        super().__init__(reason)
        self.obstacle = obstacle
        self.setting = setting


def describe_error(error: BaseException, limit: int = 300) -> str:
    """Say in a few words why a connection or an exchange failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    match error:
        case TimeoutError():
            return "timed out"
        case socket.gaierror():
            return "the host name cannot be resolved"
        case ConnectionRefusedError():
            return "connection refused"
        case ssl.SSLCertVerificationError():
            return printable(f"its certificate is not trusted ({error.verify_message})")
        case http.client.RemoteDisconnected():
            return "the connection was closed without a response"
        case http.client.IncompleteRead():
            return "the connection was closed in the middle of the response"
        case http.client.HTTPException():
            return printable(f"the response is not valid HTTP ({type(error).__name__})")
        case OSError() if error.strerror:
            return printable(error.strerror).lower()
        case _:
            return printable(str(error), limit) or type(error).__name__

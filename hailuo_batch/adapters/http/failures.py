"""How connections fail, in words: what the libraries below may raise, and what is known where none came to stand."""

import http.client
import socket
import ssl

from urllib3.exceptions import HTTPError

from hailuo_batch.adapters.http.text import printable
from hailuo_batch.core.model.obstacles import Obstacle

CONNECTION_ERRORS = (HTTPError, http.client.HTTPException, OSError, ValueError)
"""Whatever a network, a proxy or a server can make the libraries below raise."""


class NotConnected(Exception):  # noqa: N818 - says what is known, which is the point of it
    """The TCP connection, the proxy's tunnel or the TLS handshake did not come to stand: no request was sent.

    `obstacle` is what the step that failed shows; `setting` is what names the proxy in between, empty without one.
    """

    def __init__(self, reason: str, obstacle: Obstacle = Obstacle.PASSING, setting: str = "") -> None:
        super().__init__(reason)
        self.obstacle = obstacle
        self.setting = setting


def describe_error(error: BaseException, limit: int = 300) -> str:
    """Why a connection or an exchange broke, in a few words for the user."""
    while error.__cause__ is not None:
        error = error.__cause__
    match error:
        case TimeoutError():
            return "timed out"
        case socket.gaierror():
            return "its name cannot be resolved"
        case ConnectionRefusedError():
            return "connection refused"
        case ssl.SSLCertVerificationError():
            return printable(f"its certificate cannot be trusted ({error.verify_message})")
        case http.client.RemoteDisconnected():
            return "the connection was closed without an answer"
        case http.client.IncompleteRead():
            return "the connection was closed in the middle of the answer"
        case http.client.HTTPException():
            return printable(f"the answer is no readable HTTP ({type(error).__name__})")
        case OSError() if error.strerror:
            return printable(error.strerror).lower()
        case _:
            return printable(str(error), limit) or type(error).__name__

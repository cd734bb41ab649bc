"""The base URL of the API, as a user writes it. The key and the money go there, so it is parsed strictly.

Nothing here opens a connection. Invariant: the result is https, or http to this machine.
"""

import re

from hailuo_batch.adapters.http.origin import DEFAULT_PORTS, Origin, is_loopback_host
from hailuo_batch.errors import UsageError

_BASE_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[a-z0-9._~-]+)*)/*",
    re.ASCII | re.IGNORECASE,
)


def parse_base_url(text: str) -> str:
    """Normalize the base URL: lower-case host, no default port, no slash at the end.

    Raises UsageError for anything but https, or http to a loopback address, and for anything besides host, port and
    path. The message does not repeat a URL that may contain a password.
    """
    origin, path = split_base_url(text)
    return f"{origin.scheme}://{origin.netloc}{path}"


def split_base_url(text: str) -> tuple[Origin, str]:
    """Return the server and the path of a base URL. Raises UsageError as `parse_base_url` does."""
    match = _BASE_URL.fullmatch(text)
    if match is None or {".", ".."} & set(match["path"].split("/")):
        shown = "the base URL" if "@" in text else f"the base URL {text!r}"
        raise UsageError(
            f"{shown} is not valid. Write it like https://runbase.net/api/v1: a host, optionally a port, and a path, "
            "without user name, query or fragment. Nothing was sent."
        )
    scheme = match["scheme"].lower()
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[scheme]
    origin = Origin(scheme, match["host"].lower().strip("[]"), port)
    if not 0 < port < 65536:
        raise UsageError(f"the base URL {text!r} needs a port between 1 and 65535. Nothing was sent.")
    if scheme == "http" and not is_loopback_host(origin.host):
        raise UsageError(
            f"the base URL {text!r} would send the API key unencrypted. Use https; http is accepted for loopback "
            "addresses only. Nothing was sent."
        )
    return origin, match["path"]

"""Image references: what an image's URL must be before anything is paid for it.

Pure: looks at the text alone and fetches nothing.
"""

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_DATA = re.compile(r"data:image/[a-z0-9][a-z0-9.+-]*(;[^,]*)?,.+", re.ASCII | re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_ABSOLUTE = "write a whole URL, such as https://example.com/lamp.jpg"


def problem_with(url: str) -> tuple[str, str] | None:
    """What is wrong with an image's URL, in words that follow it, and a hint; None where nothing is.

    It must be absolute: `https://`, `http://` to a loopback address, or `data:image/...`.
    """
    if not url:
        return "is empty", _ABSOLUTE
    if _hides_something(url):
        return "contains a space, a line break or an invisible character", "write %20 for a space"
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "is relative, and there is no base URL to resolve it against", _ABSOLUTE
    match scheme[0].lower():
        case "data:":
            return None if _DATA.fullmatch(url) else ("is no image", "write it like data:image/png;base64,…")
        case "https:" | "http:":
            return _problem_with_web(url)
        case other:
            return f"begins with `{other}`, which the provider cannot fetch", _ABSOLUTE


def _hides_something(url: str) -> bool:
    if url.isascii() and url.isprintable():
        return " " in url
    return any(unicodedata.category(character) in _INVISIBLE for character in url)


def _problem_with_web(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL", _ABSOLUTE
    if "@" in parts.netloc:
        return "contains a user name or a password", "remove it: whoever sees the URL would see it"
    if not host or "\\" in url:
        return "is not a URL", _ABSOLUTE
    if parts.scheme == "http" and not _is_loopback(host):
        return "begins with `http://`, which only a loopback address may", "write `https://`"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub(r"//[^/?#]*@", "//…@", url[:4096])

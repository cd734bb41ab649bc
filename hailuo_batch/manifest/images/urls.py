"""Image references: what an image's URL must be before anything is paid for it.

Pure: looks at the text alone, fetches nothing and opens no file. A relative reference never leaves its base URL.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
# rule data_image
_DATA = re.compile(r"data:image/[a-z0-9][a-z0-9.+-]*(;[^,]*)?,.+", re.ASCII | re.IGNORECASE)
_HIDES = ("contains a space, a line break or an invisible character", "write %20 for a space")
# rule control_characters
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_ABSOLUTE = "write a whole URL, such as https://example.com/lamp.jpg"
_INSIDE = "name a file below the base URL, such as `lamp.jpg` or `white/lamp.jpg`"

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reference:
    """A relative reference: what is added to the base URL, and the parts of the file's path below its folder."""

    rest: str
    parts: tuple[str, ...]


def is_relative(url: str) -> bool:
    """Whether it has no scheme of its own."""
    return _SCHEME.match(url) is None


def parse_relative(reference: str) -> Reference | Problem:
    """A relative reference, or what is wrong with it in words that follow it, and a hint."""
    if not reference:
        return "is empty", _INSIDE
    if _hides_something(reference):
        return _HIDES
    # rule no_absolute_path
    if reference.startswith("/") or "\\" in reference:
        return "leaves the base URL", _INSIDE
    path, mark, more = _split_path(reference)
    written = [part for part in path.split("/") if part != "."]
    parts = tuple(map(unquote, written))
    # rule no_dots
    if any(part == ".." or "/" in part or "\\" in part or not part.isprintable() for part in parts):
        return "leaves the base URL", _INSIDE
    if not parts or not all(parts):
        return "names no file", _INSIDE
    return Reference("/".join(written) + mark + more, parts)


def problem_with_base(url: str) -> Problem | None:
    """What is wrong with a base URL, in words that follow it, and a hint; None where nothing is."""
    if _SCHEME.match(url) is None or url[:5].lower() == "data:":
        return "is no `https://` URL", "write it like `https://cdn.example.com/spring/`"
    if "?" in url or "#" in url:
        return "has a query or a fragment", "end it with the folder, like `https://cdn.example.com/spring/`"
    return problem_with(url)


def _split_path(reference: str) -> tuple[str, str, str]:
    """The path, the mark that ends it and what follows."""
    end = re.search(r"[?#]", reference)
    return (reference, "", "") if end is None else (reference[: end.start()], end[0], reference[end.end() :])


def problem_with(url: str) -> Problem | None:
    """What is wrong with an image's URL, in words that follow it, and a hint; None where nothing is.

    It must be whole: `https://`, `http://` to a loopback address, or `data:image/...`.
    """
    if not url:
        return "is empty", _ABSOLUTE
    if _hides_something(url):
        return _HIDES
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "is relative", _ABSOLUTE
    match scheme[0].lower():
        case "data:":
            # rule data_url
            return None if _DATA.fullmatch(url) else ("is no image", "write it like data:image/png;base64,…")
        # rule image_schemes
        case "https:" | "http:":
            # rule image_url
            return _problem_with_web(url)
        case other:
            return f"begins with `{other}`, which the provider cannot fetch", _ABSOLUTE


def _hides_something(url: str) -> bool:
    if url.isascii() and url.isprintable():
        # rule no_spaces
        return " " in url
    return any(unicodedata.category(character) in _INVISIBLE for character in url)


def _problem_with_web(url: str) -> Problem | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL", _ABSOLUTE
    # rule no_credentials
    if "@" in parts.netloc:
        return "contains a user name or a password", "remove it: whoever sees the URL would see it"
    # rule image_host
    if not host or "\\" in url:
        return "is not a URL", _ABSOLUTE
    # rule http_loopback
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

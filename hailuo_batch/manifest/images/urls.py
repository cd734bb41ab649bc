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
_INVISIBLE_PROBLEM = ("contains a space, a line break or an invisible character", "write %20 for a space")
# rule control_characters
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_WHOLE_URL_HINT = "write a whole URL, such as https://example.com/lamp.jpg"
_BELOW_BASE_HINT = "name a file below the base URL, such as `lamp.jpg` or `white/lamp.jpg`"

ProblemAndHint = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RelativeReference:
    """A relative reference: what is added to the base URL, and the parts of the file's path below its folder."""

    rest: str
    parts: tuple[str, ...]


def is_relative(url: str) -> bool:
    """Whether it has no scheme of its own."""
    return _SCHEME.match(url) is None


def parse_relative(reference: str) -> RelativeReference | ProblemAndHint:
    """A relative reference, or what is wrong with it in words that follow it, and a hint."""
    if not reference:
        return "is empty", _BELOW_BASE_HINT
    if _has_invisible_character(reference):
        return _INVISIBLE_PROBLEM
    # rule no_absolute_path
    if reference.startswith("/") or "\\" in reference:
        return "leaves the base URL", _BELOW_BASE_HINT
    path, mark, more = _split_path(reference)
    raw = [group for group in path.split("/") if group != "."]
    groups = tuple(map(unquote, raw))
    # rule no_dots
    if any(part == ".." or "/" in part or "\\" in part or not part.isprintable() for part in groups):
        return "leaves the base URL", _BELOW_BASE_HINT
    if not groups or not all(groups):
        return "names no file", _BELOW_BASE_HINT
    return RelativeReference("/".join(raw) + mark + more, groups)


def find_base_url_problem(url: str) -> ProblemAndHint | None:
    """What is wrong with a base URL, in words that follow it, and a hint; None where nothing is."""
    if _SCHEME.match(url) is None or url[:5].lower() == "data:":
        return "is no `https://` URL", "write it like `https://cdn.example.com/spring/`"
    if "?" in url or "#" in url:
        return "has a query or a fragment", "end it with the folder, like `https://cdn.example.com/spring/`"
    return find_url_problem(url)


def _split_path(reference: str) -> tuple[str, str, str]:
    """The path, the mark that ends it and what follows."""
    end = re.search(r"[?#]", reference)
    return (reference, "", "") if end is None else (reference[: end.start()], end[0], reference[end.end() :])


def find_url_problem(url: str) -> ProblemAndHint | None:
    """What is wrong with an image's URL, in words that follow it, and a hint; None where nothing is.

    It must be whole: `https://`, `http://` to a loopback address, or `data:image/...`.
    """
    if not url:
        return "is empty", _WHOLE_URL_HINT
    if _has_invisible_character(url):
        return _INVISIBLE_PROBLEM
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "is relative", _WHOLE_URL_HINT
    match scheme[0].lower():
        case "data:":
            # rule data_url
            return None if _DATA.fullmatch(url) else ("is no image", "write it like data:image/png;base64,…")
        # rule image_schemes
        case "https:" | "http:":
            # rule image_url
            return _find_web_url_problem(url)
        case other:
            return f"begins with `{other}`, which the provider cannot fetch", _WHOLE_URL_HINT


def _has_invisible_character(url: str) -> bool:
    if url.isascii() and url.isprintable():
        # rule no_spaces
        return " " in url
    return any(unicodedata.category(character) in _INVISIBLE for character in url)


def _find_web_url_problem(url: str) -> ProblemAndHint | None:
    try:
        groups = urlsplit(url)
        host, _ = groups.hostname, groups.port
    except ValueError:
        return "is not a URL", _WHOLE_URL_HINT
    # rule no_credentials
    if "@" in groups.netloc:
        return "contains a user name or a password", "remove it: whoever sees the URL would see it"
    # rule image_host
    if not host or "\\" in url:
        return "is not a URL", _WHOLE_URL_HINT
    # rule http_loopback
    if groups.scheme == "http" and not _is_loopback(host):
        return "begins with `http://`, which only a loopback address may", "write `https://`"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redact_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub(r"//[^/?#]*@", "//…@", url[:4096])

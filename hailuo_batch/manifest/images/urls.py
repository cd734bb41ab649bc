"""Image references: what an image's URL must be before anything is paid for it.

Pure: looks at the text alone, fetches nothing and opens no file. A relative reference never leads out of its base URL.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_QUERY_OR_FRAGMENT = re.compile(r"[?#].*", re.DOTALL)
# rule url_separators
_SECOND_URL = re.compile(r"[,;|\s]https?://", re.IGNORECASE)
_IMAGE_NAME_END = r"\.(?:jpe?g|png|webp|gif|heic|avif|tiff?|bmp)"
_SECOND_FILE = re.compile(rf"{_IMAGE_NAME_END}[\s,;|]+[^\s,;|]+{_IMAGE_NAME_END}\Z", re.IGNORECASE)
_URL_INSIDE = re.compile(r"[\s(\[<\"']https?://", re.IGNORECASE)
# rule data_image
_DATA = re.compile(r"data:image/[a-z0-9][a-z0-9.+-]*(;[^,]*)?,.+", re.ASCII | re.IGNORECASE)
# rule control_characters
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})

ProblemAndHint = tuple[str, str]
"""What is wrong with a reference, as a sentence that follows it, and what to write instead; the hint may be empty."""

_HAS_INVISIBLE = ("contains a space, a line break or an invisible character", "write %20 for a space")
_WHOLE_URL_HINT = "write a whole URL, such as https://example.com/lamp.jpg"
_BELOW_BASE_HINT = "name a file below the base URL, such as `lamp.jpg` or `white/lamp.jpg`"


@dataclass(frozen=True, slots=True)
class RelativeReference:
    """A relative reference: what is added to the base URL, and the parts of the file's path below its folder."""

    rest: str
    parts: tuple[str, ...]


def holds_two(reference: str) -> bool:
    """Whether a URL or a file name follows another; one in another's path or query is right, as image services have
    it."""
    # rule before_query
    before_query = _QUERY_OR_FRAGMENT.sub("", reference)
    if is_relative(reference) and _SECOND_FILE.search(before_query):
        return True
    return _SECOND_URL.search(before_query) is not None and reference[:5].lower() != "data:"


def holds_other_text(reference: str) -> bool:
    """Whether a URL stands among other text, as in `lamp.jpg (https://…)` or `![lamp](https://…)`."""
    return _URL_INSIDE.search(reference) is not None and not reference[:4].lower().startswith("http")


def is_relative(url: str) -> bool:
    """Whether the URL has no scheme."""
    return _SCHEME.match(url) is None


def is_data_url(url: str) -> bool:
    """Whether the URL holds its content itself."""
    return url[:5].lower() == "data:"


def parse_relative(reference: str) -> RelativeReference | ProblemAndHint:
    """The relative reference, or what is wrong with it."""
    if _has_invisible_character(reference):
        return _HAS_INVISIBLE
    # rule no_absolute_path
    if reference.startswith("/") or "\\" in reference:
        return "points outside the base URL", _BELOW_BASE_HINT
    path = _QUERY_OR_FRAGMENT.sub("", reference)
    written = [part for part in path.split("/") if part != "."]
    parts = tuple(map(unquote, written))
    # rule no_dots
    if any(part == ".." or "/" in part or "\\" in part or not part.isprintable() for part in parts):
        return "points outside the base URL", _BELOW_BASE_HINT
    if not parts or not all(parts):
        return "does not name a file", _BELOW_BASE_HINT
    return RelativeReference("/".join(written) + reference[len(path) :], parts)


def find_base_url_problem(url: str) -> ProblemAndHint | None:
    """What is wrong with a base URL; None if nothing is."""
    if is_relative(url) or is_data_url(url):
        return "is not an `https://` URL", "write it like `https://cdn.example.com/spring/`"
    if "?" in url or "#" in url:
        return "has a query or a fragment", "end it with the folder, like `https://cdn.example.com/spring/`"
    return find_url_problem(url)


def find_url_problem(url: str) -> ProblemAndHint | None:
    """What is wrong with an image's URL; None if nothing is.

    It must be whole: `https://`, `http://` to a loopback address, or `data:image/...`.
    """
    if not url:
        return "is empty", _WHOLE_URL_HINT
    if _has_invisible_character(url):
        return _HAS_INVISIBLE
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "is relative", _WHOLE_URL_HINT
    match scheme[0].lower():
        case "data:":
            # rule data_url
            return None if _DATA.fullmatch(url) else ("is not an image", "write it like data:image/png;base64,…")
        # rule image_schemes
        case "https:" | "http:":
            # rule image_url
            return _find_web_url_problem(url)
        case drive if len(drive) == 2:
            return "is a file on a computer, which the provider cannot fetch", _WHOLE_URL_HINT
        case other:
            return f"begins with `{other}`, which the provider cannot fetch", _WHOLE_URL_HINT


def _has_invisible_character(url: str) -> bool:
    if url.isascii() and url.isprintable():
        # rule no_spaces
        return " " in url
    return any(unicodedata.category(character) in _INVISIBLE for character in url)


def _find_web_url_problem(url: str) -> ProblemAndHint | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL", _WHOLE_URL_HINT
    # rule no_credentials
    if "@" in parts.netloc:
        return "contains a user name or a password", "remove it: everybody who sees the URL would see it"
    # rule image_host
    if not host or "\\" in url:
        return "is not a URL", _WHOLE_URL_HINT
    # rule http_loopback
    if parts.scheme == "http" and not _is_loopback(host):
        return "begins with `http://`, which only a loopback address may have", "write `https://`"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redact_password(url: str) -> str:
    """The URL as it may be shown: without user name and password, and cut if it is very long."""
    return re.sub(r"//[^/?#]*@", "//…@", url[:4096])

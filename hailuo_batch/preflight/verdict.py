"""Judges what a server answers for an image, before a video of it is paid for. Pure.

A link to nothing, or to something that is not an image, cannot work and is fatal. What is said of the image itself is
that of `image_files`, as for a local copy. What is odd about the server is only a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hailuo_batch.image_files.content import ImageContent, read_content
from hailuo_batch.image_files.findings import TINY_BYTES, Finding, ImageLimits, judge_content, judge_size
from hailuo_batch.image_files.kinds import WEB_PAGE
from hailuo_batch.warning_codes import WarningCode

_COMMON_TYPES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/webp": "WebP",
    "image/gif": "GIF",
}
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_TEMPORARY_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class ImageResponse:
    """A file server's response. `size` is that of the whole file in bytes, None where the server did not say.

    `start` has the file's first bytes, None where they were not requested or arrived encoded.
    """

    status: int
    content_type: str
    size: int | None = None
    start: bytes | None = None

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_delivered(self) -> bool:
        """Whether the server sent the file or a part of it."""
        return self.status in {200, 206}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A server's responses to HEAD and, where that left a question, to a GET of the first bytes."""

    head: ImageResponse | None
    get: ImageResponse | None = None


@dataclass(frozen=True, slots=True)
class NotFetched:
    """No response came. `fatal` where nobody else can get one either."""

    reason: str
    fatal: bool = False


FetchResult = Fetched | NotFetched


def is_head_enough(head: ImageResponse) -> bool:
    """Whether a response to HEAD leaves no question but how many pixels the image has."""
    is_sized = head.size is None or head.size >= TINY_BYTES
    return head.status == 200 and head.media_type in _COMMON_TYPES and is_sized


def judge_fetch(result: FetchResult, limits: ImageLimits, copy: ImageContent | None = None) -> tuple[Finding, ...]:
    """Judge what was fetched from a URL. `copy` is its local copy, None for none.

    What the copy has against it as well is left out: that is said of the copy already.
    """
    if isinstance(result, NotFetched):
        return (Finding(result.reason, WarningCode.IMAGE_SERVER, fatal=result.fatal),)
    response = result.get or result.head
    if response is None:
        return ()
    if not response.is_delivered:
        return (_judge_refusal(response.status),)
    known = () if copy is None else judge_content(copy, limits)
    found = [finding for finding in _judge_file(response, limits) if finding not in known]
    if result.get is not None and result.head is not None and not result.head.is_delivered:
        status = result.head.status
        found.append(_odd(f"is refused to HEAD requests (HTTP {status}) but served to GET requests"))
    if copy is not None and response.size is not None and copy.size != response.size:
        found.append(_odd(f"has {response.size:,} bytes on the server, but its local copy has {copy.size:,}"))
    return tuple(found)


def _judge_refusal(status: int) -> Finding:
    if status in {404, 410}:
        # rule not_there
        return _dead(f"is not there (HTTP {status})")
    if status in {401, 403}:
        return _dead(f"is not public (HTTP {status}), so Runbase cannot fetch it")
    if status in _TEMPORARY_STATUSES or status >= 500:
        return _odd(f"could not be checked now (HTTP {status})")
    what = f"cannot be fetched (HTTP {status})"
    return _dead(what) if status >= 400 else _odd(what)


def _judge_file(response: ImageResponse, limits: ImageLimits) -> Iterator[Finding]:
    if response.start is None:
        yield from _judge_unread(response, limits)
        return
    content = read_content(response.start, response.size if response.start else 0)
    if content.no_image == WEB_PAGE:
        yield _WEB_PAGE
    elif content.size != 0 and not content.kind:
        # rule no_image_bytes
        yield _dead(f"is not an image: it is sent as {_content_type_of(response)}, and has no image content")
    else:
        is_sound = content.header is not None and not content.header.fault
        if is_sound and _COMMON_TYPES.get(response.media_type) != content.kind:
            # rule suspicious_type
            yield _odd(f"is {content.kind} but sent as {_content_type_of(response)}")
        yield from judge_content(content, limits)


def _judge_unread(response: ImageResponse, limits: ImageLimits) -> Iterator[Finding]:
    """Judge a file of which no byte was read, by what the server says of it."""
    if response.media_type in _PAGE_TYPES:
        yield _WEB_PAGE
    elif not response.media_type.startswith("image/"):
        # rule no_image_type
        yield _dead(f"is sent as {_content_type_of(response)}, which is not an image")
    elif response.media_type not in _COMMON_TYPES:
        what = f"is sent as {_content_type_of(response)}, not as a PNG, JPEG, WebP or GIF"
        yield Finding(what, WarningCode.IMAGE_FORMAT, "export it as JPEG or PNG")
    yield from judge_size(None, response.size, limits)


def _content_type_of(response: ImageResponse) -> str:
    """Return the server's content type, shortened and printable."""
    text = "".join(char for char in response.media_type[:60] if char.isascii() and char.isprintable())
    return text or "no type"


def _dead(what: str, hint: str = "") -> Finding:
    return Finding(what, WarningCode.IMAGE_SERVER, hint, fatal=True)


def _odd(what: str) -> Finding:
    return Finding(what, WarningCode.IMAGE_SERVER)


_WEB_PAGE = _dead(
    "leads to a web page, not to an image", "open it in a browser, and copy the address of the image itself"
)

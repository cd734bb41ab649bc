"""What is to be thought of an image before a video of it is paid for. Pure: judges what others have fetched or read.

What cannot work is fatal: a link to nothing, or to something that is no image. What may work is a warning: nothing is
documented of the sizes and kinds that the provider takes, so that no such thing is ever fatal here.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from hailuo_batch.preflight.image_headers import ImageHeader, name_other_image, parse_image_header

TINY_BYTES = 1_000
HUGE_BYTES = 20_000_000
TINY_PIXELS = 64
HUGE_PIXELS = 8_192
_COMMON_TYPES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/webp": "WebP",
    "image/gif": "GIF",
}
_TEMPORARY_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be said of an image, in words that follow its URL; `fatal` where it cannot work."""

    what: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class ImageResponse:
    """What a file server answered. `size` is that of the whole file in bytes, None where it did not say.

    `start` holds the file's first bytes, None where they were not asked for or came encoded.
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
        """Whether the file, or a part of it, was given."""
        return self.status in {200, 206}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A server's answers to HEAD and, where that left anything open, to a GET of the first bytes."""

    head: ImageResponse | None
    get: ImageResponse | None = None


@dataclass(frozen=True, slots=True)
class NotFetched:
    """No answer came. `fatal` where none can come to anybody else either."""

    reason: str
    fatal: bool = False


FetchResult = Fetched | NotFetched


def is_head_enough(head: ImageResponse) -> bool:
    """Whether an answer to HEAD leaves no question that the first bytes could answer."""
    is_sized = head.size is None or head.size >= TINY_BYTES
    return head.status == 200 and head.media_type in _COMMON_TYPES and is_sized


def judge_fetch(result: FetchResult, copy_size: int | None = None) -> tuple[Finding, ...]:
    """What a look at a URL tells. `copy_size` is that of its local copy in bytes, None where there is none."""
    if isinstance(result, NotFetched):
        return (Finding(result.reason, result.fatal),)
    response = result.get or result.head
    if response is None:
        return ()
    if not response.is_delivered:
        return (_judge_refusal(response.status),)
    found = list(_judge_file(response))
    if result.get is not None and result.head is not None and not result.head.is_delivered:
        found.append(Finding(f"is refused to HEAD (HTTP {result.head.status}) and given to GET"))
    if copy_size is not None and response.size is not None and copy_size != response.size:
        found.append(Finding(f"has {response.size:,} bytes at the server, and its local copy has {copy_size:,}"))
    return tuple(found)


def judge_copy(start: bytes, size: int) -> tuple[Finding, ...]:
    """What a local copy's first bytes and its size in bytes tell."""
    head = parse_image_header(start, is_whole=len(start) >= size)
    if head is None:
        return (Finding("is no PNG, JPEG, WebP or GIF in its local copy", fatal=True),)
    if head.fault:
        return (Finding(f"is broken in its local copy: {head.fault}", fatal=True),)
    # rule local_size
    return tuple(_judge_size(head, size))


def judge_data_url(url: str) -> tuple[Finding, ...]:
    """What a `data:` URL holds."""
    header, _, payload = url.partition(",")
    data = unquote_to_bytes(payload)
    if header.lower().rstrip().endswith(";base64"):
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            return (Finding("is no readable base64", fatal=True),)
    media_type = header.partition(":")[2]
    return tuple(_judge_file(ImageResponse(200, media_type, len(data), data)))


def _judge_refusal(status: int) -> Finding:
    if status in {404, 410}:
        # rule not_there
        return Finding(f"is not there (HTTP {status})", fatal=True)
    if status in {401, 403}:
        return Finding(f"is not public (HTTP {status}): a stranger, such as Runbase, is not given it", fatal=True)
    if status in _TEMPORARY_STATUSES or status >= 500:
        return Finding(f"could not be looked at now (HTTP {status})")
    return Finding(f"is not given (HTTP {status})", fatal=status >= 400)


def _judge_file(response: ImageResponse) -> Iterator[Finding]:
    if response.start is None:
        if not response.media_type.startswith("image/"):
            # rule no_image_type
            yield Finding(f"is sent as {_content_type_of(response)}, which is no image", fatal=True)
        elif response.media_type not in _COMMON_TYPES:
            yield Finding(f"is {response.media_type}; PNG, JPEG, WebP and GIF are what every model reads")
        yield from _judge_size(ImageHeader(""), response.size)
        return
    if not response.start:
        yield Finding("is empty", fatal=True)
        return
    head = parse_image_header(
        response.start, is_whole=response.size is not None and len(response.start) >= response.size
    )
    if head is None:
        other = name_other_image(response.start)
        if other:
            yield Finding(f"is {other}; PNG, JPEG, WebP and GIF are what every model reads")
        else:
            # rule no_image_bytes
            yield Finding(
                f"is no image: it is sent as {_content_type_of(response)}, and its bytes are none", fatal=True
            )
    elif head.fault:
        yield Finding(f"is a broken {head.kind}: {head.fault}", fatal=True)
    else:
        if _COMMON_TYPES.get(response.media_type) != head.kind:
            # rule suspicious_type
            yield Finding(f"is {head.kind} and sent as {_content_type_of(response)}")
        yield from _judge_size(head, response.size)


def _judge_size(head: ImageHeader, size: int | None) -> Iterator[Finding]:
    pixels = "" if head.width is None else f"{head.width:,} x {head.height:,} pixels"
    sides = [side for side in (head.width, head.height) if side is not None]
    if sides and min(sides) < TINY_PIXELS:
        yield Finding(f"is tiny: {pixels}")
    elif sides and max(sides) > HUGE_PIXELS:
        yield Finding(f"is huge: {pixels}")
    # rule tiny_image
    elif size is not None and size < TINY_BYTES and not sides:
        yield Finding(f"is tiny: {size:,} bytes")
    # rule huge_image
    if size is not None and size > HUGE_BYTES:
        yield Finding(f"is huge: {size / 1e6:,.0f} MB")


def _content_type_of(response: ImageResponse) -> str:
    """The content type as the server gave it, cut to what can be one."""
    text = "".join(char for char in response.media_type[:60] if char.isascii() and char.isprintable())
    return text or "no type at all"

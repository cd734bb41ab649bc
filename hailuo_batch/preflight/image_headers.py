"""What the first bytes of an image say: its kind and its size in pixels. Pure; no pixel is ever decoded.

Owns how PNG, JPEG, WebP and GIF begin. Any bytes may come: what cannot be read is a fault or unknown, never an
exception. The layouts are those of the PNG (RFC 2083, 3.2), GIF89a (18), JPEG (ITU T.81, B.2) and WebP (RFC 9649, 2)
specifications.
"""

import re
from dataclasses import dataclass

ENOUGH_BYTES = 1 << 20
"""A JPEG may carry a colour profile and previews before it says how large it is; this many bytes hold nearly all."""

_CUT_SHORT = "it ends within its header"
_STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})  # JPEG markers that stand alone
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG markers of a frame, which has the size
_OTHER_KINDS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("AVIF", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("HEIC", re.compile(rb".{4}ftyp(?:hei[cx]|hevc|mif1|msf1)", re.DOTALL)),
    ("BMP", re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL)),
    ("TIFF", re.compile(rb"II\*\0|MM\0\*", re.DOTALL)),
    (
        "SVG",
        re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]"),
    ),
)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """How an image begins. `width` and `height` are in pixels, None where these bytes do not say.

    `fault` says what is wrong with it, else it is empty.
    """

    kind: str
    width: int | None = None
    height: int | None = None
    fault: str = ""


def parse_image_header(data: bytes, *, is_whole: bool) -> ImageHeader | None:
    """How the image begins whose first bytes these are; None where they are no PNG, JPEG, WebP or GIF.

    `is_whole` says that no more bytes follow.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        head = _png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        head = _jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        head = _webp(data)
    elif data[:6] in {b"GIF87a", b"GIF89a"}:
        head = _sized("GIF", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"), data[9:10])
    else:
        return None
    if is_whole and head.width is None and not head.fault:
        return ImageHeader(head.kind, fault=_CUT_SHORT)
    return head


def name_other_image(data: bytes) -> str:
    """What image of another kind these bytes begin: `AVIF`, `HEIC`, `BMP`, `TIFF` or `SVG`; empty for none."""
    start = data[:4096]
    return next((kind for kind, pattern in _OTHER_KINDS if pattern.match(start)), "")


def _sized(kind: str, width: int, height: int, last_byte: bytes) -> ImageHeader:
    """`last_byte` is the last byte that the size was read from, empty where the data ends before it."""
    if not last_byte:
        return ImageHeader(kind)
    if width == 0 or height == 0:
        return ImageHeader(kind, fault=f"it says that it is {width} x {height} pixels")
    return ImageHeader(kind, width, height)


def _png(data: bytes) -> ImageHeader:
    if len(data) >= 16 and data[12:16] != b"IHDR":
        return ImageHeader("PNG", fault="it does not begin with its header")
    return _sized("PNG", int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), data[23:24])


def _webp(data: bytes) -> ImageHeader:
    match data[12:16]:
        case b"VP8 ":
            if len(data) >= 26 and data[23:26] != b"\x9d\x01\x2a":
                return ImageHeader("WebP", fault="it does not begin with a key frame")
            width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
            return _sized("WebP", width, height, data[29:30])
        case b"VP8L":
            if len(data) >= 21 and data[20] != 0x2F:
                return ImageHeader("WebP", fault="its signature is wrong")
            bits = int.from_bytes(data[21:25], "little")
            return _sized("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, data[24:25])
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
            return _sized("WebP", width, height, data[29:30])
        case chunk if len(chunk) < 4:
            return ImageHeader("WebP")
        case _:
            return ImageHeader("WebP", fault="it begins with an unknown part")


def _jpeg(data: bytes) -> ImageHeader:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return ImageHeader("JPEG", fault="its parts are out of order")
        marker = data[at + 1]
        if marker == 0xFF:  # any number of these may fill the space between parts
            at += 1
        elif marker in _STANDALONE_MARKERS:
            at += 2
        elif marker in _FRAME_MARKERS:
            height, width = (int.from_bytes(data[at + skip : at + skip + 2], "big") for skip in (5, 7))
            return _sized("JPEG", width, height, data[at + 8 : at + 9])
        elif marker in {0xD9, 0xDA}:
            return ImageHeader("JPEG", fault="it has no frame")
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return ImageHeader("JPEG")

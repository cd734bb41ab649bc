"""Kind, pixel size and traits of an image, from its first bytes. No pixel is ever decoded.

Any bytes may come: what cannot be read is a fault or unknown, never an exception. The layouts are those of the PNG (RFC
2083, 3.2), GIF89a (18) and WebP (RFC 9649, 2) specifications; that of JPEG has a module of its own.
"""

from collections.abc import Iterator
from dataclasses import replace

from hailuo_batch.image_files.header import ImageHeader, sized
from hailuo_batch.image_files.jpeg import parse_jpeg

ENOUGH_BYTES = 1 << 20
"""A JPEG may have a colour profile and previews before its size. Nearly all have the size within this many bytes."""

READABLE_KINDS = ("PNG", "JPEG", "WebP", "GIF")
"""The kinds whose headers are parsed."""

_CUT_SHORT = "it ends inside its header"
_GIF_SCAN_BYTES = 1 << 16  # a second picture that begins later is nearly always announced before
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def parse_image_header(data: bytes, *, is_whole: bool) -> ImageHeader | None:
    """Parse the header of a PNG, JPEG, WebP or GIF from its first bytes; None for anything else.

    `is_whole` says that no more bytes follow.
    """
    # rule image_kinds
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        head = _png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        head = parse_jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        head = _webp(data)
    elif data[:6] in {b"GIF87a", b"GIF89a"}:
        head = _gif(data)
    else:
        return None
    if is_whole and head.width is None and not head.fault:
        return ImageHeader(head.kind, fault=_CUT_SHORT)
    return head


def _png(data: bytes) -> ImageHeader:
    if len(data) >= 16 and data[12:16] != b"IHDR":
        return ImageHeader("PNG", fault="it does not start with its header")
    head = sized("PNG", int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), data[23:24])
    # an animation announces itself before the first picture (APNG, "acTL")
    is_animated = b"acTL" in _png_chunks_before_picture(data)
    return replace(head, is_deep=data[24:25] == b"\x10", is_animated=is_animated, body_at=33)


def _png_chunks_before_picture(data: bytes) -> Iterator[bytes]:
    """The types of the chunks after the header, up to the first with a part of the picture."""
    at = 33
    while (kind := data[at + 4 : at + 8]).isalpha() and kind != b"IDAT":
        yield kind
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _gif(data: bytes) -> ImageHeader:
    head = sized("GIF", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"), data[9:10])
    blocks = _gif_blocks(data[:_GIF_SCAN_BYTES])
    pictures = 0
    for block in blocks:
        pictures += block == b","
        if pictures > 1 or block in _GIF_LOOPS:
            return replace(head, is_animated=True)
    return head


def _gif_blocks(data: bytes) -> Iterator[bytes]:
    """What follows the header: `,` for a picture, the name of an application for its extension, else `!`."""
    at = 13 + _colour_table_bytes(data[10:11])
    while at + 2 <= len(data):
        if data[at] == 0x21:
            is_application = data[at + 1] == 0xFF
            yield data[at + 3 : at + 14] if is_application else b"!"
            at += 2
        elif data[at] == 0x2C:
            yield b","
            at += 11 + _colour_table_bytes(data[at + 9 : at + 10])
        else:
            return
        while at < len(data) and data[at]:  # the parts of a block, each with its length before it
            at += 1 + data[at]
        at += 1


def _colour_table_bytes(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _webp(data: bytes) -> ImageHeader:
    said_size = 8 + int.from_bytes(data[4:8], "little")
    return replace(_webp_picture(data), said_size=said_size)


def _webp_picture(data: bytes) -> ImageHeader:
    match data[12:16]:
        case b"VP8 ":
            if len(data) >= 26 and data[23:26] != b"\x9d\x01\x2a":
                return ImageHeader("WebP", fault="it does not start with a key frame")
            width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
            return sized("WebP", width, height, data[29:30])
        case b"VP8L":
            if len(data) >= 21 and data[20] != 0x2F:
                return ImageHeader("WebP", fault="its signature is wrong")
            bits = int.from_bytes(data[21:25], "little")
            return sized("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, data[24:25])
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
            return replace(sized("WebP", width, height, data[29:30]), is_animated=bool(data[20:21] and data[20] & 2))
        case chunk if len(chunk) < 4:
            return ImageHeader("WebP")
        case _:
            return ImageHeader("WebP", fault="it starts with an unknown chunk")

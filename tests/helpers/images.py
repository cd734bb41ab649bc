"""Images of a few bytes, with just what says how large they are, and filled up to any size."""

import struct

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
AVIF = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"
TIFF = b"II*\0\x08\0\0\0\0\0"
BMP = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0"
SVG = b'<?xml version="1.0"?>\n<!-- drawn --><svg xmlns="http://www.w3.org/2000/svg"/>'
PAGE = b"<!DOCTYPE html><html><title>Lamp</title></html>"
PDF = b"%PDF-1.7\n"


def png(width: int = 640, height: int = 480, size: int = 2_000, depth: int = 8, before: bytes = b"") -> bytes:
    """`before` are chunks before the picture."""
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5BI", 13, b"IHDR", width, height, depth, 6, 0, 0, 0, 0)
    end = b"\0\0\0\0IEND\xaeB`\x82"
    return (head + before).ljust(size - len(end), b"\0") + end


def png_chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(content), kind) + content + b"\0\0\0\0"


def gif(width: int = 640, height: int = 480, size: int = 2_000, body: bytes = b"") -> bytes:
    """`body` is what follows the header, which has no table of colours."""
    return (b"GIF89a" + struct.pack("<HH3B", width, height, 0, 0, 0) + body).ljust(size - 1, b";") + b";"


GIF_PICTURE = b"," + struct.pack("<4HB", 0, 0, 640, 480, 0) + b"\x02\x01\0\0"
"""One picture of a GIF, as its body has it."""


def jpeg(
    width: int = 640, height: int = 480, before: bytes = b"", size: int = 2_000, components: int = 3, after: bytes = b""
) -> bytes:
    """`before` are segments before the frame, `after` what follows the end of the picture."""
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, components)
    whole = (b"\xff\xd8" + (before or b"\xff\xe0\0\x04JF") + frame).ljust(size - 2, b"\0") + b"\xff\xd9"
    return whole + after


def exif(orientation: int, order: str = ">") -> bytes:
    """A JPEG's segment that says how it is turned, with a preview that has an end of its own."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    entries = struct.pack(f"{order}IH", 8, 2) + struct.pack(f"{order}HHII", 0x010F, 2, 4, 0)
    entries += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    content = b"Exif\0\0" + mark + entries + b"\0\0\0\0\xff\xd8preview\xff\xd9"
    return b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content


def webp(width: int = 640, height: int = 480, kind: bytes = b"VP8X", size: int = 2_000, flags: int = 0) -> bytes:
    match kind:
        case b"VP8 ":
            body = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
        case b"VP8L":
            body = b"\x2f" + (width - 1 | (height - 1) << 14).to_bytes(4, "little")
        case _:
            body = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    head = b"RIFF" + struct.pack("<I", size - 8) + b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return head.ljust(size, b"\0")

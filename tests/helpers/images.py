"""Images of a few bytes, with just what says how large they are, and filled up to any size."""

import struct


def png(width: int = 640, height: int = 480, size: int = 2_000) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5B", 13, b"IHDR", width, height, 8, 6, 0, 0, 0)
    return head.ljust(size, b"\0")


def gif(width: int = 640, height: int = 480, size: int = 2_000) -> bytes:
    return (b"GIF89a" + struct.pack("<HH", width, height)).ljust(size, b"\0")


def jpeg(width: int = 640, height: int = 480, before: bytes = b"", size: int = 2_000) -> bytes:
    frame = b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width)
    return (b"\xff\xd8" + (before or b"\xff\xe0\0\x04JF") + frame).ljust(size, b"\0")


def webp(width: int = 640, height: int = 480, kind: bytes = b"VP8X", size: int = 2_000) -> bytes:
    match kind:
        case b"VP8 ":
            body = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
        case b"VP8L":
            body = b"\x2f" + (width - 1 | (height - 1) << 14).to_bytes(4, "little")
        case _:
            body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return (b"RIFF" + struct.pack("<I", size) + b"WEBP" + kind + struct.pack("<I", len(body)) + body).ljust(size, b"\0")

"""MP4s made of boxes, as small or as large as a test wants them. Knows nothing of the product."""

import struct


def box(name: bytes, payload: bytes = b"") -> bytes:
    """A box with its size in 32 bits."""
    return struct.pack(">I4s", 8 + len(payload), name) + payload


def large_box(name: bytes, payload: bytes = b"") -> bytes:
    """A box with its size in 64 bits."""
    return struct.pack(">I4sQ", 1, name, 16 + len(payload)) + payload


def last_box(name: bytes, payload: bytes = b"") -> bytes:
    """A box that goes on to the end of the file, whatever that is."""
    return struct.pack(">I4s", 0, name) + payload


FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2")
MOOV = box(b"moov", bytes(100))


def clip(payload: bytes) -> bytes:
    """A whole MP4 around these bytes."""
    return FTYP + MOOV + box(b"mdat", payload)

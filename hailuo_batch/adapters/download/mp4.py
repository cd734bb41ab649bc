"""Whether a file can be a whole MP4: its boxes, as ISO/IEC 14496-12 section 4.2 lays them out. Pure.

Looks at the headers of the outermost boxes alone, never at what they hold, so that its work does not grow with the
file. It proves no more than that nothing is missing at the end and that the index a player needs is there.
"""

import struct
from collections.abc import Callable, Iterator

ReadAt = Callable[[int, int], bytes]
"""Gives so many bytes from an offset on, fewer only at the end of the file."""

_MAX_BOXES = 100_000
_REQUIRED_BOXES = frozenset({b"ftyp", b"moov"})


class BrokenBoxError(Exception):
    """The boxes do not make up the file."""


def begins_like_mp4(head: bytes) -> bool:
    """Whether a file with these first bytes says of itself that it is an MP4."""
    return head[4:8] == b"ftyp"


def find_fault(read_at: ReadAt, length: int) -> str:
    """Why a file of `length` bytes is no whole MP4, in a few words; empty where nothing speaks against it."""
    try:
        missing = _REQUIRED_BOXES.difference(_box_names(read_at, length))
    except BrokenBoxError as error:
        return str(error)
    return f"it has no {' and no '.join(name.decode() for name in sorted(missing))} box" if missing else ""


def _box_names(read_at: ReadAt, length: int) -> Iterator[bytes]:
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset == length:
            return
        size, name = _box(read_at(offset, 16), length - offset)
        yield name
        offset += size
    raise BrokenBoxError(f"it has over {_MAX_BOXES:,} boxes")


def _box(head: bytes, left: int) -> tuple[int, bytes]:
    """Size and name of the box that begins with these bytes, `left` bytes before the end of the file."""
    if len(head) < 8:
        raise BrokenBoxError(f"its last {left} bytes are no box")
    size, name = struct.unpack(">I4s", head[:8])
    least = 8
    if size == 0:  # up to the end of the file
        size = left
    elif size == 1:  # the size follows, in 64 bits
        if len(head) < 16:
            raise BrokenBoxError(f"its last {left} bytes are no box")
        (size,) = struct.unpack(">Q", head[8:16])
        least = 16
    if size < least or not _is_box_name(name):
        raise BrokenBoxError(f"there is no box {left:,} bytes before its end")
    if size > left:
        raise BrokenBoxError(f"its {name.decode('latin-1')} box is {size - left:,} bytes longer than the file")
    return size, name


def _is_box_name(name: bytes) -> bool:
    """Four printable characters; QuickTime's own begin with a copyright sign."""
    return all(0x20 <= byte <= 0x7E or byte == 0xA9 for byte in name)

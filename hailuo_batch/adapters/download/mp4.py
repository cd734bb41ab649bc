"""Whether a file can be a complete MP4, and how long it plays, by its boxes (ISO/IEC 14496-12). Pure.

Reads only headers of boxes, so the work does not grow with the file. That a file is complete proves no more than that
nothing is missing at its end and that the index which a player needs is there.
"""

import struct
from collections.abc import Callable, Iterator

ReadAt = Callable[[int, int], bytes]
"""Reads so many bytes at an offset, fewer only at the end of the file."""

_MAX_BOXES = 100_000
_REQUIRED_BOXES = frozenset({b"ftyp", b"moov"})
_LONGEST_S = 86_400.0


class BrokenBoxError(Exception):
    """The boxes do not add up to the file."""


def begins_like_mp4(head: bytes) -> bool:
    """Whether a file with these first bytes declares itself an MP4."""
    return head[4:8] == b"ftyp"


def find_fault(read_at: ReadAt, length: int) -> str:
    """Say why a file of `length` bytes is not a complete MP4; empty if nothing speaks against it."""
    try:
        missing = _REQUIRED_BOXES.difference(name for name, _, _ in _boxes(read_at, 0, length))
    except BrokenBoxError as error:
        return str(error)
    return f"it has no {' and no '.join(name.decode() for name in sorted(missing))} box" if missing else ""


def read_length_s(read_at: ReadAt, length: int) -> float | None:
    """Read how long a file of `length` bytes plays, in seconds, from its movie header; None where it does not say."""
    try:
        moov = _find(b"moov", read_at, 0, length)
        mvhd = None if moov is None else _find(b"mvhd", read_at, *moov)
    except BrokenBoxError:
        return None
    return None if mvhd is None else _length_in(read_at(mvhd[0], min(32, mvhd[1] - mvhd[0])))


def _length_in(header: bytes) -> float | None:
    """Return the seconds in a movie header; None where there are none or they cannot be true."""
    try:
        # after two times, which version 1 has in 64 bits, come the units in a second and the length in such units
        is_long = header[:1] == b"\1"
        units, count = struct.unpack_from(">IQ", header, 20) if is_long else struct.unpack_from(">II", header, 12)
    except struct.error:
        return None
    if not units or count == (2**64 - 1 if is_long else 2**32 - 1):  # all ones: the writer did not know
        return None
    length_s = float(count / units)
    return length_s if 0 < length_s <= _LONGEST_S else None


def _find(name: bytes, read_at: ReadAt, offset: int, end: int) -> tuple[int, int] | None:
    """Return where the content of the first box with this name begins and ends; None if there is none."""
    boxes = _boxes(read_at, offset, end)
    return next(((start, stop) for found, start, stop in boxes if found == name), None)


def _boxes(read_at: ReadAt, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes between two offsets: name, and where the content begins and ends."""
    for _ in range(_MAX_BOXES):
        if offset == end:
            return
        size, name, head = _box(read_at(offset, 16), end - offset)
        yield name, offset + head, offset + size
        offset += size
    raise BrokenBoxError(f"it has over {_MAX_BOXES:,} boxes")


def _box(head: bytes, left: int) -> tuple[int, bytes, int]:
    """Return size, name and header's size of the box that starts with these bytes, `left` bytes before the end."""
    if len(head) < 8:
        raise BrokenBoxError(f"its last {left} bytes are not a box")
    size, name = struct.unpack(">I4s", head[:8])
    least = 8
    if size == 0:  # up to the end of the file
        size = left
    elif size == 1:  # the size follows, in 64 bits
        if len(head) < 16:
            raise BrokenBoxError(f"its last {left} bytes are not a box")
        (size,) = struct.unpack(">Q", head[8:16])
        least = 16
    if size < least or not _is_box_name(name):
        raise BrokenBoxError(f"there is no box {left:,} bytes before its end")
    if size > left:
        raise BrokenBoxError(f"its {name.decode('latin-1')} box is {size - left:,} bytes longer than the file")
    return size, name, least


def _is_box_name(name: bytes) -> bool:
    """Four printable characters; QuickTime's own begin with a copyright sign."""
    return all(0x20 <= byte <= 0x7E or byte == 0xA9 for byte in name)

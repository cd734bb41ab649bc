"""Whether a file can be a complete MP4, how long it plays and how large its picture is. Pure.

Reads only headers of boxes (ISO/IEC 14496-12), so the work does not grow with the file. That a file is complete proves
no more than that nothing is missing at its end and that the index which a player needs is there.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import islice

from hailuo_batch.core.model.clip_facts import ClipFacts

ReadAt = Callable[[int, int], bytes]
"""Reads so many bytes at an offset, fewer only at the end of the file."""

_MAX_BOXES = 100_000
_REQUIRED_BOXES = frozenset({b"ftyp", b"moov"})
_LONGEST_S = 86_400.0
_MOST_TRACKS = 16
_MOST_INNER_BOXES = 200  # in one track: few have more than a dozen
_LARGEST_SIDE = 16_384


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


def read_clip_facts(read_at: ReadAt, length: int) -> ClipFacts:
    """Read how long a file of `length` bytes plays and how large its picture is, from its headers."""
    try:
        moov = _find(b"moov", read_at, 0, length)
        mvhd = None if moov is None else _find(b"mvhd", read_at, *moov)
        length_s = None if mvhd is None else _length_in(read_at(mvhd[0], min(32, mvhd[1] - mvhd[0])))
    except BrokenBoxError:
        return ClipFacts()
    try:
        sides = None if moov is None else _picture_sides(read_at, *moov)
    except BrokenBoxError:
        sides = None
    return ClipFacts(length_s, *(sides or (None, None)))


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


def _picture_sides(read_at: ReadAt, offset: int, end: int) -> tuple[int, int] | None:
    """Return width and height of the first video track between two offsets; None where there is none that says so."""
    tracks = ((start, stop) for name, start, stop in _boxes(read_at, offset, end) if name == b"trak")
    for start, stop in islice(tracks, _MOST_TRACKS):
        header = _find(b"tkhd", read_at, start, stop, _MOST_INNER_BOXES)
        media = _find(b"mdia", read_at, start, stop, _MOST_INNER_BOXES)
        handler = None if media is None else _find(b"hdlr", read_at, *media, _MOST_INNER_BOXES)
        if header is None or handler is None or read_at(handler[0] + 8, 4) != b"vide":
            continue
        sides = _sides_in(read_at(header[0], min(96, header[1] - header[0])))
        if sides is not None:
            return sides
    return None


def _sides_in(header: bytes) -> tuple[int, int] | None:
    """Return width and height in a track header, as the picture is shown; None where they cannot be true."""
    try:
        # a matrix of nine numbers, then both sides in 16.16; all before them is longer in version 1
        at = 52 if header[:1] == b"\1" else 40
        a, b, _, c, d, *_, width, height = struct.unpack_from(">9i2I", header, at)
    except struct.error:
        return None
    sides = (round(width / 65536), round(height / 65536))
    if not all(1 <= side <= _LARGEST_SIDE for side in sides):
        return None
    is_on_its_side = not a and not d and b and c  # turned by a quarter, as telephones do
    return sides[::-1] if is_on_its_side else sides


def _find(name: bytes, read_at: ReadAt, offset: int, end: int, most_boxes: int = _MAX_BOXES) -> tuple[int, int] | None:
    """Return where the content of the first box with this name begins and ends; None if there is none."""
    boxes = _boxes(read_at, offset, end, most_boxes)
    return next(((start, stop) for found, start, stop in boxes if found == name), None)


def _boxes(read_at: ReadAt, offset: int, end: int, most_boxes: int = _MAX_BOXES) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes between two offsets: name, and where the content begins and ends."""
    for _ in range(most_boxes):
        if offset == end:
            return
        size, name, head = _box(read_at(offset, 16), end - offset)
        yield name, offset + head, offset + size
        offset += size
    raise BrokenBoxError(f"it has over {most_boxes:,} boxes")


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

"""The files the sandbox serves: the shipped clips, and what an HTTP range request asks of one.

Holds the content of files and the rules of RFC 9110 for parts of them; knows no sockets and no runs beyond the clip a
world has chosen. Invariant: a file's bytes and its validators depend on its run alone, so they outlive the process.
"""

import re
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from hailuo_batch.sandbox.world import ServedClip

CLIPS_DIR = Path(__file__).parent / "clips"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One output file, whole. `etag` is a strong validator with its quotes, `last_modified` an HTTP date."""

    content: bytes
    etag: str
    last_modified: str


class RangeNotSatisfiable(Exception):  # noqa: N818 - named for the status it becomes
    """The range asked for lies outside the file."""


def load_clips() -> tuple[bytes, ...]:
    """The shipped clips, in the order of their names."""
    return tuple(path.read_bytes() for path in sorted(CLIPS_DIR.glob("*.mp4")))


def media_file(name: str, served: ServedClip, clips: tuple[bytes, ...]) -> MediaFile:
    """The output file called `name` of the run that a world answered `served` for."""
    content = clips[served.pick % len(clips)] + served.tail
    return MediaFile(content, f'"{name[:16]}-{len(content):x}"', formatdate(served.completed_at, usegmt=True))


def requested_range(media: MediaFile, range_header: str | None, if_range: str | None) -> slice | None:
    """Which bytes a GET asks for; None for the whole file. Raises Unsatisfiable where there are none.

    As RFC 9110 section 14.2 has it, a range that is malformed, in several parts, or whose If-Range names another
    version of the file is ignored.
    """
    if range_header is None or if_range not in {None, media.etag, media.last_modified}:
        return None
    match = _RANGE.fullmatch(range_header.strip())
    if match is None:
        return None
    first, last = match.groups()
    size = len(media.content)
    if not first:
        return _suffix(last, size)
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable
    return slice(start, stop)


def _suffix(length: str, size: int) -> slice | None:
    if not length:
        return None
    if int(length) == 0:
        raise RangeNotSatisfiable
    return slice(max(0, size - int(length)), size)

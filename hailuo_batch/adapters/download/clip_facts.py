"""What the videos on disk say of themselves, for the report: how long they play and how large their picture is.

What cannot be read is not known, which is no error. Nothing is read but the headers of the boxes, and those of a file
once in a process: the page is made again and again while an apply runs.
"""

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from hailuo_batch.adapters.download.mp4 import read_clip_facts as read_facts
from hailuo_batch.adapters.local.fs import open_regular
from hailuo_batch.core.model.clip_facts import ClipFacts
from hailuo_batch.core.model.runs import Output

_UNKNOWN = ClipFacts()


def read_clip_facts(folder: Path, outputs: Iterable[Output]) -> dict[str, ClipFacts]:
    """Return what is known of each saved MP4 in the folder, by its path there; nothing of which nothing is known."""
    facts = ((output.path, _facts(f"{folder}/{output.path}", output.bytes)) for output in outputs if output.path)
    return {path: known for path, known in facts if known != _UNKNOWN}


def _facts(path: str, size: int | None) -> ClipFacts:
    """Return the facts of the file; none where it is not the one that the ledger calls saved, or is no MP4."""
    try:
        status = os.lstat(path)
        return _read(path, status.st_size, status.st_mtime_ns) if status.st_size == size else _UNKNOWN
    except (OSError, ValueError):  # the latter for a name that no file can have
        return _UNKNOWN


@lru_cache(maxsize=50_000)
def _read(path: str, size: int, _changed_at: int) -> ClipFacts:
    """Read once for each size and time of change. Raises OSError."""
    descriptor = open_regular(Path(path), os.O_RDONLY)
    try:
        return read_facts(lambda offset, count: os.pread(descriptor, count, offset), size)
    finally:
        os.close(descriptor)

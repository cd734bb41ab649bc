"""Copies and hard links that are known to be right: no name is given to bytes that are not the ones on record.

A target is never overwritten. A copy is written under a temporary name, compared while it is written, synced, and only
then renamed; of a file of any size, a piece at a time is in memory.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from hailuo_batch.adapters.local.fs import (
    NO_HARD_LINKS,
    open_to_read,
    remove_stale_temporaries,
    rename_no_replace,
    sync,
    sync_path,
    write_all,
)

_PIECE = 1 << 20
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9]+\.tmp", re.DOTALL)


class Collected(Enum):
    """How a file came to be under its name."""

    MADE = "made"  # copied or linked now
    THERE = "there"  # it was there, with the same bytes


class SourceError(Exception):
    """A source cannot be read, or is not what is on record, as its text says: `was changed since ...`."""


class SourceMovedError(SourceError):
    """Another file has the source's path by now."""


def collect_copy(source: BinaryIO, target: Path, sha256: str) -> Collected:
    """Copy an open file to the target. Raises SourceError, FileExistsError for another file of that name, and
    OSError."""
    if _is_there(target, sha256):
        return Collected.THERE
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb", buffering=0) as copy:
            _read_source(source, sha256, lambda piece: write_all(copy.fileno(), piece))
            sync(copy.fileno())
        rename_no_replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    return Collected.MADE


def collect_link(source: BinaryIO, path: Path, target: Path, sha256: str) -> Collected:
    """Make the target another name of the file at `path`, which is open as `source`.

    Raises SourceError, FileExistsError for another file of that name, and OSError, with EXDEV where the two are
    on different file systems or theirs has no hard links.
    """
    if _is_there(target, sha256):
        return Collected.THERE
    _read_source(source, sha256, lambda _: None)
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in NO_HARD_LINKS:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(target)) from error
        raise
    # while it was compared, an apply may have moved the file and put a newer video in its place
    # rule linked_as_compared
    if not os.path.samestat(target.lstat(), os.fstat(source.fileno())):
        target.unlink()
        raise SourceMovedError("was moved while it was compared")
    sync_path(target.parent)
    return Collected.MADE


def remove_left_over(folder: Path, names: Iterable[str]) -> None:
    """Remove what a killed process left of copies under these names. Raises OSError."""
    ours = frozenset(names)
    found = [(path.name, _TEMPORARY.fullmatch(path.name)) for path in folder.iterdir()]
    left = [name for name, match in found if match is not None and match["name"] in ours]
    remove_stale_temporaries(folder, [*left, *(name for name, _ in found if name in ours)])


def _is_there(target: Path, sha256: str) -> bool:
    """Whether the target has these bytes already. Raises FileExistsError where something else has its name."""
    if not os.path.lexists(target):
        return False
    with suppress(OSError), open_to_read(target) as file:
        if _digest(_pieces(file)) == sha256:
            return True
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _read_source(source: BinaryIO, sha256: str, use: Callable[[bytes], None]) -> None:
    """Hand each piece of the source to `use`. Raises SourceError where it is unreadable, or not what is on record."""

    def pieces() -> Iterator[bytes]:
        for piece in _readable(source):
            use(piece)
            yield piece

    # rule collected_as_recorded
    if _digest(pieces()) != sha256:
        raise SourceError("was changed since it was downloaded")


def _readable(source: BinaryIO) -> Iterator[bytes]:
    try:
        yield from _pieces(source)
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})") from error


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()

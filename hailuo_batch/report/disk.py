"""Files that are there whole or not at all.

Owns how bytes reach the disk: under a temporary name in the same folder, then renamed into place, so that no reader
ever sees half a file; and how what a killed write left is told from what is being written. Knows nothing of what the
bytes say. Raises OSError as it comes.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = re.compile(r"\..+\.[0-9]+\.tmp", re.DOTALL)
_STALE_S = 600.0
"""Seconds after which nobody can still be writing a file."""


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file in one step; it survives a power cut from then on."""
    _replace(path, content, _sync)
    _sync_folder(path.parent)


def write_without_sync(path: Path, content: bytes) -> None:
    """Replace the file in one step, without waiting for the disk: for what can be made again."""
    _replace(path, content, lambda _: None)


def remove_stale_temporaries(folder: Path, names: Collection[str]) -> None:
    """Of these files in the folder, remove the temporary ones that were left by a killed write: far older than the
    newest of all."""
    left = [folder / name for name in names if _TEMPORARY.fullmatch(name.rpartition("/")[2])]
    if left:
        stale_at = max(_changed_at(folder / name for name in names), default=0.0) - _STALE_S
        for path in left:
            if any(changed_at < stale_at for changed_at in _changed_at([path])):
                path.unlink(missing_ok=True)


def _changed_at(paths: Iterable[Path]) -> Iterator[float]:
    """When these were written, but for those that have gone meanwhile."""
    for path in paths:
        try:
            yield path.stat().st_mtime
        except FileNotFoundError:
            continue


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Have a new name on the disk too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _replace(path: Path, content: bytes, sync: Callable[[BinaryIO], None]) -> None:
    """The temporary name is this process's own, so that two writers never share one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            sync(file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

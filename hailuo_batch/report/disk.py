"""Write files completely or not at all.

A file is written under a temporary name in the same folder and then renamed, so that no reader ever sees half a file.
Temporary files that a killed write left are removed later. Raises OSError.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from hailuo_batch.adapters.local.fs import sync, sync_path

_TEMPORARY = re.compile(r"\..+\.[0-9]+\.tmp", re.DOTALL)
_STALE_S = 600.0
"""Seconds after which a temporary file cannot be one that is being written."""


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file in one step. It survives a power cut from then on."""
    _replace(path, content, synced=True)
    sync_path(path.parent)


def write_without_sync(path: Path, content: bytes) -> None:
    """Replace the file in one step, without waiting for the disk: for files that can be made again."""
    _replace(path, content, synced=False)


def _replace(path: Path, content: bytes, *, synced: bool) -> None:
    """Write and rename. The temporary name contains the process ID, so that two writers never share one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if synced:
                file.flush()
                sync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_stale_temporaries(folder: Path, names: Collection[str]) -> None:
    """Remove those of these files that a killed write left: temporary, and far older than the newest of all."""
    left = [folder / name for name in names if _TEMPORARY.fullmatch(name.rpartition("/")[2])]
    if left:
        stale_at = max(_changed_at(folder / name for name in names), default=0.0) - _STALE_S
        for path in left:
            if any(changed_at < stale_at for changed_at in _changed_at([path])):
                path.unlink(missing_ok=True)


def _changed_at(paths: Iterable[Path]) -> Iterator[float]:
    """When these files were written, without those that were deleted meanwhile."""
    for path in paths:
        try:
            yield path.stat().st_mtime
        except FileNotFoundError:
            continue

"""Files that are there whole or not at all.

Owns how bytes reach the disk: under a temporary name in the same folder, then renamed into place, so that no reader
ever sees half a file. Knows nothing of what the bytes say. Raises OSError as it comes.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file in one step; it survives a power cut from then on."""
    _replace(path, content, _sync)


def write_swiftly(path: Path, content: bytes) -> None:
    """Replace the file in one step, without waiting for the disk: for what can be made again."""
    _replace(path, content, lambda _: None)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _replace(path: Path, content: bytes, settle: Callable[[BinaryIO], None]) -> None:
    """The temporary name is this process's own, so that two writers never share one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            settle(file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

"""A real file system of a few megabytes, where the system lets this process mount one: as root on Linux."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest


@contextmanager
def small_disk(folder: Path, *, size: str = "30m", files: int | None = None) -> Iterator[Path]:
    """A file system of that size, and with room for so many files, at this folder. Skips the test where it cannot be
    had."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={size}" + ("" if files is None else f",nr_inodes={files}")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this system mounts no file system for a test")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def fill(disk: Path, *, leaving: int) -> Path:
    """Have a file of somebody else's take all the room of a disk but so many bytes. Returns it."""
    state = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(max(0, state.f_bavail * state.f_frsize - leaving)))
    return ballast


def decoy_disk(patch: pytest.MonkeyPatch, free: Callable[[], int], *, total: int = 10**12) -> None:
    """Have every disk say that so many bytes are free, and that it does not count files."""

    def statvfs(_: object) -> SimpleNamespace:
        return SimpleNamespace(f_frsize=1, f_blocks=total, f_bavail=free(), f_files=0, f_favail=0)

    patch.setattr(os, "statvfs", statvfs)

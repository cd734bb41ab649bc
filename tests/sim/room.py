"""How much room the disk of the videos has: plenty, next to none, or less and less."""

import errno
import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

PLENTY = 1 << 40
_BLOCK = 512


@dataclass
class DiskSpace:
    """The free bytes of one disk, of `size` in all."""

    free: int = PLENTY
    size: int = PLENTY

    def shrink(self, free: int, size: int) -> None:
        """So much is left from now on."""
        self.free, self.size = free, max(size, free)

    def clear(self) -> None:
        """Somebody has made room."""
        self.free = self.size = PLENTY

    @property
    def is_short(self) -> bool:
        """Whether the disk is so full that it may refuse."""
        return self.size < PLENTY

    def take(self, count: int) -> int:
        """As many of these bytes as fit."""
        taken = min(count, self.free)
        self.free -= taken
        return taken

    def give_back(self, count: int) -> None:
        """These bytes are gone from it."""
        self.free = min(self.size, self.free + count)

    def look(self) -> Any:
        """What `os.statvfs` says of it."""
        free, blocks = self.free // _BLOCK, self.size // _BLOCK
        return SimpleNamespace(
            f_bsize=_BLOCK, f_frsize=_BLOCK, f_blocks=blocks, f_bfree=free, f_bavail=free, f_files=10**6, f_ffree=10**6,
            f_favail=10**6, f_flag=0, f_namemax=255,
        )  # fmt: skip


def full() -> OSError:
    """What a full disk says."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

"""The folder of stills beside the videos. Each still is there whole or not at all; nothing there is ever needed.

Files of others in it are left alone.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path

from hailuo_batch.adapters.local.fs import (
    check_folders,
    open_to_read,
    remove_stale_temporaries,
    write_without_sync,
)
from hailuo_batch.core.model.file_layout import STILLS_FOLDER

_STILL = re.compile(r"[0-9a-f]{24}(\.thumb)?\.jpg", re.ASCII)


class StillsFolder:
    """The stills in an output folder."""

    def __init__(self, outputs: Path) -> None:
        self._outputs = outputs
        self._folder = outputs / STILLS_FOLDER

    def names(self) -> frozenset[str]:
        """Return the names of the stills that are there; none if the folder cannot be listed."""
        try:
            check_folders(self._outputs, (STILLS_FOLDER,))
            with os.scandir(self._folder) as entries:
                return frozenset(
                    e.name for e in entries if _STILL.fullmatch(e.name) and e.is_file(follow_symlinks=False)
                )
        except OSError:
            return frozenset()

    def read(self, name: str, largest: int) -> bytes | None:
        """Return a still's bytes; None if it is not there or is larger than this."""
        try:
            with open_to_read(self._folder / name) as file:
                content = file.read(largest + 1)
        except OSError:
            return None
        return content if len(content) <= largest else None

    def write(self, name: str, content: bytes) -> None:
        """Write a still. Raises OSError."""
        check_folders(self._outputs, (STILLS_FOLDER,))
        self._folder.mkdir(exist_ok=True)
        write_without_sync(self._folder / name, content)

    def remove_others(self, wanted: Collection[str]) -> None:
        """Remove the stills with other names than these, and what a killed process left. Raises OSError."""
        stills = self.names()
        for name in stills.difference(wanted):
            (self._folder / name).unlink(missing_ok=True)
        if stills:
            remove_stale_temporaries(self._folder, [path.name for path in self._folder.iterdir()])

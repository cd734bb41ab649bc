"""Renames in the output folder, and whether the files that the ledger calls saved are there.

Paths come from the ledger, relative to the output folder, and are checked to stay inside. No rename overwrites a file
or goes through a link.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from hailuo_batch.adapters.local.fs import check_folders, open_to_read, rename_no_replace
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event, MoveOutcome
from hailuo_batch.core.model.runs import Output, Snapshot


class FileMatch(StrEnum):
    """What is found where the ledger has a file."""

    SAME = "same"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A saved output compared with the disk. `path` is where it was expected, None where the ledger has no path.

    `bytes` and `sha256` are those of the file found, None where there is none or they were not needed to see that it
    differs. `reason` says why a file could not be read.
    """

    match: FileMatch
    path: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    reason: str = ""


class OutputFiles:
    """The output folder of one campaign."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def move(self, index: int, source: str, target: str) -> MoveOutcome:
        """Rename output `index`."""
        try:
            start, end = self._inside(source), self._inside(target)
            for path in (source, target):
                check_folders(self._folder, PurePosixPath(path).parts[:-1])
            end.parent.mkdir(parents=True, exist_ok=True)
            rename_no_replace(start, end)
        except FileExistsError:
            return ev.MoveFailed(f"another file is already called {target}")
        except OSError as error:
            return ev.MoveFailed(error.strerror or str(error))
        except ValueError as error:
            return ev.MoveFailed(str(error))
        return ev.FileMoved(index, target)

    def inspect(self, snapshot: Snapshot) -> Iterator[tuple[int, Event]]:
        """Compare the disk with the ledger: yield events for renames that a crash interrupted, and for missing files.

        In a restored ledger, a file's name may belong to another file by now, so there the content decides.
        """
        find = self._find_by_content if snapshot.restored else self._find_missing_or_moved
        # ten thousand files are listed in the time that a few hundred single checks take
        listed = frozenset() if snapshot.restored else frozenset(_files_below(self._folder))
        for run in snapshot.runs:
            for output in run.outputs:
                if output.path in listed and output.moving_to is None:
                    continue
                event = find(output)
                if event is not None:
                    yield run.key, event

    def missing(self, snapshot: Snapshot) -> Iterator[tuple[int, Event]]:
        """Yield events for files that do not exist any more. Unlike `inspect`, changes nothing on the disk."""
        listed = frozenset(_files_below(self._folder))
        for run in snapshot.runs:
            for output in run.outputs:
                path = output.path
                if path is None or output.moving_to is not None or path in listed:
                    continue
                if not self._has(path):
                    yield run.key, ev.FileMissed(output.index)

    def open(self, path: str) -> BinaryIO:
        """Open a saved file to read it. Raises OSError, also for a link, and ValueError for a path outside."""
        check_folders(self._folder, PurePosixPath(path).parts[:-1])
        return open_to_read(self._inside(path))

    def path_of(self, path: str) -> Path:
        """Where a saved file lies. Raises ValueError for a path outside."""
        return self._inside(path)

    def compare(self, output: Output) -> Comparison:
        """Compare a saved output with its recorded size and SHA-256. Reads all of the file if the size is right.

        A file that is being renamed is expected under either name.
        """
        paths = [path for path in (output.moving_to, output.path) if path is not None]
        found = [self._compare_at(path, output) for path in paths if self._has(path)]
        missing = Comparison(FileMatch.MISSING, paths[-1] if paths else None)
        return next((seen for seen in found if seen.match is FileMatch.SAME), found[0] if found else missing)

    def _compare_at(self, path: str, output: Output) -> Comparison:
        try:
            with self._inside(path).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size != output.bytes:
                    return Comparison(FileMatch.CHANGED, path, size)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return Comparison(FileMatch.UNREADABLE, path, reason=error.strerror or str(error))
        return Comparison(FileMatch.SAME if digest == output.sha256 else FileMatch.CHANGED, path, size, digest)

    def _find_missing_or_moved(self, output: Output) -> Event | None:
        if output.path is None:
            return None
        if output.moving_to is not None and self._has_moved(output, output.path, output.moving_to):
            # rule rename_done
            return ev.FileMoved(output.index, output.moving_to)
        if not self._has(output.path):
            # rule file_missed
            return ev.FileMissed(output.index)
        # rule rename_undone
        return None if output.moving_to is None else ev.FileMoved(output.index, output.path)

    def _find_by_content(self, output: Output) -> Event | None:
        """Do as `_find_missing_or_moved`, but let a file with other content count as missing."""
        if output.path is None:
            return None
        for path in filter(None, (output.moving_to, output.path)):
            if self._has(path) and self._digest(path) == output.sha256:
                return None if path == output.path and output.moving_to is None else ev.FileMoved(output.index, path)
        return ev.FileMissed(output.index)

    def _digest(self, path: str) -> str | None:
        """Return the SHA-256 in hex; None where the file cannot be read."""
        try:
            with self._inside(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None

    def _has_moved(self, output: Output, source: str, target: str) -> bool:
        """Whether a rename is complete, completing it if possible: the file at its target is ours."""
        if not self._has(target):
            return False
        if not self._has(source):
            return self._inside(target).stat().st_size == output.bytes
        if not self._inside(source).samefile(self._inside(target)):
            return False
        self._inside(source).unlink()  # one file under both names: only this step was left
        return True

    def _has(self, path: str) -> bool:
        try:
            return self._inside(path).is_file()
        except (OSError, ValueError):
            return False

    def _inside(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or PurePosixPath(path).is_absolute():
            raise ValueError(f"{path!r} is not inside the output folder")
        return self._folder.joinpath(*parts)


def _files_below(folder: Path, prefix: str = "") -> Iterator[str]:
    """Yield the relative paths of the files below a folder, as far as they can be listed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files_below(folder / entry.name, f"{prefix}{entry.name}/")
                elif entry.is_file():
                    yield prefix + entry.name
    except OSError:
        return

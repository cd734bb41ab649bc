"""Renames in the output folder, and whether what the ledger calls saved is really there.

Paths are relative to the output folder and come from the ledger: each is checked to stay inside before it is used.
No rename goes onto a file that exists, nor through a link.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from hailuo_batch.adapters.local.fs import check_folders, rename_no_replace
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event, MoveOutcome
from hailuo_batch.core.model.runs import Output, Snapshot


class FileMatch(StrEnum):
    """What stands where the ledger has a file."""

    SAME = "same"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One saved output beside the disk. `path` is where it was looked for, None where nothing says where it was.

    `bytes` and `sha256` are those of the file that is there, None where there is none, or where they were not needed
    to see that it differs; `reason` says why a file could not be read.
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
        """What a look at the disk adds to the ledger: renames that a crash cut short, and files that are gone.

        A ledger that was restored may call a file by the name that another one bears by now: there the bytes decide.
        """
        find = self._find_by_content if snapshot.restored else self._find_missing_or_moved
        # ten thousand files are listed in the time in which a few hundred are looked for one by one
        listed = frozenset() if snapshot.restored else frozenset(_files_below(self._folder))
        for run in snapshot.runs:
            for output in run.outputs:
                if output.path in listed and output.moving_to is None:
                    continue
                event = find(output)
                if event is not None:
                    yield run.key, event

    def missing(self, snapshot: Snapshot) -> Iterator[tuple[int, Event]]:
        """The files among what `inspect` would find that are simply not there any more. Changes nothing on the disk."""
        listed = frozenset(_files_below(self._folder))  # a hundred thousand files are looked for one by one in a second
        for run in snapshot.runs:
            for output in run.outputs:
                path = output.path
                if path is None or output.moving_to is not None or path in listed:
                    continue
                if not self._has(path):
                    yield run.key, ev.FileMissed(output.index)

    def compare(self, output: Output) -> Comparison:
        """The file of a saved output beside its recorded size and SHA-256. Reads all of it where the size is right.

        One that is being renamed is looked for under both names.
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
        """As `_look`, and a file with other bytes than were saved counts as gone from there."""
        if output.path is None:
            return None
        for path in filter(None, (output.moving_to, output.path)):
            if self._has(path) and self._digest(path) == output.sha256:
                return None if path == output.path and output.moving_to is None else ev.FileMoved(output.index, path)
        return ev.FileMissed(output.index)

    def _digest(self, path: str) -> str | None:
        """The SHA-256, in hex; None where the file cannot be read."""
        try:
            with self._inside(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None

    def _has_moved(self, output: Output, source: str, target: str) -> bool:
        """Whether a rename reached its end, or can be brought there: the file at its target is ours."""
        if not self._has(target):
            return False
        if not self._has(source):
            return self._inside(target).stat().st_size == output.bytes
        if not self._inside(source).samefile(self._inside(target)):
            return False
        self._inside(source).unlink()  # one file under both names: the rename was about to end
        return True

    def _has(self, path: str) -> bool:
        try:
            return self._inside(path).is_file()
        except (OSError, ValueError):
            return False

    def _inside(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or PurePosixPath(path).is_absolute():
            raise ValueError(f"{path!r} does not lie in the output folder")
        return self._folder.joinpath(*parts)


def _files_below(folder: Path, prefix: str = "") -> Iterator[str]:
    """The paths, from the top one, of the files in a folder and those in it, as far as they can be listed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files_below(folder / entry.name, f"{prefix}{entry.name}/")
                elif entry.is_file():
                    yield prefix + entry.name
    except OSError:
        return

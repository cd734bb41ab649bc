"""Writes one download to disk: under a temporary name first, under its final name only when complete.

Knows no network. Invariants: an existing file is never overwritten, and a crash at any moment leaves under the final
name either nothing, or the old file, or the whole new one. A different file that is in the way, edited by hand perhaps,
is kept as `<name>.kept-<n>`. An interrupted download stays as `.<name>.part` where it can be resumed.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hailuo_batch.adapters.download.resume import DownloadSource, PartialFile, parse_note, render_note
from hailuo_batch.adapters.local.fs import (
    NO_HARD_LINKS,
    free_space,
    open_regular,
    open_to_read,
    set_aside,
    sync,
    sync_path,
    write_all,
)
from hailuo_batch.core.model.events import DiskFull, FetchFailed

SPARE_BYTES = 2 << 20
"""Every download leaves this much free, because the ledger may be on the same disk and must still be written."""

_UNKNOWN_SOURCE = DownloadSource("")
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CHUNK = 1 << 20
_NOTE_EVERY_BYTES = 16 << 20
_CHECK_SPACE_EVERY_BYTES = 1 << 18  # what all transfers write between two checks fits into SPARE_BYTES
_LITTLE_BYTES = 1 << 16  # without room for this, no other file is worth trying
_MAX_NOTE_BYTES = 1 << 16


class DiskError(Exception):
    """The disk refused a write. `outcome` is what the caller reports."""

    def __init__(self, outcome: DiskFull | FetchFailed) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class FileWriter:
    """Receives the bytes of one file for `folder/name`, whose extension may still be unknown.

    Only one writer at a time may use a name. As a context manager, leaving it keeps an incomplete file if a later
    writer can resume it, and removes it otherwise. Every method raises DiskError.
    """

    def __init__(self, folder: Path, name: str, reservations: "SpaceReservations | None" = None) -> None:
        self._folder = folder
        self._name = name
        self._part = folder / f".{name}.part"
        self._note_path = folder / f".{name}.part.json"
        self._reservations = reservations or SpaceReservations()
        self._reserved_bytes = 0
        self._digest = hashlib.sha256()
        self._file: int | None = None
        self._source = _UNKNOWN_SOURCE
        self._noted_bytes = self._checked_bytes = 0
        self._is_intact = True  # no write has failed so far
        self.size = 0
        self.kept_aside: list[str] = []

    def __enter__(self) -> "FileWriter":
        return self

    def __exit__(self, *_: object) -> None:
        with self._reservations.lock:
            self._set_reserved(0)
        if self._file is None:
            return
        # Whatever fails here only loses bytes that can be downloaded again.
        with suppress(OSError):
            self._close()
        if not (self._is_intact and self._save_note()):
            self._remove()

    @property
    def sha256(self) -> str:
        """The SHA-256, in hex, of the bytes so far."""
        return self._digest.hexdigest()

    def find_partial(self) -> PartialFile | None:
        """Return what an earlier writer left, according to its note; None for nothing usable. Changes nothing."""
        try:
            if not 0 < self._note_path.stat().st_size <= _MAX_NOTE_BYTES or self._part.is_symlink():
                return None
            if self._part.stat().st_nlink > 1:
                return None  # a crash came after the final name was given: writing here would change the finished file
            with open_to_read(self._note_path) as file:
                partial = parse_note(file.read(_MAX_NOTE_BYTES).decode("utf-8"))
            return partial if partial is not None and self._part.stat().st_size >= partial.size else None
        except (OSError, ValueError):
            return None

    def begin(self, source: DownloadSource = _UNKNOWN_SOURCE) -> None:
        """Start from the first byte, removing what an earlier writer left."""
        with self._disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._close()
            self._remove()
            self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        self._digest = hashlib.sha256()
        self._source, self._noted_bytes, self.size = source, 0, 0
        self._reserve(source.total or 0)

    def resume(self, partial: PartialFile, source: DownloadSource) -> bool:
        """Resume what an earlier writer left. Return False where its bytes do not match its note."""
        with self._disk_errors():
            self._file = open_regular(self._part, os.O_RDWR)
            os.ftruncate(self._file, partial.size)
            while chunk := os.read(self._file, _CHUNK):
                self._digest.update(chunk)
        self._source, self._noted_bytes, self.size = source, partial.size, partial.size
        if self.sha256 != partial.sha256:
            return False
        self._reserve((source.total or 0) - self.size)
        return True

    def write(self, chunk: bytes | memoryview) -> None:
        """Append bytes."""
        assert self._file is not None
        if self.size + len(chunk) - self._checked_bytes >= _CHECK_SPACE_EVERY_BYTES:
            self._reserve(len(chunk))
        with self._disk_errors():
            write_all(self._file, chunk)
        self._digest.update(chunk)
        self.size += len(chunk)
        with self._reservations.lock:
            self._set_reserved(max(0, self._reserved_bytes - len(chunk)))
        if self.size - self._noted_bytes >= _NOTE_EVERY_BYTES:
            self._save_note()

    def read_at(self, offset: int, count: int) -> bytes:
        """Read back bytes at an offset."""
        assert self._file is not None
        with self._disk_errors():
            return os.pread(self._file, count, offset)

    def discard(self) -> None:
        """Have the bytes removed on leaving, not kept to be resumed."""
        self._source = _UNKNOWN_SOURCE

    def has_existing(self, extension: str) -> bool:
        """Whether a file with this extension already has the name."""
        return os.path.lexists(self._folder / f"{self._name}{extension}")

    def finalize(self, extension: str) -> str:
        """Give the complete file its final name, durably, and return that name.

        `kept_aside` then lists the new names of the files that were in the way.
        """
        assert self._file is not None
        final = self._folder / f"{self._name}{extension}"
        with self._disk_errors():
            # First the bytes, then the name: the ledger will call the file saved, and never downloads it again.
            sync(self._file)
            while not self._put_in_place(final):
                self.kept_aside += [aside.name for _, aside in set_aside([final], _kept_name)]
            self._note_path.unlink(missing_ok=True)
            sync_path(self._folder)
        self.discard()
        return final.name

    def _put_in_place(self, final: Path) -> bool:
        """Link the file to its final name. Return False where a different file has that name."""
        try:
            os.link(self._part, final)
        except FileExistsError:
            if not self._has_same_content(final):
                return False
            sync_path(final)
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            if os.path.lexists(final) and not self._has_same_content(final):
                return False
            self._part.replace(final)
        self._part.unlink(missing_ok=True)
        return True

    def _has_same_content(self, other: Path) -> bool:
        if other.is_symlink() or not other.is_file() or other.stat().st_size != self.size:
            return False
        with other.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256

    def _save_note(self) -> bool:
        """Write the note for a later writer. Return whether the file can be resumed."""
        partial = PartialFile(self._source, self.size, self.sha256)
        if not partial.is_worth_keeping:
            return False
        try:
            with os.fdopen(open_regular(self._note_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
                file.write(render_note(partial).encode("utf-8"))
        except OSError:
            return False
        self._noted_bytes = self.size
        return True

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _remove(self) -> None:
        for path in (self._note_path, self._part):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _reserve(self, count: int) -> None:
        """Reserve space for so many more bytes. Raises DiskError where they would fill the disk."""
        self._checked_bytes = self.size
        with self._disk_errors(), self._reservations.lock:
            others = self._reservations.bytes - self._reserved_bytes
            space = free_space(self._folder)
            needed = others + count + SPARE_BYTES
            if space.bytes is None or space.bytes >= needed:
                self._set_reserved(count)
                return
        if space.total_bytes is not None and count > space.total_bytes:
            raise DiskError(FetchFailed(f"the server announces {count:,} bytes, more than the whole disk"))
        self._is_intact &= self._source.total is not None  # a file of unknown length must not keep the disk full
        why = f"{space.bytes:,} bytes are free, but {needed:,} are needed"
        for_any = space.bytes < others + SPARE_BYTES + _LITTLE_BYTES
        raise DiskError(DiskFull(self._no_space(why), for_any))

    def _set_reserved(self, count: int) -> None:
        """Set how many bytes are still to come. The caller holds the lock of the reservations."""
        self._reservations.bytes += count - self._reserved_bytes
        self._reserved_bytes = count

    def _no_space(self, why: str) -> str:
        return f"there is not enough disk space for {self._name} in {self._folder}: {why}"

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._is_intact = False
            why = os.strerror(error.errno) if error.errno else str(error)
            raise DiskError(
                DiskFull(self._no_space(why), for_any=True)
                if error.errno in _DISK_FULL
                else FetchFailed(f"cannot write to {self._folder}: {why}")
            ) from error


class SpaceReservations:
    """The bytes still to come of all downloads to one disk, so that no two rely on the same free space.

    Hold `lock` from reading the free space until reserving some of it.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bytes = 0


def _kept_name(path: Path, number: int) -> str:
    return f"{path.stem}.kept-{number}{path.suffix}"

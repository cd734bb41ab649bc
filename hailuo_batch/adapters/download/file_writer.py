"""One file on its way to disk: written beside its final name, and there under it only when whole.

Knows no network. Its invariants: an existing file is never overwritten, and a crash at any moment leaves under the
final name either nothing, or what was there before, or the whole new file. What was there and differs, changed by hand
perhaps, is kept aside as `<name>.kept-<n>`. What broke off stays as `.<name>.part` where it can be gone on with.
"""

import errno
import hashlib
import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hailuo_batch.adapters.download.resume import DownloadSource, PartialFile, parse_note, render_note
from hailuo_batch.adapters.local.fs import free_space, open_regular, open_to_read, sync, sync_path
from hailuo_batch.core.model.events import DiskFull, FetchFailed

SPARE_BYTES = 2 << 20
"""Left free on the disk by every file that comes: the ledger must still be written, which may lie there, too."""

_UNKNOWN_SOURCE = DownloadSource("")
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_CHUNK = 1 << 20
_NOTE_EVERY_BYTES = 16 << 20
_CHECK_SPACE_EVERY_BYTES = (
    1 << 18
)  # for free space: what all transfers bring between two looks is within what is spared
_LITTLE_BYTES = 1 << 16  # where not even this has room, it makes no sense to try another file
_MAX_NOTE_BYTES = 1 << 16


class DiskError(Exception):
    """The disk refused. `outcome` is what the caller reports."""

    def __init__(self, outcome: DiskFull | FetchFailed) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class FileWriter:
    """Receives the bytes of one file for `folder/name`, the extension of which may still be unknown.

    Only one landing at a time may work on a name. Use it as a context manager: leaving it keeps what came, for a later
    landing to go on with, where its source can be told from others; else removes it. Every method raises DiskError.
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
        self._is_intact = True  # every write so far has gone well
        self.size = 0
        self.kept_aside: list[str] = []

    def __enter__(self) -> "FileWriter":
        return self

    def __exit__(self, *_: object) -> None:
        with self._reservations.lock:
            self._set_reserved(0)
        if self._file is None:
            return
        # What cannot be written, noted or removed any more is not wanted either.
        with suppress(OSError):
            self._close()
        if not (self._is_intact and self._save_note()):
            self._remove()

    @property
    def sha256(self) -> str:
        """The SHA-256, in hex, of what came so far."""
        return self._digest.hexdigest()

    def find_partial(self) -> PartialFile | None:
        """What an earlier landing has left, as it says itself; it is left alone."""
        try:
            if not 0 < self._note_path.stat().st_size <= _MAX_NOTE_BYTES or self._part.is_symlink():
                return None
            if self._part.stat().st_nlink > 1:
                return None  # cut off when it had its final name already: what bears that is not to be written into
            with open_to_read(self._note_path) as file:
                partial = parse_note(file.read(_MAX_NOTE_BYTES).decode("utf-8"))
            return partial if partial is not None and self._part.stat().st_size >= partial.size else None
        except (OSError, ValueError):
            return None

    def begin(self, source: DownloadSource = _UNKNOWN_SOURCE) -> None:
        """Receive from the first byte on; what an earlier landing has left is gone."""
        with self._disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._close()
            self._remove()
            self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        self._digest = hashlib.sha256()
        self._source, self._noted_bytes, self.size = source, 0, 0
        self._reserve(source.total or 0)

    def resume(self, partial: PartialFile, source: DownloadSource) -> bool:
        """Go on from what an earlier landing has left; False where its bytes are not those that it noted."""
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
        """Take the next bytes."""
        assert self._file is not None
        if self.size + len(chunk) - self._checked_bytes >= _CHECK_SPACE_EVERY_BYTES:
            self._reserve(len(chunk))
        with self._disk_errors():
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        self._digest.update(chunk)
        self.size += len(chunk)
        with self._reservations.lock:
            self._set_reserved(max(0, self._reserved_bytes - len(chunk)))
        if self.size - self._noted_bytes >= _NOTE_EVERY_BYTES:
            self._save_note()

    def read_at(self, offset: int, count: int) -> bytes:
        """What came, from an offset on."""
        assert self._file is not None
        with self._disk_errors():
            return os.pread(self._file, count, offset)

    def discard(self) -> None:
        """What came is not to be gone on with."""
        self._source = _UNKNOWN_SOURCE

    def has_existing(self, extension: str) -> bool:
        """Whether a file stands under the name with this extension."""
        return os.path.lexists(self._folder / f"{self._name}{extension}")

    def finalize(self, extension: str) -> str:
        """Put the whole file under its final name, durably, and give that name.

        `kept_aside` then has the names that were given to what stood in its place.
        """
        assert self._file is not None
        final = self._folder / f"{self._name}{extension}"
        with self._disk_errors():
            sync(self._file)
            while not self._put_in_place(final):
                self.kept_aside.append(_keep_aside(final))
            self._note_path.unlink(missing_ok=True)
            sync_path(self._folder)
        self.discard()
        return final.name

    def _put_in_place(self, final: Path) -> bool:
        """Whether the file now stands under its final name; False where something else does."""
        try:
            os.link(self._part, final)
        except FileExistsError:
            if not self._has_same_content(final):
                return False
            sync_path(final)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
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
        """Whether a later landing can go on from what came so far."""
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
        """Claim room for so many bytes more. Raises DiskError where the disk would be full after them."""
        self._checked_bytes = self.size
        with self._disk_errors(), self._reservations.lock:
            others = self._reservations.bytes - self._reserved_bytes
            space = free_space(self._folder)
            wanted = others + count + SPARE_BYTES
            if space.bytes is None or space.bytes >= wanted:
                self._set_reserved(count)
                return
        if space.total_bytes is not None and count > space.total_bytes:
            raise DiskError(FetchFailed(f"the file is said to have {count:,} bytes, more than the whole disk"))
        self._is_intact &= self._source.total is not None  # what may have no end must not keep the disk full
        why = f"{space.bytes:,} bytes are free, and {wanted:,} are wanted for it and what else is written"
        for_any = space.bytes < others + SPARE_BYTES + _LITTLE_BYTES
        raise DiskError(DiskFull(f"there is no room for {self._name} in {self._folder}: {why}", for_any))

    def _set_reserved(self, count: int) -> None:
        """So many bytes are still to come. The lock of the claims is held."""
        self._reservations.bytes += count - self._reserved_bytes
        self._reserved_bytes = count

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._is_intact = False
            why = os.strerror(error.errno) if error.errno else str(error)
            full = error.errno in _DISK_FULL
            raise DiskError(
                DiskFull(f"there is no room for {self._name} in {self._folder}: {why}", for_any=True)
                if full
                else FetchFailed(f"cannot write to {self._folder}: {why}")
            ) from error


class SpaceReservations:
    """The bytes that are still to come of all files on their way to one disk, so that no two count on the same room.

    Whoever looks how much room there is, and then claims some of it, holds the lock from the one to the other.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bytes = 0


def _keep_aside(path: Path) -> str:
    for number in itertools.count(1):
        aside = path.with_name(f"{path.stem}.kept-{number}{path.suffix}")
        if not os.path.lexists(aside):
            path.rename(aside)
            return aside.name
    raise AssertionError("there is always a number that is free")

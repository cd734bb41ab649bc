"""One file on its way to disk: written beside its final name, and there under it only when whole.

Knows no network. Its invariants: an existing file is never overwritten, and a crash at any moment leaves under the
final name either nothing, or what was there before, or the whole new file. What was there and differs, changed by hand
perhaps, is kept aside as `<name>.kept-<n>`.
"""

import errno
import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hailuo_batch.core.events import DiskFull, FetchFailed

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_CHUNK = 1 << 20


class DiskError(Exception):
    """The disk refused. `outcome` is what the caller reports."""

    def __init__(self, error: OSError, folder: Path) -> None:
        why = os.strerror(error.errno) if error.errno else str(error)
        super().__init__(why)
        full = error.errno in _FULL
        self.outcome = (
            DiskFull(f"no room in {folder}: {why}") if full else FetchFailed(f"cannot write to {folder}: {why}")
        )


class Landing:
    """Receives the bytes of one file for `folder/name`, the extension of which may still be unknown.

    Only one landing at a time may work on a name. Use it as a context manager: leaving it removes what did not land.
    Every method raises DiskError.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._part = folder / f".{name}.part"
        self._digest = hashlib.sha256()
        self.size = 0
        with self._disk():
            folder.mkdir(parents=True, exist_ok=True)
            self._part.unlink(missing_ok=True)
            self._file = self._part.open("xb")

    def __enter__(self) -> "Landing":
        return self

    def __exit__(self, *_: object) -> None:
        # What cannot be flushed or removed any more is not wanted either.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """The SHA-256, in hex, of what came so far."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(chunk)
        with self._disk():
            self._file.write(chunk)
        self.size += len(chunk)

    def settle(self, extension: str) -> str:
        """Put the whole file under its final name, durably, and give that name."""
        final = self._folder / f"{self._name}{extension}"
        with self._disk():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            while not self._place(final):
                _keep_aside(final)
            _sync(self._folder)
        return final.name

    def _place(self, final: Path) -> bool:
        """Whether the file now stands under its final name; False where something else does."""
        try:
            os.link(self._part, final)
        except FileExistsError:
            if not self._is_same(final):
                return False
            _sync(final)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if os.path.lexists(final) and not self._is_same(final):
                return False
            self._part.replace(final)
        self._part.unlink(missing_ok=True)
        return True

    def _is_same(self, other: Path) -> bool:
        if other.is_symlink() or not other.is_file() or other.stat().st_size != self.size:
            return False
        with other.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DiskError(error, self._folder) from error


def _keep_aside(path: Path) -> None:
    for number in itertools.count(1):
        aside = path.with_name(f"{path.stem}.kept-{number}{path.suffix}")
        if not os.path.lexists(aside):
            path.rename(aside)
            return


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

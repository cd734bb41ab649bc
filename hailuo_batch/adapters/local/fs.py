"""What the adapters need from a file system beyond reading and writing.

Three promises: a write that returned survives a power cut, an existing file is never overwritten by accident, and
neither a symbolic link nor a FIFO under one of our names leads us astray or blocks us. Functions raise OSError;
callers turn that into words.
"""

import errno
import fcntl
import itertools
import os
import re
import stat
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""The error numbers by which a file system says that it has no hard links."""
_A_LINK = "a symbolic link has this name"
_NO_FILE = "this is not a regular file"
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
_TEMPORARY = re.compile(r"\..+\.[0-9]+\.tmp", re.DOTALL)
_STALE_S = 600.0  # no write of a file takes that long


@dataclass(frozen=True, slots=True)
class Space:
    """Free space on a file system for this user, in bytes and in files. None where the file system does not say."""

    bytes: int | None
    files: int | None
    total_bytes: int | None = None


def free_space(folder: Path) -> Space:
    """Return the free space of the file system that holds this folder. Raises OSError."""
    state = os.statvfs(folder)
    # file systems that do not know their size report 0
    total = state.f_blocks * state.f_frsize or None
    return Space(
        None if total is None else state.f_bavail * state.f_frsize, state.f_favail if state.f_files else None, total
    )


# --- durable writes ---


def write_all(file: int, data: bytes | memoryview) -> None:
    """Write all bytes to an open file. One write may take only a part of them, as on a disk that is nearly full."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def sync(file: int) -> None:
    """Flush an open file to the disk itself. On macOS, fsync alone leaves the bytes in the drive's cache."""
    if _FULL_SYNC is None:
        os.fsync(file)
    else:
        fcntl.fcntl(file, _FULL_SYNC)


def sync_path(path: Path) -> None:
    """Flush a file's bytes, or a folder's entries, to the disk itself."""
    file = os.open(path, os.O_RDONLY)
    try:
        sync(file)
    finally:
        os.close(file)


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file in one step. It survives a power cut from then on."""
    # The bytes reach the disk before the name does: otherwise a power cut could leave the name on an empty file.
    _replace(path, [content], sync)
    sync_path(path.parent)


def write_without_sync(path: Path, content: bytes) -> None:
    """Replace the file in one step without waiting for the disk: for files that can be made again."""
    _replace(path, [content], lambda _: None)


def write_pieces_without_sync(path: Path, pieces: Iterable[bytes]) -> None:
    """The same for a file that is too large to be held in memory as a whole."""
    _replace(path, pieces, lambda _: None)


def _writer() -> str:
    """A number for this thread of this process, while it lives: that of the process for its main thread."""
    is_main = threading.current_thread() is threading.main_thread()
    return f"{os.getpid()}" if is_main else f"{os.getpid()}{threading.get_native_id():010d}"


def _replace(path: Path, pieces: Iterable[bytes], flush: Callable[[int], None]) -> None:
    """Write under a temporary name and rename, so that no reader ever sees half a file."""
    temporary = path.with_name(f".{path.name}.{_writer()}.tmp")  # this writer's own: two never share one
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb", buffering=0) as file:
            for piece in pieces:
                write_all(file.fileno(), piece)
            flush(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_stale_temporaries(folder: Path, names: Collection[str]) -> None:
    """Remove the temporary files that a killed process left, from these names in the folder.

    Those are the temporary files far older than the newest of all: nobody can still be writing them.
    """
    left = [folder / name for name in names if _TEMPORARY.fullmatch(name.rpartition("/")[2])]
    if left:
        stale_at = max(_changed_at(folder / name for name in names), default=0.0) - _STALE_S
        for path in left:
            if any(changed_at < stale_at for changed_at in _changed_at([path])):
                path.unlink(missing_ok=True)


def _changed_at(paths: Iterable[Path]) -> Iterator[float]:
    """Yield when these files were written, leaving out those that have disappeared meanwhile."""
    for path in paths:
        try:
            yield path.stat().st_mtime
        except FileNotFoundError:
            continue


# --- renames that never overwrite ---


def rename_no_replace(source: Path, target: Path) -> None:
    """Rename a file durably. Raises FileExistsError where the target exists; nothing is overwritten."""
    try:
        # rename(2) would silently replace the target; link(2) fails where it exists, without a gap for a race
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        # exFAT and the like: checking first is enough under the campaign's lock
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)
    else:
        source.unlink()
    sync_path(target.parent)
    if source.parent != target.parent:
        sync_path(source.parent)


def set_aside(paths: Sequence[Path], name: Callable[[Path, int], str]) -> list[tuple[Path, Path]]:
    """Rename these files, those that exist, to make room for new ones. Return old and new paths.

    `name` gives a file's new name with a number; all get the first number for which no new name is taken. They are
    renamed in the order given, so a crash or an OSError leaves the later ones where they are.
    """
    number = next(n for n in itertools.count(1) if not any(os.path.lexists(p.with_name(name(p, n))) for p in paths))
    renames = [(path, path.with_name(name(path, number))) for path in paths if os.path.lexists(path)]
    for path, aside in renames:
        path.rename(aside)
    for folder in {path.parent for path, _ in renames}:
        sync_path(folder)
    return renames


# --- files and folders that must be what they seem ---


def open_regular(path: Path, flags: int, mode: int = 0o644) -> int:
    """Open a regular file and return its descriptor. Raises OSError, whose `strerror` says what is there instead.

    A symbolic link is not followed; a FIFO, a device or a folder is closed again, never truncated. Opening never
    blocks. Without O_CREAT the file must exist.
    """
    try:
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, _A_LINK, str(path)) from error
        if error.errno == errno.ENXIO:  # a FIFO without a reader, or a device that is not there
            raise OSError(errno.ENXIO, _NO_FILE, str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, _NO_FILE, str(path))
    return file


def open_to_read(path: Path) -> BinaryIO:
    """Open a regular file to read it, as `open_regular` does."""
    return os.fdopen(open_regular(path, os.O_RDONLY), "rb")


def check_regular(path: Path) -> None:
    """Raise OSError where the path exists and is not a regular file: for files that somebody else opens or replaces."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, _A_LINK if stat.S_ISLNK(mode) else _NO_FILE, str(path))


def check_folders(top: Path, below: Iterable[str]) -> None:
    """Raise OSError where one of the folders `below`, each inside the one before, is a link or not a folder.

    Folders that do not exist yet are fine. `top` itself may be a link: where it lies is the user's choice.
    """
    folder = top
    for name in below:
        folder /= name
        try:
            mode = folder.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "not a folder"
            reason = f"{folder} is {what}, but hailuo-batch needs a folder of its own there: rename or remove it"
            raise OSError(errno.ENOTDIR, reason, str(folder))


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return the device and file numbers of the file with this name; None where there is none or it cannot be seen.

    The numbers identify a file only while it is open somewhere: after that the system may reuse them.
    """
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_in_place(file: int, path: Path) -> bool:
    """Whether an open file still has the name under which it was opened, and was not removed or replaced."""
    status = os.fstat(file)
    return file_identity(path) == (status.st_dev, status.st_ino)


def try_lock(file: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file without waiting. Return whether that succeeded; the kernel unlocks it with its process."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""What the shell asks of a disk beyond reading and writing: to have it there for good, never to write over a file, and
never to be led away by a link or held up by what is no file.

Raises OSError; who calls it turns that into words.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_A_LINK = "a symbolic link bears this name"
_NO_FILE = "what bears this name is no regular file"
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


@dataclass(frozen=True, slots=True)
class Space:
    """What is free on a file system, for this user: bytes, and files. None where the file system does not say."""

    bytes: int | None
    files: int | None
    total_bytes: int | None = None


def free_space(folder: Path) -> Space:
    """What is free where this folder lies. Raises OSError."""
    state = os.statvfs(folder)
    # file systems that do not know their size say that it is nothing
    total = state.f_blocks * state.f_frsize or None
    return Space(
        None if total is None else state.f_bavail * state.f_frsize, state.f_favail if state.f_files else None, total
    )


def sync(file: int) -> None:
    """Have the open file's bytes on the disk itself; on macOS, fsync alone leaves them in the drive's cache."""
    if _FULL_SYNC is None:
        os.fsync(file)
    else:
        fcntl.fcntl(file, _FULL_SYNC)


def sync_path(path: Path) -> None:
    """Have a file's bytes, or a folder's entries, on the disk itself."""
    file = os.open(path, os.O_RDONLY)
    try:
        sync(file)
    finally:
        os.close(file)


def open_regular(path: Path, flags: int, mode: int = 0o644) -> int:
    """Open a file that is ours by its name, and give its descriptor back. Raises OSError.

    Where a symbolic link, a FIFO, a device or a folder bears the name, nothing is opened for good, followed or
    truncated: `strerror` says what stands there. Opening never waits. Without O_CREAT the file must exist.
    """
    try:
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, _A_LINK, str(path)) from error
        if error.errno == errno.ENXIO:  # a FIFO that nobody reads, or a device that is not there
            raise OSError(errno.ENXIO, _NO_FILE, str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, _NO_FILE, str(path))
    return file


def open_to_read(path: Path) -> BinaryIO:
    """A file that is ours by its name, to be read; as `open_regular`."""
    return os.fdopen(open_regular(path, os.O_RDONLY), "rb")


def check_regular(path: Path) -> None:
    """Raises OSError where what bears the name is no regular file; for what somebody else opens, or renames over."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, _A_LINK if stat.S_ISLNK(mode) else _NO_FILE, str(path))


def check_folders(top: Path, below: Iterable[str]) -> None:
    """Raises OSError where one of the folders `below`, each in the one before it, is a link or no folder at all.

    What is not there yet is made by who needs it. Where `top` itself lies is the user's business, links included.
    """
    folder = top
    for name in below:
        folder /= name
        try:
            mode = folder.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "no folder"
            wish = f"{folder} is {what}, where a folder of this program's own belongs: rename or remove it"
            raise OSError(errno.ENOTDIR, wish, str(folder))


def file_identity(path: Path) -> tuple[int, int] | None:
    """Which file bears the name, by the numbers of device and file; None where there is none, or it cannot be seen.

    The numbers are a file's own only as long as it is open somewhere: they may then be given to another.
    """
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_in_place(file: int, path: Path) -> bool:
    """Whether an open file still bears the name under which it was opened: it may have been removed or replaced."""
    status = os.fstat(file)
    return file_identity(path) == (status.st_dev, status.st_ino)


def rename_no_replace(source: Path, target: Path) -> None:
    """Rename a file, and have that on disk. Raises FileExistsError where the target exists; nothing is written over."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        _rename_where_no_links_are(source, target)
    else:
        source.unlink()
    sync_path(target.parent)
    if source.parent != target.parent:
        sync_path(source.parent)


def _rename_where_no_links_are(source: Path, target: Path) -> None:
    """As some file systems have it (exFAT): a look first, under the campaign's lock."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)

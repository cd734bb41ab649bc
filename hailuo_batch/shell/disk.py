"""What the shell asks of a disk beyond reading and writing: to have it there for good, and never to write over a file.

Raises OSError; who calls it turns that into words.
"""

import errno
import fcntl
import os
from pathlib import Path

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


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


def rename_new(source: Path, target: Path) -> None:
    """Rename a file, and have that on disk. Raises FileExistsError where the target exists; nothing is written over."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
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

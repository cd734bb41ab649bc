"""Putting a ledger's backup back, with nothing destroyed on the way.

The backup is older than the truth: the caller replays the receipts into what is restored before anything is sent.
The caller holds the lock.
"""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hailuo_batch.errors import LedgerError
from hailuo_batch.shell.disk import rename_new, sync_path
from hailuo_batch.shell.ledger.opening import (
    UNTOUCHED,
    check_header,
    check_health,
    check_version,
    connect,
    explained,
)

_FILES = ("", "-wal", "-shm")


def set_ledger_aside(path: Path) -> Path | None:
    """Rename a ledger and its side files to make room. Returns the new name, None where there is nothing.

    The side files go with it: left behind, they would be replayed into the ledger that comes. The ledger itself goes
    first, for without its log it would pass for whole, and be an older one. Raises LedgerError.
    """
    if not _has_any(path):
        return None
    aside = next(name for name in _aside_names(path) if not _has_any(name))
    with explained(path):
        for suffix in _FILES:
            old = _with_suffix(path, suffix)
            if old.exists():
                old.rename(_with_suffix(aside, suffix))
        sync_path(path.parent)
    return aside


def check_backup(backup: Path) -> None:
    """Raises LedgerError where the backup is damaged itself, another program's, or newer than this program."""
    check_header(backup)
    with explained(backup, UNTOUCHED), closing(connect(backup, "ro")) as source:
        check_version(source, backup)
        check_health(source, backup)


def restore_backup(backup: Path, path: Path) -> None:
    """Copy a backup to where the ledger belongs, whole or not at all. Raises LedgerError as `check_backup` does."""
    check_backup(backup)
    draft = path.with_name(f".{path.name}.new")
    with explained(backup, UNTOUCHED):
        source = connect(backup, "ro")
        try:
            draft.unlink(missing_ok=True)
            copy = connect(draft, "rwc")
            try:
                source.backup(copy)
            finally:
                copy.close()
        finally:
            source.close()
    with explained(path):
        sync_path(draft)
        try:
            rename_new(draft, path)
        except FileExistsError as error:
            draft.unlink()
            raise LedgerError(f"{path}: there is a ledger already. Nothing was changed.") from error


def find_run(path: Path, run_id: str) -> str | None:
    """The take that a run ID belongs to in the ledger at this path, None where it has no such run or cannot be read."""
    try:
        check_header(path)
        with explained(path):
            db = connect(path, "ro")
            try:
                check_version(db, path)
                row = db.execute("SELECT take_id FROM runs WHERE run_id = ?", (run_id,)).fetchone()
            finally:
                db.close()
    except LedgerError:
        return None
    return None if row is None else str(row[0])


def _has_any(path: Path) -> bool:
    """Whether there is a ledger of this name, or a side file of one."""
    return any(_with_suffix(path, suffix).exists() for suffix in _FILES)


def _aside_names(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}.aside-{number}") for number in itertools.count(1))


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)

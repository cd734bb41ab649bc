"""The files beside a ledger: SQLite's own, the drafts that ledgers are made in, the receipts and the lock."""

import os
from pathlib import Path

from hailuo_batch.adapters.local.fs import is_in_place, open_regular
from hailuo_batch.errors import LedgerError

SIDE_FILES = ("-wal", "-shm", "-journal")
"""The suffixes of the files that SQLite keeps beside a ledger."""


def side_file(path: Path, suffix: str) -> Path:
    """Return the path of SQLite's file with this suffix."""
    return path.with_name(path.name + suffix)


def new_draft(path: Path) -> Path:
    """Create an empty file of our own beside `path`, in which its content is prepared. Raises OSError.

    Removes what a killed process left there, side files included.
    """
    draft = path.with_name(f".{path.name}.new")
    for suffix in ("", *SIDE_FILES):
        side_file(draft, suffix).unlink(missing_ok=True)
    os.close(open_regular(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL))  # exclusive, so that no link is followed
    return draft


def check_open_file(file: int, path: Path) -> None:
    """Raise LedgerError where an open file was removed, moved or replaced."""
    if not is_in_place(file, path):
        raise moved_error(path)


def moved_error(path: Path) -> LedgerError:
    """Return the error for a file that was removed, moved or replaced while it was in use."""
    return LedgerError(f"{path}: the file was removed, moved or replaced while hailuo-batch was using it.")


def foreign_error(path: Path, role: str) -> LedgerError:
    """Return the error for a file that has the name of one of ours and content that is not ours."""
    return LedgerError(
        f"{path}: hailuo-batch did not write this file, so it was left unchanged and is not used as {role}. Nothing "
        "was sent, nothing was paid. Move it away, or use another --state-dir."
    )

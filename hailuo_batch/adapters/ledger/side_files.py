"""The files that lie beside a ledger: those that SQLite keeps there, and the drafts under which ledgers are made."""

import os
from pathlib import Path

from hailuo_batch.adapters.local.fs import open_regular

SIDE_FILES = ("-wal", "-shm", "-journal")


def side_file(path: Path, suffix: str) -> Path:
    """The file that SQLite calls like the ledger, with this suffix."""
    return path.with_name(path.name + suffix)


def new_draft(path: Path) -> Path:
    """An empty file of our own beside `path`, in which what will bear that name is made. Raises OSError.

    What a killed process has left of an earlier one goes, its side files too. It is made exclusively, so that no link
    that bears its name is followed.
    """
    draft = path.with_name(f".{path.name}.new")
    for suffix in ("", *SIDE_FILES):
        side_file(draft, suffix).unlink(missing_ok=True)
    os.close(open_regular(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    return draft

"""Putting a ledger's backup back, with nothing destroyed on the way.

The backup is older than the truth: the caller replays the receipts into what is restored before anything is sent.
The caller holds the lock.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hailuo_batch.adapters.ledger.opening import UNTOUCHED, check_header, check_health, connect, translate_errors
from hailuo_batch.adapters.ledger.reader import LedgerReader
from hailuo_batch.adapters.ledger.side_files import SIDE_FILES, new_draft, side_file
from hailuo_batch.adapters.local.fs import rename_no_replace, sync_path
from hailuo_batch.errors import LedgerError


def set_ledger_aside(path: Path) -> Path | None:
    """Rename a ledger and its side files to make room. Returns the new name, None where there is nothing.

    The side files go with it: left behind, they would be replayed into the ledger that comes. The ledger itself goes
    first, for without its log it would pass for whole, and be an older one. Raises LedgerError.
    """
    if not _has_any(path):
        return None
    aside = next(name for name in _aside_names(path) if not _has_any(name))
    with translate_errors(path):
        for suffix in ("", *SIDE_FILES):
            old = side_file(path, suffix)
            if os.path.lexists(old):
                old.rename(side_file(aside, suffix))
        sync_path(path.parent)
    return aside


def check_backup(backup: Path, campaign: str, endpoint: str) -> None:
    """Read a backup whole. Raises LedgerError where it, or a single value in it, is damaged, or where it is another
    program's, another campaign's or endpoint's, or newer than this program."""
    with LedgerReader.open_readonly(backup, campaign, endpoint) as reader:
        reader.check()


def restore_backup(backup: Path, path: Path) -> None:
    """Copy a backup that was checked to where the ledger belongs, whole or not at all. Raises LedgerError."""
    check_header(backup)
    with translate_errors(backup, UNTOUCHED), closing(connect(backup, "ro")) as source:
        check_health(source, backup)
        draft = new_draft(path)
        with closing(connect(draft, "rw")) as copy:
            source.backup(copy)
    with translate_errors(path):
        sync_path(draft)
        try:
            rename_no_replace(draft, path)
        except FileExistsError as error:
            draft.unlink()
            raise LedgerError(f"{path}: there is a ledger already. Nothing was changed.") from error


def _has_any(path: Path) -> bool:
    """Whether anything bears the name of this ledger, or of a side file of it."""
    return any(os.path.lexists(side_file(path, suffix)) for suffix in ("", *SIDE_FILES))


def _aside_names(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}.aside-{number}") for number in itertools.count(1))

"""Restores a ledger's backup, destroying nothing on the way.

The backup is older than the ledger was: the caller must replay the receipts into it before anything is sent, or what
was paid since would be paid again. The caller holds the lock.
"""

from contextlib import closing
from pathlib import Path

from hailuo_batch.adapters.ledger.opening import UNTOUCHED, check_header, check_health, connect, translate_errors
from hailuo_batch.adapters.ledger.reader import LedgerReader
from hailuo_batch.adapters.ledger.side_files import SIDE_FILES, new_draft, side_file
from hailuo_batch.adapters.local.fs import rename_no_replace, set_aside, sync_path
from hailuo_batch.errors import LedgerError


def set_ledger_aside(path: Path) -> Path | None:
    """Rename a ledger and its side files to make room. Return the ledger's new name, None where there was nothing.

    Raises LedgerError.
    """
    # The side files go too: left behind, SQLite would replay them into the ledger that comes. The ledger goes first:
    # without its log it would still open, and be an older one.
    files = [side_file(path, suffix) for suffix in ("", *SIDE_FILES)]
    with translate_errors(path):
        renames = set_aside(files, lambda file, n: f"{path.name}.aside-{n}{file.name.removeprefix(path.name)}")
    if not renames:
        return None
    old, new = renames[0]
    return new.with_name(new.name.removesuffix(old.name.removeprefix(path.name)))


def check_backup(backup: Path, campaign: str, endpoint: str) -> None:
    """Read all of a backup.

    Raises LedgerError where it, or a single value in it, is damaged, or where it is another program's, another
    campaign's or endpoint's, or newer than this program.
    """
    with LedgerReader.read(backup, campaign, endpoint) as reader:
        reader.check()


def copy_backup(backup: Path, path: Path) -> Path:
    """Copy a checked backup beside the ledger's path, completely or not at all. Return the copy, which has no name of
    a ledger yet. Raises LedgerError.
    """
    check_header(backup)
    with translate_errors(backup, UNTOUCHED):
        draft = new_draft(path)
        try:
            with closing(connect(backup, "ro")) as source:
                check_health(source, backup)
                with closing(connect(draft, "rw")) as copy:
                    source.backup(copy)
            sync_path(draft)  # first the content, then the name: a power cut must not leave half a ledger under it
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    return draft


def place_copy(draft: Path, path: Path) -> None:
    """Give a copy of a backup the ledger's name. Raises LedgerError where there is a ledger."""
    with translate_errors(path):
        try:
            rename_no_replace(draft, path)
        except FileExistsError as error:
            draft.unlink()
            raise LedgerError(f"{path}: a ledger already exists. Nothing was changed.") from error


def restore_backup(backup: Path, path: Path) -> None:
    """Copy a checked backup to the ledger's path, completely or not at all. Raises LedgerError."""
    place_copy(copy_backup(backup, path), path)

"""Consistent copies of a ledger, for readers that cannot write to its folder."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hailuo_batch.adapters.ledger.side_files import side_file
from hailuo_batch.adapters.local.fs import open_to_read
from hailuo_batch.errors import LedgerError

_TRIES = 5


@contextmanager
def temporary_copy(path: Path) -> Iterator[Path]:
    """Copy the ledger and its log to a folder that is removed afterwards. Raises LedgerError."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="hailuo-batch-", ignore_cleanup_errors=True)
    except OSError as error:
        raise LedgerError(
            f"{path}: reading it in a read-only folder needs a temporary copy, but no temporary folder can be created "
            f"({error.strerror}). Nothing was sent. Set TMPDIR to a writable folder."
        ) from error
    with folder:
        copy = Path(folder.name) / path.name
        _copy(path, copy)
        yield copy


def _copy(path: Path, copy: Path) -> None:
    """Copy the log first, then the ledger, until the log did not change meanwhile.

    Then whatever a writer moved from the log to the ledger during the copy is also in the copied log, which SQLite
    replays over the copied ledger.
    """
    log, log_copy = side_file(path, "-wal"), side_file(copy, "-wal")
    for _ in range(_TRIES):
        try:
            before = _file_state(path)
            content = _read_log(log)
            with open_to_read(path) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
            if content:
                log_copy.write_bytes(content)
            else:
                log_copy.unlink(missing_ok=True)
            if _read_log(log) == content and (content or _file_state(path) == before):
                return
        except OSError as error:
            raise LedgerError(f"{path}: the ledger cannot be read ({error.strerror}). Nothing was sent.") from error
    raise LedgerError(
        f"{path}: its folder is read-only, and the ledger changes faster than it can be copied. Nothing was sent. "
        "Try again when no apply is running."
    )


def _file_state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read_log(path: Path) -> bytes:
    try:
        with open_to_read(path) as file:
            return file.read()
    except FileNotFoundError:
        return b""

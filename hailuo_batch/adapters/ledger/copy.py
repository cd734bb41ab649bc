"""A copy of a ledger, of one moment, for a reader that must not write where the ledger lies."""

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
    """A copy of the ledger and its log, in a folder that is removed afterwards. Raises LedgerError."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="hailuo-batch-", ignore_cleanup_errors=True)
    except OSError as error:
        raise LedgerError(
            f"{path}: its folder cannot be written, and to read it there a copy is needed, for which no temporary "
            f"folder can be had ({error.strerror}). Nothing was sent. Set TMPDIR to a folder that can be written."
        ) from error
    with folder:
        copy = Path(folder.name) / path.name
        _copy(path, copy)
        yield copy


def _copy(path: Path, copy: Path) -> None:
    """Copy the log first: as long as it has not changed by the time when the ledger is copied, whatever a writer has
    carried over from it meanwhile is in the copied log, too, and is put over what was copied."""
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
        f"{path}: the ledger changes faster than it can be copied, and it cannot be read where it is, for its folder "
        "cannot be written. Nothing was sent. Try again when no apply is at work."
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

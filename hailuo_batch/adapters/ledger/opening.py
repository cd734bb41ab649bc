"""Opening a ledger's file without ever mistaking a damaged, foreign or newer one for an empty one.

Nothing here changes a file that it refuses. Under the names of a ledger only regular files are opened: SQLite would
follow a link, and wait for a FIFO.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from hailuo_batch.adapters.ledger.copy import temporary_copy
from hailuo_batch.adapters.ledger.row_checks import DamagedRow, check_migrations
from hailuo_batch.adapters.ledger.schema import APPLICATION_ID, VERSION
from hailuo_batch.adapters.ledger.side_files import SIDE_FILES, side_file
from hailuo_batch.adapters.local import fs
from hailuo_batch.errors import LedgerError

_HEADER = b"SQLite format 3\0"
_HEADER_BYTES = 100
_VERSIONS = "SELECT user_version, version, applied_at FROM pragma_user_version LEFT JOIN migrations ORDER BY version"
_FOREIGN_OBJECT = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') LIMIT 1"
_BUSY_TIMEOUT_S = 5.0
_NO_SHARED_MEMORY = ("SQLITE_CANTOPEN", "SQLITE_READONLY")

_being_written: set[tuple[int, int] | None] = set()
"""The ledgers that this process has open to write. Such a file is opened by SQLite alone: to close any descriptor of it
gives up every lock that SQLite holds on it in this process, and a stranger could then take its log away, with all that
is written into it from then on."""

UNTOUCHED = " Nothing was sent, and it was not touched."


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file in SQLite's mode `ro` or `rw`, in autocommit."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S)
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def connect_to_write(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open the file to write it; the stack closes it. Raises LedgerError."""
    check_header(path)
    file = fs.file_identity(path)
    db = stack.enter_context(closing(connect(path, "rw")))
    _being_written.add(file)
    stack.callback(_being_written.discard, file)
    return db


def open_to_read(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open the file to read it, whoever writes it meanwhile; the stack closes it. Raises LedgerError.

    A reader shares a small file with the writers, which cannot be made where the folder cannot be written. There a
    copy is read, in a folder of its own, that is of one moment.
    """
    check_header(path)
    with ExitStack() as attempt:
        db = attempt.enter_context(closing(connect(path, "ro")))
        try:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            if not getattr(error, "sqlite_errorname", "").startswith(_NO_SHARED_MEMORY):
                raise
        else:
            stack.push(attempt.pop_all())
            return db
    copy = stack.enter_context(temporary_copy(path))
    return stack.enter_context(closing(connect(copy, "rw")))


def check_header(path: Path) -> None:
    """What can be said before SQLite touches the file. Raises LedgerError.

    SQLite would take an empty file for a new database, and would fill up a last page that was cut short with zeros.
    """
    if fs.file_identity(path) in _being_written:
        return
    try:
        with fs.open_to_read(path) as file:
            header = file.read(_HEADER_BYTES)
            size = file.seek(0, os.SEEK_END)
        for suffix in SIDE_FILES:
            fs.check_regular(side_file(path, suffix))
        is_folded = not _has_content(side_file(path, "-wal"))
    except OSError as error:
        name = error.filename or path
        raise LedgerError(
            f"{name}: the ledger cannot be read ({error.strerror}). Nothing was sent. Look at what lies there; where "
            "the ledger is gone for good, `hailuo-batch state restore MANIFEST` puts its backup back."
        ) from error
    if header[: len(_HEADER)] != _HEADER or len(header) < _HEADER_BYTES:
        raise _damaged_ledger(path, "it is not an SQLite file")
    if is_folded and size % _page_bytes(header):
        raise _damaged_ledger(path, "its end is missing")


def _page_bytes(header: bytes) -> int:
    """The page size that the header names (https://www.sqlite.org/fileformat.html, 1.3.2); 1 stands for 65,536."""
    size = int.from_bytes(header[16:18], "big")
    return 65_536 if size == 1 else max(size, 1)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def make_durable(db: sqlite3.Connection, path: Path) -> None:
    """Have every commit on disk before it returns, with readers beside. Raises LedgerError where that cannot be had."""
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise LedgerError(
            f"{path}: the file system does not support the ledger's write-ahead log, as network file systems often do "
            "not. Nothing was sent. Use --state-dir with a folder on a local disk."
        )
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA fullfsync = ON")
    db.execute("PRAGMA foreign_keys = ON")


def check_version(db: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerError for another program's database and for a newer ledger."""
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LedgerError(
            f"{path}: this is a database of another program. Nothing was sent, and it was not touched. Move it away, "
            "or give another --state-dir."
        )
    stranger = db.execute(_FOREIGN_OBJECT).fetchone()
    if stranger is not None:  # it would change what is read or written behind the program's back
        raise DamagedRow("sqlite_master", stranger[1], f"it is a {stranger[0]}, which this program never makes")
    # in one statement, which sees one moment: another process may be at migrating it
    rows = db.execute(_VERSIONS).fetchall()
    version = max(number for row in rows for number in row[:2] if isinstance(number, int))
    if version <= VERSION:
        check_migrations([row[1:] for row in rows if row[1] is not None], rows[0][0])
    else:
        raise LedgerError(
            f"{path}: a newer hailuo-batch wrote this ledger (version {version}; this program knows {VERSION}). "
            "Nothing was sent, and it was not touched. Upgrade hailuo-batch."
        )


def check_health(db: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerError where SQLite finds its pages out of order."""
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _damaged_ledger(path, str(verdict))


def _damaged_ledger(path: Path, how: str, assurance: str = UNTOUCHED) -> LedgerError:
    return LedgerError(
        f"{path}: the ledger is damaged ({how}).{assurance} Keep the file; `hailuo-batch state restore MANIFEST` puts "
        "its backup back and replays the receipts, so that nothing is paid twice."
    )


@contextmanager
def translate_errors(path: Path, assurance: str = "") -> Iterator[None]:
    """Turn what SQLite and the disk raise into errors for the user.

    `assurance` is what is certain even if the ledger turns out to be damaged here: while it is opened, UNTOUCHED.
    """
    try:
        yield
    except DamagedRow as error:
        raise _damaged_ledger(path, str(error), assurance) from error
    except sqlite3.IntegrityError as error:
        raise LedgerError(
            f"{path}: the ledger refuses what does not fit it ({error}), which is a fault of this program. It was not "
            "changed; please report this."
        ) from error
    except sqlite3.OperationalError as error:
        if str(error).startswith("Could not decode to UTF-8"):
            raise _damaged_ledger(path, "a text in it is no UTF-8", assurance) from error
        name = getattr(error, "sqlite_errorname", "")
        if name in {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"}:  # the last: a table or a column is missing
            raise _damaged_ledger(path, str(error), assurance) from error
        raise LedgerError(
            f"{path}: the ledger cannot be used ({error}). Look at its folder's permissions and at the free space."
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged_ledger(path, str(error), assurance) from error
    except OSError as error:
        raise LedgerError(f"{path}: the ledger cannot be written ({error.strerror}).") from error

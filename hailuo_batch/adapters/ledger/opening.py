"""Opens a ledger's file, without ever mistaking a damaged, foreign or newer one for an empty one.

A ledger taken for empty would have everything paid for again. Nothing here changes a file that it refuses, and only
regular files are opened: SQLite would follow a link, and block on a FIFO.
"""

import os
import sqlite3
import threading
from collections import Counter
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

_open_files: Counter[tuple[int, int] | None] = Counter()
"""How often this process has each ledger open. Only SQLite may open such a file: closing any other descriptor of it
would release every lock that SQLite holds on it in this process, whichever thread opened it, and another process could
then remove its log, together with everything written to it from then on."""
_opening = threading.Lock()
"""Held while a file is looked at and opened, and while one is closed: no thread may come in between."""

UNTOUCHED = " Nothing was sent, and the file was not changed."


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file in SQLite's mode `ro` or `rw`, with autocommit."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S)
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def connect_to_write(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open the file for writing; `stack` closes it. Raises LedgerError."""
    return _connect_checked(path, "rw", stack)


def _connect_checked(path: Path, mode: str, stack: ExitStack) -> sqlite3.Connection:
    """Check the file's header and open it. Raises LedgerError."""
    with _opening:
        check_header(path)
        file = fs.file_identity(path)
        db = connect(path, mode)
        _open_files[file] += 1
    stack.callback(_close, db, file)
    return db


def _close(db: sqlite3.Connection, file: tuple[int, int] | None) -> None:
    with _opening:
        db.close()
        _open_files[file] -= 1
        if not _open_files[file]:
            del _open_files[file]


def open_to_read(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open the file for reading, whoever writes meanwhile; `stack` closes it. Raises LedgerError.

    SQLite's readers share a small file with its writers. In a read-only folder that file cannot be created, so a
    consistent copy in a temporary folder is read instead.
    """
    with ExitStack() as attempt:
        db = _connect_checked(path, "ro", attempt)
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
    """Check the file before SQLite touches it. Raises LedgerError.

    SQLite would take an empty file for a new database, and would pad a truncated last page with zeros.
    """
    if _open_files[fs.file_identity(path)]:
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
            f"{name}: the ledger cannot be read ({error.strerror}). Nothing was sent. Check the file; if it is lost, "
            "run `hailuo-batch state restore MANIFEST` to restore its backup."
        ) from error
    if header[: len(_HEADER)] != _HEADER or len(header) < _HEADER_BYTES:
        raise _damaged_ledger(path, "it is not an SQLite file")
    if is_folded and size % _page_bytes(header):
        raise _damaged_ledger(path, "its end is missing")


def _page_bytes(header: bytes) -> int:
    """Return the page size in the header (https://www.sqlite.org/fileformat.html, 1.3.2); 1 stands for 65,536."""
    size = int.from_bytes(header[16:18], "big")
    return 65_536 if size == 1 else max(size, 1)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def make_durable(db: sqlite3.Connection, path: Path) -> None:
    """Make every commit durable before it returns, and let readers work meanwhile. Raises LedgerError if impossible."""
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise LedgerError(
            f"{path}: the file system does not support the ledger's write-ahead log; network file systems often do "
            "not. Nothing was sent. Use a --state-dir on a local disk."
        )
    # NORMAL would sync at checkpoints only: a power cut could undo a commit, and with it the record of a create that
    # was sent after it.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA fullfsync = ON")
    db.execute("PRAGMA foreign_keys = ON")


def check_version(db: sqlite3.Connection, path: Path) -> None:
    """Raise LedgerError for another program's database, and for a newer ledger."""
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LedgerError(
            f"{path}: this is a database of another program. Nothing was sent, and the file was not changed. Move it "
            "away, or use another --state-dir."
        )
    stranger = db.execute(_FOREIGN_OBJECT).fetchone()
    if stranger is not None:  # a trigger or view would silently change what is read or written
        raise DamagedRow("sqlite_master", stranger[1], f"it is a {stranger[0]}, which hailuo-batch never creates")
    # in one statement, so that it is consistent while another process migrates
    rows = db.execute(_VERSIONS).fetchall()
    version = max(number for row in rows for number in row[:2] if isinstance(number, int))
    if version <= VERSION:
        check_migrations([row[1:] for row in rows if row[1] is not None], rows[0][0])
    else:
        raise LedgerError(
            f"{path}: a newer hailuo-batch wrote this ledger (version {version}; this one knows up to {VERSION}). "
            "Nothing was sent, and the file was not changed. Upgrade hailuo-batch."
        )


def check_health(db: sqlite3.Connection, path: Path) -> None:
    """Raise LedgerError where SQLite finds damaged pages."""
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _damaged_ledger(path, str(verdict))


def _damaged_ledger(path: Path, how: str, assurance: str = UNTOUCHED) -> LedgerError:
    return LedgerError(
        f"{path}: the ledger is damaged ({how}).{assurance} Keep the file, and run `hailuo-batch state restore "
        "MANIFEST`: it restores the backup and replays the receipts, so that nothing is paid twice."
    )


@contextmanager
def translate_errors(path: Path, assurance: str = "") -> Iterator[None]:
    """Turn the exceptions of SQLite and the disk into errors for the user.

    `assurance` is added where the ledger turns out to be damaged: while it is being opened, UNTOUCHED.
    """
    try:
        yield
    except DamagedRow as error:
        raise _damaged_ledger(path, str(error), assurance) from error
    except sqlite3.IntegrityError as error:
        raise LedgerError(
            f"{path}: the ledger rejected a change ({error}). This is a bug in hailuo-batch; please report it. The "
            "ledger was not changed."
        ) from error
    except sqlite3.OperationalError as error:
        if str(error).startswith("Could not decode to UTF-8"):
            raise _damaged_ledger(path, "it contains text that is not UTF-8", assurance) from error
        name = getattr(error, "sqlite_errorname", "")
        if name in {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"}:  # the last: a table or a column is missing
            raise _damaged_ledger(path, str(error), assurance) from error
        raise LedgerError(
            f"{path}: the ledger cannot be used ({error}). Check its folder's permissions and the free space."
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged_ledger(path, str(error), assurance) from error
    except OSError as error:
        raise LedgerError(
            f"{path}: the ledger cannot be written ({error.strerror}). Check its folder's permissions and the free "
            "space."
        ) from error

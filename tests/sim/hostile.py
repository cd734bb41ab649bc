"""A disk that may refuse, and a process that may die, under the product's own code.

The receipts, the output files and the ledger are the real ones in a real folder; only their calls to the operating
system and to SQLite pass through here.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from hailuo_batch.adapters.ledger import store
from hailuo_batch.adapters.ledger.rows import LedgerRows
from tests.sim.adversary import Death, Fate
from tests.sim.environment import Site
from tests.sim.room import full

_WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE")


class HostileDisk:
    """Stands in for the calls of the module `os` that change something below `folder`."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._fate = site.fate
        self._room = site.room
        self._terminals = site.terminals
        self._state = str(folder / "state")
        self._folder = str(folder)
        self._write, self._fsync, self._statvfs = os.write, os.fsync, os.statvfs

    def write(self, file: int, data: Any) -> int:
        """Writes all, or a part of it and then fails, or nothing."""
        printed = self._terminals.take(file, data)
        if printed is not None:
            return printed
        kind = self._kind_of(file)
        if not kind:
            return self._write(file, data)
        try:
            self._fate.disk(kind, f"write of {kind}")
        except (OSError, Death):
            if not self._fate.is_late:
                self._write(file, data[: self._fate.rng.randrange(len(data) + 1)])
            raise
        if kind == "output":
            data = data[: self._room.take(len(data))] or _nothing(data)
        return self._write(file, data)

    def statvfs(self, path: Any) -> Any:
        """How much room there is."""
        kind = self._kind_of(path) if isinstance(path, int) else self._kind(os.fspath(path))
        return self._room.look() if kind == "output" else self._statvfs(path)

    def fsync(self, file: int) -> None:
        """Says that all is on disk, or not. A simulated process may die, but the machine never does."""
        kind = self._kind_of(file)
        if kind:
            self._fate.disk(kind, f"fsync of {kind}")

    def naming(self, real: Callable[..., None]) -> Callable[..., None]:
        """A call that gives a file a name: done or refused; death may come on either side of it."""

        def call(source: Any, target: Any, **options: Any) -> None:
            kind = self._kind(os.fspath(target))
            if kind:
                self._fate.disk(kind, f"{real.__name__} of {kind}")
            real(source, target, **options)
            if kind:
                self._fate.point(f"after {real.__name__} of {kind}")

        return call

    def unlink(self, real: Callable[..., None]) -> Callable[..., None]:
        """A call that takes a name away; death may come before it."""

        def call(path: Any, **options: Any) -> None:
            kind = self._kind(os.fspath(path))
            if kind:
                self._fate.point(f"unlink of {kind}")
            if kind == "output" and self._room.is_short:
                self._room.give_back(_last_bytes(path))
            real(path, **options)

        return call

    def _kind_of(self, file: int) -> str:
        try:
            return self._kind(str(Path(f"/proc/self/fd/{file}").readlink()))
        except OSError:
            return ""

    def _kind(self, path: str) -> str:
        if not path.startswith(self._folder) or path.endswith(".lock"):
            return ""
        if path.endswith(".receipts.jsonl"):
            return "receipts"
        return "ledger" if path.startswith(self._state) else "output"


def _nothing(data: Any) -> Any:
    """What fits of bytes where none do. Raises OSError, unless none were to be written."""
    if len(data):
        raise full()
    return data


def _last_bytes(path: Any) -> int:
    """How many bytes go with this name, the last one of its file perhaps."""
    try:
        seen = os.lstat(path)
    except OSError:
        return 0
    return seen.st_size if seen.st_nlink == 1 else 0


class HostileDb:
    """A connection to SQLite."""

    def __init__(self, db: sqlite3.Connection, fate: Fate) -> None:
        self._db = db
        self._fate = fate

    @property
    def in_transaction(self) -> bool:
        """Whether one is open."""
        return self._db.in_transaction

    @property
    def total_changes(self) -> int:
        """How many rows were changed since it was opened."""
        return self._db.total_changes

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Runs a statement; one that writes may fail, and the process may die on either side of a commit."""
        if sql == "COMMIT":
            self._write("commit of the ledger")
            cursor = self._db.execute(sql)
            self._fate.point("after commit of the ledger")
            return cursor
        if sql.startswith(_WRITES):
            self._write("write of the ledger")
        return self._db.execute(sql, parameters)

    def backup(self, target: Any, **options: Any) -> None:
        """A copy."""
        self._db.backup(target, **options)

    def close(self) -> None:
        """Closes it."""
        self._db.close()

    def _write(self, where: str) -> None:
        try:
            self._fate.disk("ledger", where)
        except OSError as error:
            failure = sqlite3.OperationalError("disk I/O error")
            failure.sqlite_errorname = "SQLITE_IOERR"
            raise failure from error


def make_hostile(ledger: store.Ledger, fate: Fate) -> store.Ledger:
    """Have a ledger write to a hostile disk. Its process may die, the machine does not: nothing need be flushed."""
    ledger._db.execute("PRAGMA synchronous = OFF")
    hostile: Any = HostileDb(ledger._db, fate)
    ledger._db = hostile
    ledger._rows = LedgerRows(hostile)
    return ledger


class HostileLedger:
    """In place of the class: what it opens to be written lies on the hostile disk."""

    create = staticmethod(store.Ledger.create)
    read = staticmethod(store.Ledger.read)

    def __init__(self, fate: Fate) -> None:
        self._fate = fate

    def open(self, *arguments: Any) -> store.Ledger:
        """As the class's own."""
        return make_hostile(store.Ledger.open(*arguments), self._fate)


@contextmanager
def hostile_disk(site: Site, folder: Path) -> Iterator[None]:
    """While it lasts, the product's files below `folder` lie on a hostile disk."""
    disk = HostileDisk(site, folder)
    with mock.patch.multiple(
        os,
        write=disk.write,
        fsync=disk.fsync,
        link=disk.naming(os.link),
        rename=disk.naming(os.rename),
        replace=disk.naming(os.replace),
        unlink=disk.unlink(os.unlink),
        statvfs=disk.statvfs,
    ):
        yield

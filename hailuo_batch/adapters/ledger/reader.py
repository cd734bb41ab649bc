"""A ledger opened to be read: all that it says, of one moment, also while another process writes it.

It can write nothing, and so back nothing up: only a Ledger can, and there is none that was not read whole first.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hailuo_batch.adapters.ledger.opening import UNTOUCHED, check_health, check_version, open_to_read, translate_errors
from hailuo_batch.adapters.ledger.row_reader import RowReader
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import LedgerError

LAST_LINE = 2**63 - 1
"""No journal has so many lines."""


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """Where a journal ends: the number of its last line, and that line's SHA-256 in hex; 0 and empty before any.

    Every change of a take or a run is a line, and none is ever changed: a ledger with the same mark is the same.
    """

    number: int = 0
    sha256: str = ""


def position_of(line: Sequence[object] | None) -> JournalPosition:
    """The mark of a line of the journal, its number first; an empty one where there is none."""
    if line is None or not isinstance(line[0], int):
        return JournalPosition()
    return JournalPosition(line[0], hashlib.sha256(json.dumps(line).encode("utf-8")).hexdigest())


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A line of the journal: what happened to which take."""

    take_id: str
    what: str


class LedgerReader:
    """What an open ledger says. Every method raises LedgerError where a value in it is none that can be there."""

    def __init__(self, path: Path, db: sqlite3.Connection, closing: ExitStack) -> None:
        self.path = path
        self._db = db
        self._rows = RowReader(db)
        self._closing = closing
        self._assurance = UNTOUCHED

    @classmethod
    def open_readonly(cls, path: Path, campaign: str, endpoint: str) -> "LedgerReader":
        """Open a ledger that exists. Raises LedgerError where it is damaged, foreign, newer, or of another campaign or
        endpoint."""
        with translate_errors(path, UNTOUCHED), ExitStack() as stack:
            db = open_to_read(path, stack)
            check_version(db, path)
            reader = LedgerReader(path, db, stack)
            reader._check_identity(campaign, endpoint)
            reader._closing = stack.pop_all()
            return reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the last one to close folds the write-ahead log into it."""
        self._closing.close()

    @contextmanager
    def consistent_view(self) -> Iterator[None]:
        """Have all that is read within be of one moment, whoever writes meanwhile."""
        if self._db.in_transaction:
            yield
            return
        with self._translated_errors():
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def snapshot(self) -> Snapshot:
        """All that the ledger knows of takes and runs, as of one moment."""
        with self._translated_errors(), self.consistent_view():
            return self._rows.snapshot()

    def fact(self, name: str) -> str:
        """What was remembered under this name; empty where nothing was."""
        with self._translated_errors():
            return self._rows.fact(name)

    def check(self) -> None:
        """Read all of it, page by page and value by value."""
        with self._translated_errors(), self.consistent_view():
            check_health(self._db, self.path)
            self._rows.check_journal()
            self._rows.snapshot()

    def journal(self) -> Iterator[dict[str, object]]:
        """Every line of the journal, oldest first."""
        with self._translated_errors():
            yield from self._rows.journal_lines()

    def position(self, number: int = LAST_LINE) -> JournalPosition:
        """The mark of the last line up to this number, by default of the very last; an empty one where none is."""
        with self._translated_errors():
            return position_of(self._rows.journal_line_up_to(number))

    def entries_after(self, after: int) -> tuple[JournalEntry, ...]:
        """What the journal tells after this number, oldest first."""
        with self._translated_errors():
            return tuple(JournalEntry(*line) for line in self._rows.journal_entries_after(after))

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        with translate_errors(self.path, self._assurance):
            yield

    def _check_identity(self, campaign: str, endpoint: str) -> None:
        recorded = self._rows.fact("campaign"), self._rows.fact("endpoint")
        if recorded[0] != campaign:
            raise LedgerError(
                f"{self.path}: this is the ledger of the campaign {recorded[0]!r}, not of {campaign!r}. Nothing was "
                "sent. Put the right file back, or give another --state-dir."
            )
        if recorded[1] != endpoint:
            raise LedgerError(
                f"{self.path}: this campaign was made at {recorded[1]}, and now {endpoint} is asked for. Nothing was "
                "sent. Set RUNBASE_BASE_URL back, or give another --state-dir for the other endpoint."
            )

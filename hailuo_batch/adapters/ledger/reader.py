"""A ledger opened for reading: a consistent view of it, even while another process writes.

It cannot write or make a backup. Only a Ledger can, and opening one reads and checks everything first.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hailuo_batch.adapters.ledger.opening import UNTOUCHED, check_health, check_version, open_to_read, translate_errors
from hailuo_batch.adapters.ledger.row_reader import RowReader
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import EndpointError, LedgerError

LAST_LINE = 2**63 - 1
"""A number beyond the last line of any journal."""

_NOTHING_MADE = frozenset({RunState.UNSENT, RunState.REJECTED})


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """A position in the journal: the number of a line and that line's SHA-256 in hex; 0 and empty before any.

    Every change of a take or a run adds a line, and no line ever changes, so ledgers with the same last position have
    the same content.
    """

    number: int = 0
    sha256: str = ""


def position_of(line: Sequence[object] | None) -> JournalPosition:
    """Return the position of a journal line, whose number comes first; an empty one where there is no line."""
    if line is None or not isinstance(line[0], int):
        return JournalPosition()
    return JournalPosition(line[0], hashlib.sha256(json.dumps(line).encode("utf-8")).hexdigest())


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What a line of the journal says: which event or change, and of which take."""

    take_id: str
    what: str


class LedgerReader:
    """Reads an open ledger. Every method raises LedgerError where a value in it is not valid."""

    def __init__(self, path: Path, db: sqlite3.Connection, closing: ExitStack) -> None:
        self.path = path
        self._db = db
        self._rows = RowReader(db)
        self._closing = closing
        self._assurance = UNTOUCHED

    @classmethod
    def read(cls, path: Path, campaign: str, endpoint: str) -> "LedgerReader":
        """Open an existing ledger for reading.

        Raises LedgerError where it is damaged, foreign, newer, or of another campaign or endpoint.
        """
        with translate_errors(path, UNTOUCHED), ExitStack() as stack:
            db = open_to_read(path, stack)
            check_version(db, path)
            reader = LedgerReader(path, db, stack)
            reader._check_identity(campaign, endpoint)
            reader._closing = stack.pop_all()
            return reader

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The last process to close it merges the write-ahead log into it."""
        self._closing.close()

    @contextmanager
    def consistent_view(self) -> Iterator[None]:
        """Make everything read inside consistent with one moment, whoever writes meanwhile."""
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
        """Return all takes and runs, as of one moment."""
        with self._translated_errors(), self.consistent_view():
            return self._rows.snapshot()

    def fact(self, name: str) -> str:
        """Return the fact with this name, empty where it was never recorded."""
        with self._translated_errors():
            return self._rows.fact(name)

    def key_hashes(self) -> dict[int, str]:
        """Return the salted hash of each API key that was ever used, by its number."""
        with self._translated_errors():
            return self._rows.key_hashes()

    def check(self) -> None:
        """Check all of it, page by page and value by value."""
        with self._translated_errors(), self.consistent_view():
            check_health(self._db, self.path)
            self._rows.check_journal()
            self._rows.snapshot()

    def journal(self) -> Iterator[dict[str, object]]:
        """Yield every line of the journal, oldest first."""
        with self._translated_errors():
            yield from self._rows.journal_lines()

    def position(self, number: int = LAST_LINE) -> JournalPosition:
        """Return the position of the last line up to this number, by default of the very last line."""
        with self._translated_errors():
            return position_of(self._rows.journal_line_up_to(number))

    def entries_after(self, after: int) -> tuple[JournalEntry, ...]:
        """Return the entries of the journal after this number, oldest first."""
        with self._translated_errors():
            return tuple(JournalEntry(*line) for line in self._rows.journal_entries_after(after))

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        with translate_errors(self.path, self._assurance):
            yield

    def _empty_hint(self) -> str:
        """What else can be done with a ledger that holds nothing of its endpoint, as after a slip in the address."""
        snapshot = self._rows.snapshot()
        if any(run.state not in _NOTHING_MADE for run in (*snapshot.runs, *snapshot.forgotten)):
            return ""
        return (
            " It has no run of that address: if that was a slip, and nothing was paid there, move all files "
            f"{self.path.stem}.* in {self.path.parent} away, and apply with --new-ledger."
        )

    def _check_identity(self, campaign: str, endpoint: str) -> None:
        recorded = self._rows.fact("campaign"), self._rows.fact("endpoint")
        if recorded[0] != campaign:
            raise LedgerError(
                f"{self.path}: this is the ledger of the campaign {recorded[0]!r}, not of {campaign!r}. Nothing was "
                "sent. Put the right file back, or use another --state-dir."
            )
        if recorded[1] != endpoint:
            text = (
                f"{self.path}: this campaign was made at {recorded[1]}, not at {endpoint}. Nothing was sent. Set "
                "RUNBASE_BASE_URL back to that, or use another --state-dir for the other endpoint."
            )
            raise EndpointError(text + self._empty_hint(), recorded[1])

"""The ledger: one SQLite file per campaign, and the only place where takes and runs change.

Each call that writes is one durable transaction with the change and its journal line, or nothing at all. A run changes
only by `runs.fold`, and so only along the transition table. The ledger knows nothing of the network, the receipts or
what comes next. Times are seconds since the epoch, UTC.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Self

from hailuo_batch.adapters.ledger import row_checks
from hailuo_batch.adapters.ledger.change_rows import carry_out, journal_change
from hailuo_batch.adapters.ledger.opening import (
    UNTOUCHED,
    check_health,
    check_version,
    connect,
    connect_to_write,
    make_durable,
    translate_errors,
)
from hailuo_batch.adapters.ledger.reader import LedgerReader
from hailuo_batch.adapters.ledger.restore import set_ledger_aside
from hailuo_batch.adapters.ledger.rows import LedgerRows
from hailuo_batch.adapters.ledger.schema import is_current, migrate
from hailuo_batch.adapters.ledger.side_files import SIDE_FILES, moved_error, new_draft, side_file
from hailuo_batch.adapters.local.fs import check_regular, file_identity, rename_no_replace, sync_path
from hailuo_batch.core.model.events import CreateStarted, Event
from hailuo_batch.core.model.ledger_changes import LedgerChange
from hailuo_batch.core.model.runs import Replacement, Run, Snapshot, fold
from hailuo_batch.core.planning.recovery import MissingAttempt
from hailuo_batch.core.planning.traces import KnownIds
from hailuo_batch.errors import LedgerError
from hailuo_batch.values import is_partial


class Ledger(LedgerReader):
    """An open ledger that may be written. `open` opens one to write, `read` to read; both are context managers."""

    def __init__(self, path: Path, db: sqlite3.Connection, closing: ExitStack) -> None:
        super().__init__(path, db, closing)
        self._rows: LedgerRows = LedgerRows(db)
        self._cached_snapshot: tuple[int, Snapshot] | None = None
        self._file_identities: dict[Path, tuple[int, int] | None] = {}
        self._is_journal_checked = False

    @classmethod
    def create(cls, path: Path, campaign: str, endpoint: str, at: float) -> None:
        """Create a new, empty ledger, complete or not at all. Never replaces a file. Raises LedgerError."""
        with translate_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_leftovers(path)
            draft = new_draft(path)
            with closing(connect(draft, "rw")) as db:
                db.execute("PRAGMA synchronous = FULL")
                migrate(db, at)
                rows = LedgerRows(db)
                db.execute("BEGIN")
                rows.set_fact("campaign", campaign)
                rows.set_fact("endpoint", endpoint)
                db.execute("COMMIT")
            try:
                rename_no_replace(draft, path)
            finally:
                draft.unlink(missing_ok=True)

    @classmethod
    def open(cls, path: Path, campaign: str, endpoint: str, at: float) -> Self:
        """Open an existing ledger for writing, after checking all takes and runs. The caller holds the lock.

        The journal, on which no decision depends, is checked before the first write or backup: a command with nothing
        to do saves that time. So no command writes to a ledger, or backs one up, that has a single damaged value.
        Raises LedgerError where it is damaged, foreign, newer, of another campaign or endpoint, or not writable.
        """
        with translate_errors(path, UNTOUCHED), ExitStack() as stack:
            db = connect_to_write(path, stack)
            check_version(db, path)
            check_health(db, path)
            ledger = cls(path, db, stack)
            ledger._check_identity(campaign, endpoint)
            ledger.snapshot()  # before anything below writes: a damaged ledger stays as it is
            if not is_current(db):
                ledger._check_journal()
            make_durable(db, path)
            if migrate(db, at):
                ledger._cached_snapshot = None
            ledger.snapshot()  # opens the write-ahead log too, whose identity is noted next
            ledger._file_identities = {
                name: found
                for name in (path, *(side_file(path, suffix) for suffix in SIDE_FILES))
                if (found := file_identity(name)) is not None
            }
            ledger._closing = stack.pop_all()
            ledger._assurance = ""  # errors can no longer claim that nothing was sent
        return ledger

    def snapshot(self) -> Snapshot:
        """Return all takes and runs, read once and kept until something is written."""
        with self._translated_errors():
            version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        if self._cached_snapshot is None or self._cached_snapshot[0] != version:
            self._cached_snapshot = version, super().snapshot()
        return self._cached_snapshot[1]

    def record_description(self, manifest_sha256: str, description: str) -> None:
        """Record the manifest's hash and description, if they changed."""
        facts = {"manifest_sha256": manifest_sha256, "description": description}
        if any(self._rows.fact(name) != value for name, value in facts.items()):
            with self._transaction():
                for name, value in facts.items():
                    self._rows.set_fact(name, value)

    def carry_out(self, steps: Sequence[LedgerChange], at: float) -> tuple[Run, ...]:
        """Carry out a plan's changes in one transaction. Return the runs that were changed or added.

        Raises LedgerError where they cannot be written; then nothing was changed.
        """
        if not steps:
            return ()
        touched: dict[str, None] = {}
        changed: dict[int, None] = {}
        with self._transaction():
            for step in steps:
                key = carry_out(self._rows, step, touched)
                if key is not None:
                    changed[key] = None
                journal_change(self._rows, step, at)
            for take_id in touched:
                self._rows.refresh_take(take_id)
            return tuple(self._rows.run(key) for key in changed)

    def record(self, events: Iterable[tuple[int, Event]], at: float) -> tuple[Run, ...]:
        """Record events of runs, by the runs' keys, in one transaction. Return the changed runs.

        Raises IllegalTransition, or LedgerError where they cannot be written; then nothing was changed.
        """
        changed: dict[int, Run] = {}
        with self._transaction():
            for key, event in events:
                before = changed.get(key) or self._rows.run(key)
                if isinstance(event, CreateStarted):
                    self._check_input_is_whole(before)
                after = self._apply(before, event, at)
                if after.take_state is not before.take_state:
                    self._rows.refresh_take(after.take_id)
                changed[key] = after
        return tuple(changed.values())

    def restore_runs(self, lost_runs: Sequence[MissingAttempt], at: float) -> None:
        """Add the runs of creates that only the receipts know, oldest first, in one transaction."""
        if not lost_runs:
            return
        with self._transaction():
            for lost in lost_runs:
                self._restore_run(lost, self._rows.next_journal_number(), at)

    def adopt_runs(self, adopted: Sequence[MissingAttempt], at: float) -> None:
        """Add the runs that only files beside the ledger know, in one transaction.

        Only the time of day says when they were created, and clocks jump. So they get the number of the newest run of
        their model with a known cost: among runs of one number, the highest cost counts as the current price.
        """
        if not adopted:
            return
        with self._transaction():
            newest, line = self._rows.newest_priced_creates(), self._rows.next_journal_number()
            for lost in adopted:
                self._restore_run(lost, newest.get(lost.intent.model, line), at)

    def _restore_run(self, lost: MissingAttempt, create_number: int, at: float) -> None:
        run = self._rows.insert_restored_run(lost.intent, lost.is_outdated)
        started = fold(run, CreateStarted(lost.intent.create_id), lost.intent.at)
        after = replace(fold(started, lost.outcome, lost.at), create_number=create_number)
        self._rows.update_run(run, after)
        detail = {"create": lost.intent.create_id, **asdict(lost.outcome)}
        self._rows.journal(at, after.take_id, after.attempt, "PutBack", after.state, detail)
        for event in lost.later_events:
            after = self._apply(after, event, lost.ended_at)
        self._rows.refresh_take(after.take_id)

    def _check_input_is_whole(self, run: Run) -> None:
        """Raise LedgerError for a run whose input is known in part: sending it would pay for something else."""
        if is_partial(run.input_json):
            raise LedgerError(
                f"{self.path}: only a part of the input of {run.take_id} is recorded. Nothing was sent for it."
            )

    def record_fact(self, name: str, value: str) -> None:
        """Record a fact about the campaign as a whole, if it changed."""
        if self.fact(name) != value:
            with self._transaction():
                self._rows.set_fact(name, value)

    def record_keys(self, hashes: Iterable[str]) -> None:
        """Give each of these API keys a number, by their salted hashes."""
        known = frozenset(self.key_hashes().values())
        new = [digest for digest in hashes if digest not in known]
        if new:
            with self._transaction():
                for digest in new:
                    self._rows.add_key_hash(digest)

    def back_up(self, target: Path) -> Path | None:
        """Copy the ledger to `target`, completely or not at all. Raises LedgerError.

        Only an earlier state of this very ledger is overwritten: any other file is set aside, and its new path
        returned. Since `open` checked everything, damage never replaces a good backup.
        """
        self._check_journal()
        aside = None if self._is_earlier_copy(target) else set_ledger_aside(target)
        with translate_errors(target):
            draft = new_draft(target)
            with closing(connect(draft, "rw")) as copy:
                self._db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                LedgerRows(copy).set_fact("restored", "yes")  # true as soon as somebody puts the copy back
            sync_path(draft)  # first the content, then the name: a power cut must not cost the old backup
            draft.replace(target)
            sync_path(target.parent)
        return aside

    def check_in_place(self) -> None:
        """Raise LedgerError where its file or log was removed, moved or replaced.

        What is written to it then would be seen by nobody and be gone with this process.
        """
        for path, was in self._file_identities.items():
            if file_identity(path) != was:
                raise moved_error(path)

    def _is_earlier_copy(self, backup: Path) -> bool:
        """Whether there is no such file, or its journal is a beginning of this ledger's."""
        with translate_errors(backup):
            check_regular(backup)
        if not backup.exists():
            return True
        try:
            with self.read(backup, self.fact("campaign"), self.fact("endpoint")) as reader:
                mark = reader.position()
        except LedgerError:
            return False
        return self.position(mark.number) == mark

    def mark_restored(self) -> None:
        """Record that this ledger is older than its files, as a backup is: some may have been renamed since."""
        with self._transaction():
            self._rows.set_fact("restored", "yes")

    def clear_restored(self, at: float) -> None:
        """Record that the files were compared with this ledger since its backup was restored."""
        with self._transaction():
            self._rows.set_fact("restored", "")
            self._rows.journal(at, "", None, "BackupPutBack", None, {})

    def record_set_aside(self, names: KnownIds, at: float) -> None:
        """Record the runs and creates that were known when the user chose to start this new ledger."""
        with self._transaction():
            detail = {"run_ids": sorted(names.run_ids), "create_ids": sorted(names.create_ids)}
            self._rows.journal(at, "", None, "FilesSetAside", None, detail)

    def close_replacements(self, ended: Collection[Replacement]) -> None:
        """Record that these replacements are complete."""
        with self._transaction():
            left = [each for each in self._rows.replacements() if each not in ended]
            self._rows.set_fact("replacement", row_checks.render_replacements(left))

    def _apply(self, before: Run, event: Event, at: float) -> Run:
        """Write the run as it is after the event, and a journal line. Return the run."""
        after = fold(before, event, at)
        detail = asdict(event)
        line = self._rows.journal(at, after.take_id, after.attempt, type(event).__name__, after.state, detail)
        if isinstance(event, CreateStarted):
            after = replace(after, create_number=line)
        self._rows.update_run(before, after)
        return after

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._check_journal()
        self._cached_snapshot = None
        with translate_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")  # takes the write lock before the first read on which a change depends
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _check_journal(self) -> None:
        if not self._is_journal_checked:
            with translate_errors(self.path, UNTOUCHED):
                self._rows.check_journal()
            self._is_journal_checked = True


def _refuse_leftovers(path: Path) -> None:
    """Raise LedgerError for side files of a missing ledger: SQLite would replay them into the new one."""
    left = [name for name in (f"{path.name}-wal", f"{path.name}-shm") if os.path.lexists(path.with_name(name))]
    if left and not path.exists():
        raise LedgerError(
            f"{path}: the ledger is missing, but {left[0]} is still there. Nothing was sent. Put the ledger back, or "
            "run `hailuo-batch state restore MANIFEST` to restore its backup."
        )

"""The ledger: one SQLite file per campaign, and the only place where takes and runs change.

Each call that writes is one durable transaction that holds the change and its journal line, or nothing at all.
A run moves only by `records.fold`, so only along the transition table. It knows nothing of the network, the
receipts or what is to be done next. Times are seconds since the epoch, UTC.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Self

from hailuo_batch.adapters.ledger import row_checks
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
from hailuo_batch.adapters.ledger.side_files import SIDE_FILES, new_draft, side_file
from hailuo_batch.adapters.local.fs import check_regular, file_identity, rename_no_replace, sync_path
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.events import CreateStarted, Event
from hailuo_batch.core.model.ledger_changes import LedgerChange
from hailuo_batch.core.model.runs import Replacement, Run, Snapshot, fold
from hailuo_batch.core.planning.recovery import MissingAttempt
from hailuo_batch.core.planning.traces import KnownIds
from hailuo_batch.errors import LedgerError
from hailuo_batch.values import is_partial


class Ledger(LedgerReader):
    """An open ledger that may be written. Use `open` to write and `read` to read; both close as context managers."""

    def __init__(self, path: Path, db: sqlite3.Connection, closing: ExitStack) -> None:
        super().__init__(path, db, closing)
        self._rows: LedgerRows = LedgerRows(db)
        self._cached_snapshot: tuple[int, Snapshot] | None = None
        self._file_identities: dict[Path, tuple[int, int] | None] = {}
        self._is_journal_checked = False

    @classmethod
    def create(cls, path: Path, campaign: str, endpoint: str, at: float) -> None:
        """Make a new, empty ledger: whole under its name, or not there at all. Never replaces a file.

        Raises LedgerError where that cannot be done.
        """
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

    @staticmethod
    def read(path: Path, campaign: str, endpoint: str) -> LedgerReader:
        """Open a ledger that exists, to read it, also while another process writes. Raises LedgerError as `open`."""
        return LedgerReader.open_readonly(path, campaign, endpoint)

    @classmethod
    def open(cls, path: Path, campaign: str, endpoint: str, at: float) -> Self:
        """Open a ledger that exists, to write it, once all that it knows was read and found sound. The caller holds its
        lock.

        The journal, which nobody decides by, follows before the first write and the backup: a command that finds
        nothing to do spares itself that. So no command writes into a ledger, or backs one up, in which a single value
        is damaged. Raises LedgerError where it is damaged, foreign, newer, of another campaign or endpoint, or not
        writable.
        """
        with translate_errors(path, UNTOUCHED), ExitStack() as stack:
            db = connect_to_write(path, stack)
            check_version(db, path)
            check_health(db, path)
            ledger = cls(path, db, stack)
            ledger._check_identity(campaign, endpoint)
            ledger.snapshot()
            if not is_current(db):
                ledger._check_journal()
            make_durable(db, path)
            if migrate(db, at):
                ledger._cached_snapshot = None
            ledger.snapshot()  # from here on its log is open, too
            ledger._file_identities = {
                name: found for name in _file_names(path) if (found := file_identity(name)) is not None
            }
            ledger._closing = stack.pop_all()
            ledger._assurance = ""  # from here on, something may be sent
        return ledger

    def snapshot(self) -> Snapshot:
        """All that the ledger knows of takes and runs, read once until something is written."""
        with self._translated_errors():
            version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        if self._cached_snapshot is None or self._cached_snapshot[0] != version:
            self._cached_snapshot = version, super().snapshot()
        return self._cached_snapshot[1]

    def record_description(self, manifest_sha256: str, description: str) -> None:
        """Record what the manifest says of the campaign as a whole; writes only what changed."""
        facts = {"manifest_sha256": manifest_sha256, "description": description}
        if any(self._rows.fact(name) != value for name, value in facts.items()):
            with self._transaction():
                for name, value in facts.items():
                    self._rows.set_fact(name, value)

    def carry_out(self, steps: Sequence[LedgerChange], at: float) -> tuple[Run, ...]:
        """Carry out a plan's bookkeeping in one transaction. Returns the runs that it changed or made.

        Raises LedgerError where it cannot be written; then nothing was changed.
        """
        if not steps:
            return ()
        touched: dict[str, None] = {}
        changed: dict[int, None] = {}
        with self._transaction():
            for step in steps:
                key = self._carry_out(step, touched)
                if key is not None:
                    changed[key] = None
                self._journal_step(step, at)
            for take_id in touched:
                self._rows.refresh_take(take_id)
            return tuple(self._rows.run(key) for key in changed)

    def record(self, events: Iterable[tuple[int, Event]], at: float) -> tuple[Run, ...]:
        """Record what happened to runs, by their keys, in one transaction. Returns them as they then stand.

        Raises IllegalTransition, or LedgerError where it cannot be written; then nothing was changed.
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
        """Make runs of creates that only the receipts know of, oldest first, in one transaction."""
        if not lost_runs:
            return
        with self._transaction():
            for lost in lost_runs:
                self._restore_run(lost, self._rows.next_journal_number(), at)

    def adopt_runs(self, adopted: Sequence[MissingAttempt], at: float) -> None:
        """Make runs that only files beside the ledger know of, in one transaction.

        Nothing but the time of day says in which order they were created, and whether that was before or after the
        runs that are here: they share the number of the newest run of their model whose cost is known, so that the
        highest cost of all these counts.
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
        """Nothing is paid for but what its fingerprint stands for, whatever way an input in part has come here."""
        if is_partial(run.input_json):
            raise LedgerError(
                f"{self.path}: only a part of the input of {run.take_id} is on record. Nothing was sent for it."
            )

    def record_fact(self, name: str, value: str) -> None:
        """Remember a fact about the campaign as a whole."""
        if self.fact(name) != value:
            with self._transaction():
                self._rows.set_fact(name, value)

    def back_up(self, target: Path) -> Path | None:
        """Copy the ledger, whole or not at all, by SQLite's own means. Raises LedgerError where that fails.

        It was read whole when it was opened, so that no damage is copied over a good backup. Only an earlier state of
        this very ledger is written over: whatever else bears the name is kept, and its new name returned.
        """
        self._check_journal()
        aside = None if self._is_earlier_copy(target) else set_ledger_aside(target)
        with translate_errors(target):
            draft = new_draft(target)
            with closing(connect(draft, "rw")) as copy:
                self._db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                LedgerRows(copy).set_fact("restored", "yes")  # what is true of the copy once it is put back
            sync_path(draft)
            draft.replace(target)
            sync_path(target.parent)
        return aside

    def check_in_place(self) -> None:
        """Raises LedgerError where its file, or its log, is no longer what bears its name: others would not see what
        is written into it, and it would be gone with this process."""
        for path, was in self._file_identities.items():
            if file_identity(path) != was:
                raise LedgerError(f"{path}: it was removed, moved or replaced while this was at work.")

    def _is_earlier_copy(self, backup: Path) -> bool:
        """Whether this is no file at all, or one whose journal goes on in this ledger's."""
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
        """This ledger is older than its files, as a backup is: some may have been renamed since."""
        with self._transaction():
            self._rows.set_fact("restored", "yes")

    def clear_restored(self, at: float) -> None:
        """This ledger was a backup, and its files have been looked at since it was put back."""
        with self._transaction():
            self._rows.set_fact("restored", "")
            self._rows.journal(at, "", None, "BackupPutBack", None, {})

    def record_set_aside(self, names: KnownIds, at: float) -> None:
        """These runs and creates were known when this ledger was begun, and the user meant to begin all the same."""
        with self._transaction():
            detail = {"run_ids": sorted(names.run_ids), "create_ids": sorted(names.create_ids)}
            self._rows.journal(at, "", None, "FilesSetAside", None, detail)

    def close_replacements(self, ended: Collection[Replacement]) -> None:
        """These replacements, which were under way, are done."""
        with self._transaction():
            left = [each for each in self._rows.replacements() if each not in ended]
            self._rows.set_fact("replacement", row_checks.render_replacements(left))

    def _apply(self, before: Run, event: Event, at: float) -> Run:
        """The run after the event, as it is then written down, with its line in the journal."""
        after = fold(before, event, at)
        detail = asdict(event)
        line = self._rows.journal(at, after.take_id, after.attempt, type(event).__name__, after.state, detail)
        if isinstance(event, CreateStarted):
            after = replace(after, create_number=line)
        self._rows.update_run(before, after)
        return after

    def _carry_out(self, step: LedgerChange, touched: dict[str, None]) -> int | None:
        rows = self._rows
        match step:
            case st.WantTake():
                rows.upsert_take(step.take, step.position)
                touched[step.take.id] = None
            case st.UnwantTake():
                rows.remove_from_manifest(step.take_id)
            case st.ForgetTake():
                rows.forget_take(step.take_id)
                touched.pop(step.take_id, None)
            case st.ForgetRuns():
                rows.forget_runs(step.take_id)
                touched[step.take_id] = None
            case st.SupersedeRun():
                touched[rows.supersede(step.key, step.by)] = None
                return step.key
            case st.ReviveRun():
                touched[rows.revive(step.key, step.take_id)] = None
                touched[step.take_id] = None
                return step.key
            case st.DropAttempt():
                touched[rows.drop_attempt(step.key)] = None
            case st.AddAttempt():
                touched[step.take_id] = None
                return rows.add_attempt(step.take_id)
            case st.OpenReplacement():
                opened = [*rows.replacements(), step.replacement]
                rows.set_fact("replacement", row_checks.render_replacements(opened))
        return None

    def _journal_step(self, step: LedgerChange, at: float) -> None:
        detail: dict[str, object] = {}
        take_id = ""
        match step:
            case st.WantTake():
                take_id, detail = step.take.id, {"fingerprint": step.take.fingerprint, "position": step.position}
            case st.OpenReplacement():
                detail = {"patterns": step.replacement.patterns}
            case st.SupersedeRun() | st.DropAttempt():
                detail = asdict(step)
            case st.UnwantTake() | st.ForgetTake() | st.ForgetRuns() | st.AddAttempt() | st.ReviveRun():
                take_id, detail = step.take_id, asdict(step)
        self._rows.journal(at, take_id, None, type(step).__name__, None, detail)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._check_journal()
        self._cached_snapshot = None
        with translate_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
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


def _file_names(path: Path) -> list[Path]:
    return [path, *(side_file(path, suffix) for suffix in SIDE_FILES)]


def _refuse_leftovers(path: Path) -> None:
    """SQLite would replay the side files of a ledger that is gone into the new one."""
    left = [name for name in (f"{path.name}-wal", f"{path.name}-shm") if os.path.lexists(path.with_name(name))]
    if left and not path.exists():
        raise LedgerError(
            f"{path}: the ledger is missing, and {left[0]} of it is still there. Nothing was sent. Put the ledger "
            "back, or have `hailuo-batch state restore MANIFEST` restore its backup."
        )

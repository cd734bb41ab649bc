"""The ledger: one SQLite file per campaign, and the only place where takes and runs change.

Each call that writes is one durable transaction that holds the change and its journal line, or nothing at all.
A run moves only by `records.fold`, so only along the transition table. It knows nothing of the network, the
receipts or what is to be done next. Times are seconds since the epoch, UTC.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from hailuo_batch.core import steps as st
from hailuo_batch.core.events import CreateStarted, Event
from hailuo_batch.core.receipt import Forgotten
from hailuo_batch.core.records import Replacement, Run, Snapshot, fold
from hailuo_batch.core.steps import Step
from hailuo_batch.core.traces import Names
from hailuo_batch.errors import LedgerError
from hailuo_batch.shell.disk import rename_new, sync_path
from hailuo_batch.shell.ledger.migrations import migrate
from hailuo_batch.shell.ledger.opening import (
    UNTOUCHED,
    check_header,
    check_health,
    check_version,
    connect,
    explained,
    make_durable,
)
from hailuo_batch.shell.ledger.rows import Rows


class Ledger:
    """An open ledger. Use `open` to write and `read` to read; both close as context managers."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db
        self._rows = Rows(db)

    @classmethod
    def create(cls, path: Path, campaign: str, endpoint: str, at: float) -> None:
        """Make a new, empty ledger: whole under its name, or not there at all. Never replaces a file.

        Raises LedgerError where that cannot be done.
        """
        draft = path.with_name(f".{path.name}.new")
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_leftovers(path)
            draft.unlink(missing_ok=True)
            db = connect(draft, "rwc")
            try:
                db.execute("PRAGMA synchronous = FULL")
                migrate(db, at)
                rows = Rows(db)
                db.execute("BEGIN")
                rows.set_fact("campaign", campaign)
                rows.set_fact("endpoint", endpoint)
                db.execute("COMMIT")
            finally:
                db.close()
            try:
                rename_new(draft, path)
            finally:
                draft.unlink(missing_ok=True)

    @classmethod
    def open(cls, path: Path, campaign: str, endpoint: str, at: float) -> Self:
        """Open a ledger that exists, to write it. The caller holds its lock.

        Raises LedgerError where it is damaged, foreign, newer, of another campaign or endpoint, or not writable.
        """
        check_header(path)
        with explained(path, UNTOUCHED):
            db = connect(path, "rw")
            try:
                check_version(db, path)
                check_health(db, path)
                ledger = cls(path, db)
                ledger._check_identity(campaign, endpoint)
                make_durable(db, path)
                migrate(db, at)
            except BaseException:
                db.close()
                raise
        return ledger

    @classmethod
    def read(cls, path: Path, campaign: str, endpoint: str) -> Self:
        """Open a ledger that exists, to read it, also while another process writes. Raises LedgerError as `open`."""
        check_header(path)
        with explained(path, UNTOUCHED):
            db = connect(path, "ro")
            try:
                check_version(db, path)
                ledger = cls(path, db)
                ledger._check_identity(campaign, endpoint)
            except BaseException:
                db.close()
                raise
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the last one to close folds the write-ahead log into it."""
        self._db.close()

    def snapshot(self) -> Snapshot:
        """All that the ledger knows, as of one moment."""
        with explained(self.path):
            self._db.execute("BEGIN")
            try:
                return self._rows.snapshot()
            finally:
                self._db.execute("ROLLBACK")

    def describe(self, manifest_sha256: str, description: str) -> bool:
        """Record what the manifest says of the campaign as a whole. Returns whether anything was new, and written."""
        facts = {"manifest_sha256": manifest_sha256, "description": description}
        if all(self._rows.fact(name) == value for name, value in facts.items()):
            return False
        with self._transaction():
            for name, value in facts.items():
                self._rows.set_fact(name, value)
        return True

    def carry_out(self, steps: Sequence[Step], at: float) -> tuple[Run, ...]:
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
                after = self._apply(before, event, at)
                if after.take_state is not before.take_state:
                    self._rows.refresh_take(after.take_id)
                changed[key] = after
        return tuple(changed.values())

    def put_back(self, forgotten: Sequence[Forgotten], at: float) -> None:
        """Make runs of creates that only the receipts know of, oldest first, in one transaction."""
        if not forgotten:
            return
        with self._transaction():
            for lost in forgotten:
                run = self._rows.put_back(lost.intent, lost.outdated)
                started = fold(run, CreateStarted(lost.intent.create_id), lost.intent.at)
                after = fold(started, lost.outcome, lost.at)
                self._rows.update_run(run, after)
                detail = {"create": lost.intent.create_id, **asdict(lost.outcome)}
                self._rows.journal(at, after.take_id, after.attempt, "PutBack", after.state, detail)
                for event in lost.later:
                    after = self._apply(after, event, lost.ended_at)
                self._rows.refresh_take(after.take_id)

    def fact(self, name: str) -> str:
        """What was remembered under this name; empty where nothing was."""
        with explained(self.path):
            return self._rows.fact(name)

    def remember(self, name: str, value: str) -> None:
        """Remember a fact about the campaign as a whole."""
        if self.fact(name) != value:
            with self._transaction():
                self._rows.set_fact(name, value)

    def journal(self) -> Iterator[dict[str, object]]:
        """Every line of the journal, oldest first."""
        with explained(self.path):
            yield from self._rows.journal_lines()

    def back_up(self, target: Path) -> None:
        """Copy the ledger, whole or not at all, by SQLite's own means. Raises LedgerError where that fails."""
        draft = target.with_name(f".{target.name}.new")
        with explained(target):
            draft.unlink(missing_ok=True)
            copy = connect(draft, "rwc")
            try:
                self._db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                Rows(copy).set_fact("restored", "yes")  # what is true of the copy once it is put back
            finally:
                copy.close()
            sync_path(draft)
            draft.replace(target)
            sync_path(target.parent)

    def doubt_files(self) -> None:
        """This ledger is older than its files, as a backup is: some may have been renamed since."""
        with self._transaction():
            self._rows.set_fact("restored", "yes")

    def trust_files(self, at: float) -> None:
        """This ledger was a backup, and its files have been looked at since it was put back."""
        with self._transaction():
            self._rows.set_fact("restored", "")
            self._rows.journal(at, "", None, "BackupPutBack", None, {})

    def note_set_aside(self, names: Names, at: float) -> None:
        """These runs and creates were known when this ledger was begun, and the user meant to begin all the same."""
        with self._transaction():
            detail = {"run_ids": sorted(names.run_ids), "create_ids": sorted(names.create_ids)}
            self._rows.journal(at, "", None, "FilesSetAside", None, detail)

    def close_replacement(self) -> None:
        """The `--replace` that was under way is done."""
        with self._transaction():
            self._rows.set_fact("replacement", "")

    def _apply(self, before: Run, event: Event, at: float) -> Run:
        """The run after the event, as it is then written down, with its line in the journal."""
        after = fold(before, event, at)
        self._rows.update_run(before, after)
        self._rows.journal(at, after.take_id, after.attempt, type(event).__name__, after.state, asdict(event))
        return after

    def _carry_out(self, step: Step, touched: dict[str, None]) -> int | None:
        rows = self._rows
        match step:
            case st.WantTake():
                rows.want_take(step.take, step.position)
                touched[step.take.id] = None
            case st.UnwantTake():
                rows.unwant_take(step.take_id)
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
                rows.set_fact("replacement", _replacement_json(step.replacement))
        return None

    def _journal_step(self, step: Step, at: float) -> None:
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

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def _refuse_leftovers(path: Path) -> None:
    """SQLite would replay the side files of a ledger that is gone into the new one."""
    left = [name for name in (f"{path.name}-wal", f"{path.name}-shm") if path.with_name(name).exists()]
    if left and not path.exists():
        raise LedgerError(
            f"{path}: the ledger is missing, and {left[0]} of it is still there. Nothing was sent. Put the ledger "
            "back, or have `hailuo-batch state restore` restore its backup."
        )


def _replacement_json(replacement: Replacement) -> str:
    return json.dumps({"patterns": replacement.patterns, "take_ids": sorted(replacement.take_ids)})

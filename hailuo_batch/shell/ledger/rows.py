"""Takes, runs and files as rows: the SQL of the ledger, and nothing else.

It neither opens nor commits: the ledger holds the transaction around every call.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hailuo_batch.core.lifecycle import RunState, TakeState
from hailuo_batch.core.receipt import Intent, superseded_by_put_back
from hailuo_batch.core.records import Output, Replacement, Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.shell.ledger.migrations import flaws_in_journal
from hailuo_batch.values import Take, split_take_id

_RUN = (
    "key, take_id, attempt, state, model, input_json, fingerprint, images_sha256, superseded_by, create_id, run_id, "
    "cost_micro_usd, reason, submitted_at, completed_at"
)
_FILE_AT_FIRST = "run_key, number, url, path, bytes, sha256, moving_to"  # as the first version has it
_FILE = f"{_FILE_AT_FIRST}, flaw"
_TAKE = "id, shot, number, model, input_json, fingerprint, tags, images_sha256"


class Rows:
    """The rows of one open database."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # --- the campaign ---

    def fact(self, name: str) -> str:
        """A fact about the campaign as a whole; empty where it was never recorded."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Record such a fact."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def snapshot(self) -> Snapshot:
        """Every row, as values."""
        runs: dict[str, list[Run]] = defaultdict(list)
        outputs: dict[int, list[Output]] = defaultdict(list)
        for key, output in self._files():
            outputs[key].append(output)
        forgotten: list[Run] = []
        for row in self._db.execute(f"SELECT {_RUN}, forgotten FROM runs ORDER BY take_id, attempt"):
            kept = forgotten if row[15] else runs[row[1]]
            kept.append(_run(row, tuple(outputs.get(row[0], ()))))
        takes = self._db.execute(f"SELECT {_TAKE}, in_manifest FROM takes ORDER BY in_manifest DESC, position, id")
        records = (TakeRecord(_take(row), bool(row[8]), tuple(runs.get(row[0], ()))) for row in takes)
        return Snapshot(
            campaign=self.fact("campaign"),
            endpoint=self.fact("endpoint"),
            takes=tuple(record for record in records if record.in_manifest or record.runs),
            manifest_sha256=self.fact("manifest_sha256"),
            description=self.fact("description"),
            replacement=_replacement(self.fact("replacement")),
            forgotten=tuple(forgotten),
            restored=bool(self.fact("restored")),
        )

    def _files(self) -> Iterator[tuple[int, Output]]:
        """Every file, with its run's key. A ledger that no writer has brought up to date yet can be read, too."""
        if self._db.execute("PRAGMA user_version").fetchone()[0] > 1:
            for row in self._db.execute(f"SELECT {_FILE} FROM files ORDER BY run_key, number"):
                yield row[0], Output(*row[1:])
            return
        flaws = flaws_in_journal(self._db)
        for row in self._db.execute(f"SELECT {_FILE_AT_FIRST} FROM files ORDER BY run_key, number"):
            output = Output(*row[1:])
            yield row[0], replace(output, flaw=flaws.get(output.sha256 or ""))

    def journal(
        self,
        at: float,
        take_id: str,
        attempt: int | None,
        what: str,
        state: RunState | None,
        detail: Mapping[str, object],
    ) -> None:
        """Append a line to the journal."""
        self._db.execute(
            "INSERT INTO journal (at, take_id, attempt, what, state, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (at, take_id, attempt, what, state, json.dumps(detail)),
        )

    def journal_lines(self) -> Iterator[dict[str, object]]:
        """The journal's lines, oldest first."""
        for row in self._db.execute("SELECT at, take_id, attempt, what, state, detail FROM journal ORDER BY number"):
            yield {
                "at": row[0],
                "take_id": row[1],
                "attempt": row[2],
                "what": row[3],
                "state": row[4],
                "detail": json.loads(row[5]),
            }

    # --- takes ---

    def want_take(self, take: Take, position: int) -> None:
        """Record a take as the manifest asks for it."""
        self._db.execute(
            f"INSERT INTO takes ({_TAKE}, position, in_manifest, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) "
            "ON CONFLICT (id) DO UPDATE SET shot = excluded.shot, number = excluded.number, model = excluded.model, "
            "input_json = excluded.input_json, fingerprint = excluded.fingerprint, tags = excluded.tags, "
            "images_sha256 = excluded.images_sha256, position = excluded.position, in_manifest = 1",
            (
                take.id,
                take.shot,
                take.number,
                take.model,
                take.input_json,
                take.fingerprint,
                json.dumps(take.tags),
                take.images_sha256,
                position,
                TakeState.WAITING,
            ),
        )

    def unwant_take(self, take_id: str) -> None:
        """The manifest no longer asks for it."""
        self._db.execute("UPDATE takes SET in_manifest = 0 WHERE id = ?", (take_id,))

    def forget_take(self, take_id: str) -> None:
        """Nobody wants it, and nothing is left to tell of it; a take whose runs still count as money stays unseen."""
        self.unwant_take(take_id)
        self._db.execute("DELETE FROM takes WHERE id = ? AND id NOT IN (SELECT take_id FROM runs)", (take_id,))

    def forget_runs(self, take_id: str) -> None:
        """Nothing of this take is told any more; only the money of its runs still counts."""
        self._db.execute("DELETE FROM runs WHERE take_id = ? AND state = ?", (take_id, RunState.UNSENT))
        self._db.execute("UPDATE runs SET forgotten = 1 WHERE take_id = ?", (take_id,))

    def refresh_take(self, take_id: str) -> None:
        """Write down the state that its runs make of it."""
        runs = self._db.execute(
            f"SELECT {_RUN} FROM runs WHERE take_id = ? AND NOT forgotten ORDER BY attempt DESC", (take_id,)
        ).fetchall()
        row = next((row for row in runs if row[8] is None), runs[0] if runs else None)
        state = TakeState.WAITING if row is None else _run(row, self._outputs(row[0])).take_state
        self._db.execute("UPDATE takes SET state = ? WHERE id = ? AND state != ?", (state, take_id, state))

    # --- runs ---

    def run(self, key: int) -> Run:
        """The run with this key."""
        row = self._db.execute(f"SELECT {_RUN} FROM runs WHERE key = ?", (key,)).fetchone()
        return _run(row, self._outputs(key))

    def update_run(self, before: Run, after: Run) -> None:
        """Write what changed of a run and of its files."""
        self._db.execute(
            "UPDATE runs SET state = ?, create_id = ?, run_id = ?, cost_micro_usd = ?, reason = ?, submitted_at = ?, "
            "completed_at = ? WHERE key = ?",
            (
                after.state,
                after.create_id,
                after.run_id,
                after.cost_micro_usd,
                after.reason,
                after.submitted_at,
                after.completed_at,
                after.key,
            ),
        )
        if len(after.outputs) < len(before.outputs):
            self._db.execute("DELETE FROM files WHERE run_key = ? AND number >= ?", (after.key, len(after.outputs)))
        for output in after.outputs:
            if output not in before.outputs:
                self._db.execute(
                    f"INSERT OR REPLACE INTO files ({_FILE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        after.key,
                        output.index,
                        output.url,
                        output.path,
                        output.bytes,
                        output.sha256,
                        output.moving_to,
                        output.flaw,
                    ),
                )

    def supersede(self, key: int, by: Supersession) -> str:
        """It no longer speaks for its take, whose ID is returned."""
        self._db.execute("UPDATE runs SET superseded_by = ? WHERE key = ?", (by, key))
        return self._take_of(key)

    def revive(self, key: int, take_id: str) -> str:
        """It speaks for this take from now on. Returns the ID of the take that it belonged to."""
        before = self._take_of(key)
        if before != take_id:
            attempt = self._next_attempt(take_id)
            self._db.execute("UPDATE runs SET take_id = ?, attempt = ? WHERE key = ?", (take_id, attempt, key))
        self._db.execute("UPDATE runs SET superseded_by = NULL WHERE key = ?", (key,))
        return before

    def drop_attempt(self, key: int) -> str:
        """Take out an attempt that is unsent. Returns its take's ID."""
        take_id = self._take_of(key)
        self._db.execute("DELETE FROM runs WHERE key = ? AND state = ?", (key, RunState.UNSENT))
        return take_id

    def add_attempt(self, take_id: str) -> int:
        """A new, unsent attempt of what the take asks for now. Returns its key."""
        cursor = self._db.execute(
            "INSERT INTO runs (take_id, attempt, state, model, input_json, fingerprint, images_sha256) "
            "SELECT id, ?, ?, model, input_json, fingerprint, images_sha256 FROM takes WHERE id = ?",
            (self._next_attempt(take_id), RunState.UNSENT, take_id),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def put_back(self, intent: Intent, outdated: bool) -> Run:
        """An attempt, as yet unsent, that a receipt tells of; it speaks for its take unless a newer one does."""
        shot, number = split_take_id(intent.take_id)
        self._db.execute(
            f"INSERT OR IGNORE INTO takes ({_TAKE}, position, in_manifest, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)",
            (
                intent.take_id,
                shot,
                number,
                intent.model,
                intent.input_json,
                intent.fingerprint,
                "[]",
                intent.images_sha256,
                TakeState.WAITING,
            ),
        )
        self._db.execute("DELETE FROM runs WHERE take_id = ? AND state = ?", (intent.take_id, RunState.UNSENT))
        live = self._db.execute(
            f"SELECT {_RUN} FROM runs WHERE take_id = ? AND superseded_by IS NULL AND NOT forgotten", (intent.take_id,)
        ).fetchone()
        by = None
        if live is not None:
            before = _run(live, ())
            if outdated:
                by = Supersession.EDIT
            else:
                self.supersede(before.key, superseded_by_put_back(before, intent))
        cursor = self._db.execute(
            "INSERT INTO runs (take_id, attempt, state, model, input_json, fingerprint, images_sha256, superseded_by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                intent.take_id,
                self._next_attempt(intent.take_id),
                RunState.UNSENT,
                intent.model,
                intent.input_json,
                intent.fingerprint,
                intent.images_sha256,
                by,
            ),
        )
        assert cursor.lastrowid is not None
        return self.run(cursor.lastrowid)

    def _next_attempt(self, take_id: str) -> int:
        row = self._db.execute("SELECT coalesce(max(attempt), 0) + 1 FROM runs WHERE take_id = ?", (take_id,))
        return int(row.fetchone()[0])

    def _take_of(self, key: int) -> str:
        return str(self._db.execute("SELECT take_id FROM runs WHERE key = ?", (key,)).fetchone()[0])

    def _outputs(self, key: int) -> tuple[Output, ...]:
        rows = self._db.execute(f"SELECT {_FILE} FROM files WHERE run_key = ? ORDER BY number", (key,))
        return tuple(Output(*row[1:]) for row in rows)


def _run(row: Any, outputs: tuple[Output, ...]) -> Run:
    return Run(
        key=row[0],
        take_id=row[1],
        attempt=row[2],
        state=RunState(row[3]),
        model=row[4],
        input_json=row[5],
        fingerprint=row[6],
        images_sha256=row[7],
        superseded_by=None if row[8] is None else Supersession(row[8]),
        create_id=row[9],
        run_id=row[10],
        cost_micro_usd=row[11],
        reason=row[12],
        submitted_at=row[13],
        completed_at=row[14],
        outputs=outputs,
    )


def _take(row: Any) -> Take:
    tags = tuple(json.loads(row[6]))
    return Take(row[0], row[1], row[2], row[3], row[4], row[5], tags, row[7])


def _replacement(text: str) -> Replacement | None:
    if not text:
        return None
    data = json.loads(text)
    return Replacement(tuple(data["patterns"]), frozenset(data["take_ids"]))

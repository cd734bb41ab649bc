"""Takes, runs and files as rows: the SQL that writes them, and nothing else.

It neither opens nor commits: the ledger holds the transaction around every call.
"""

import json
from collections.abc import Mapping

from hailuo_batch.adapters.ledger import row_checks
from hailuo_batch.adapters.ledger.row_checks import FILE_COLUMNS, RUN_COLUMNS, TAKE_COLUMNS
from hailuo_batch.adapters.ledger.row_reader import RowReader
from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.recovery import CreateIntent, supersession_by_restored
from hailuo_batch.values import Take, mark_partial, split_take_id


class LedgerRows(RowReader):
    """The rows of one open database, to be read and written."""

    # --- the campaign ---

    def set_fact(self, name: str, value: str) -> None:
        """Record such a fact."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def journal(
        self,
        at: float,
        take_id: str,
        attempt: int | None,
        what: str,
        state: RunState | None,
        detail: Mapping[str, object],
    ) -> int:
        """Append a line to the journal. Returns its number."""
        cursor = self._db.execute(
            "INSERT INTO journal (at, take_id, attempt, what, state, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (at, take_id, attempt, what, state, json.dumps(detail)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def next_journal_number(self) -> int:
        """The number of the journal's next line."""
        return int(self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM journal").fetchone()[0])

    def newest_priced_creates(self) -> dict[str, int]:
        """By model, the number of the newest create whose cost is known."""
        rows = self._db.execute(
            "SELECT model, max(create_number) FROM runs WHERE cost_micro_usd IS NOT NULL AND create_number IS NOT NULL "
            "GROUP BY model"
        )
        return {str(model): int(number) for model, number in rows}

    # --- takes ---

    def upsert_take(self, take: Take, position: int) -> None:
        """Record a take as the manifest asks for it."""
        self._db.execute(
            f"INSERT INTO takes ({TAKE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) "
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
                take.images_sha256,
                json.dumps(take.tags),
                position,
                TakeState.WAITING,
            ),
        )

    def remove_from_manifest(self, take_id: str) -> None:
        """The manifest no longer asks for it."""
        self._db.execute("UPDATE takes SET in_manifest = 0 WHERE id = ?", (take_id,))

    def forget_take(self, take_id: str) -> None:
        """Nobody wants it, and nothing is left to tell of it; a take whose runs still count as money stays unseen."""
        self.remove_from_manifest(take_id)
        self._db.execute("DELETE FROM takes WHERE id = ? AND id NOT IN (SELECT take_id FROM runs)", (take_id,))

    def forget_runs(self, take_id: str) -> None:
        """Nothing of this take is told any more; only the money of its runs still counts."""
        self._db.execute("DELETE FROM runs WHERE take_id = ? AND state = ?", (take_id, RunState.UNSENT))
        self._db.execute("UPDATE runs SET forgotten = 1 WHERE take_id = ?", (take_id,))

    def refresh_take(self, take_id: str) -> None:
        """Write down the state that its runs make of it."""
        with self._decoding_errors("runs"):
            runs = self._db.execute(
                f"SELECT {RUN_COLUMNS} FROM runs WHERE take_id = ? AND NOT forgotten ORDER BY attempt DESC", (take_id,)
            ).fetchall()
        row = next((row for row in runs if row[8] is None), runs[0] if runs else None)
        state = TakeState.WAITING
        if row is not None:
            state = row_checks.parse_run(row, self._outputs(row[0]), {}).take_state
        self._db.execute("UPDATE takes SET state = ? WHERE id = ? AND state != ?", (state, take_id, state))

    # --- runs ---

    def update_run(self, before: Run, after: Run) -> None:
        """Write what changed of a run and of its files."""
        self._db.execute(
            "UPDATE runs SET state = ?, create_id = ?, create_number = ?, run_id = ?, cost_micro_usd = ?, reason = ?, "
            "submitted_at = ?, completed_at = ? WHERE key = ?",
            (
                after.state,
                after.create_id,
                after.create_number,
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
                    f"INSERT OR REPLACE INTO files ({FILE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
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
            # rule hash_kept
            "INSERT INTO runs (take_id, attempt, state, model, input_json, fingerprint, images_sha256) "
            "SELECT id, ?, ?, model, input_json, fingerprint, images_sha256 FROM takes WHERE id = ?",
            (self._next_attempt(take_id), RunState.UNSENT, take_id),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def insert_restored_run(self, intent: CreateIntent, outdated: bool) -> Run:
        """An attempt, as yet unsent, that a receipt tells of; it speaks for its take unless a newer one does."""
        shot, number = split_take_id(intent.take_id)
        asked = intent.input_json if intent.known_fingerprint is None else mark_partial(intent.input_json)
        self._db.execute(
            f"INSERT OR IGNORE INTO takes ({TAKE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)",
            (
                intent.take_id,
                shot,
                number,
                intent.model,
                asked,
                intent.fingerprint,
                intent.images_sha256,
                "[]",
                TakeState.WAITING,
            ),
        )
        self._db.execute("DELETE FROM runs WHERE take_id = ? AND state = ?", (intent.take_id, RunState.UNSENT))
        live = self._db.execute(
            "SELECT key FROM runs WHERE take_id = ? AND superseded_by IS NULL AND NOT forgotten", (intent.take_id,)
        ).fetchone()
        by = None
        if live is not None:
            before = self.run(live[0])
            if outdated:
                by = Supersession.EDIT
            else:
                self.supersede(before.key, supersession_by_restored(before, intent))
        cursor = self._db.execute(
            "INSERT INTO runs (take_id, attempt, state, model, input_json, fingerprint, images_sha256, superseded_by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                intent.take_id,
                self._next_attempt(intent.take_id),
                RunState.UNSENT,
                intent.model,
                asked,
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

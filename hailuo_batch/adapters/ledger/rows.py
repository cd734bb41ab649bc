"""Takes, runs and files as rows: the SQL that writes them, and nothing else.

It neither opens nor commits: the ledger holds the transaction around every call.
"""

import json
from collections.abc import Mapping
from dataclasses import astuple

from hailuo_batch.adapters.ledger import row_checks
from hailuo_batch.adapters.ledger.row_checks import FILE_COLUMNS, RUN_COLUMNS, TAKE_COLUMNS
from hailuo_batch.adapters.ledger.row_reader import RowReader
from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.recovery import CreateIntent, supersession_by_restored
from hailuo_batch.values import Take, mark_partial, split_take_id

_REQUEST = "model, input_json, fingerprint, images_sha256"
_CHANGING = (
    *("state", "create_id", "create_number", "run_id"),
    *("cost_micro_usd", "reason", "submitted_at", "completed_at", "api_key"),
)
"""The columns of a run that events change; the others stay as they were when it was added."""


class LedgerRows(RowReader):
    """Reads and writes the rows of one open database."""

    # --- the campaign ---

    def set_fact(self, name: str, value: str) -> None:
        """Record a fact about the campaign as a whole."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def add_key_hash(self, digest: str) -> None:
        """Record an API key by its salted hash. It gets the next number."""
        self._db.execute("INSERT INTO api_keys (hash) VALUES (?)", (digest,))

    def journal(
        self,
        at: float,
        take_id: str,
        attempt: int | None,
        what: str,
        state: RunState | None,
        detail: Mapping[str, object],
    ) -> int:
        """Append a line to the journal and return its number."""
        return self._insert(
            "INSERT INTO journal (at, take_id, attempt, what, state, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (at, take_id, attempt, what, state, json.dumps(detail)),
        )

    def next_journal_number(self) -> int:
        """Return the number of the journal's next line."""
        return int(self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM journal").fetchone()[0])

    def newest_priced_creates(self) -> dict[str, int]:
        """Return, by model, the number of the newest create whose cost is known."""
        rows = self._db.execute(
            "SELECT model, max(create_number) FROM runs WHERE cost_micro_usd IS NOT NULL AND create_number IS NOT NULL "
            "GROUP BY model"
        )
        return {str(model): int(number) for model, number in rows}

    # --- takes ---

    def upsert_take(self, take: Take, position: int) -> None:
        """Record a take as the manifest asks for it."""
        self._db.execute(
            f"INSERT INTO takes ({TAKE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET shot = excluded.shot, number = excluded.number, model = excluded.model, "
            "input_json = excluded.input_json, fingerprint = excluded.fingerprint, tags = excluded.tags, "
            "images_sha256 = excluded.images_sha256, position = excluded.position, in_manifest = 1, "
            "variables_json = excluded.variables_json",
            (
                *(take.id, take.shot, take.number, *_request_of(take)),
                *(json.dumps(take.tags), position, TakeState.WAITING, take.variables_json),
            ),
        )

    def remove_from_manifest(self, take_id: str) -> None:
        """Record that the manifest no longer asks for this take."""
        self._db.execute("UPDATE takes SET in_manifest = 0 WHERE id = ?", (take_id,))

    def forget_take(self, take_id: str) -> None:
        """Delete a take that is not in the manifest. One with runs stays unseen, because their money still counts."""
        self.remove_from_manifest(take_id)
        self._db.execute("DELETE FROM takes WHERE id = ? AND id NOT IN (SELECT take_id FROM runs)", (take_id,))

    def forget_runs(self, take_id: str) -> None:
        """Hide the runs of a take. They are never deleted, because their money still counts against the cap."""
        self._delete_unsent(take_id)
        self._db.execute("UPDATE runs SET forgotten = 1 WHERE take_id = ?", (take_id,))

    def refresh_take(self, take_id: str) -> None:
        """Update the take's state from its runs."""
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
        """Write what changed in a run and its files."""
        self._db.execute(
            f"UPDATE runs SET {', '.join(f'{column} = ?' for column in _CHANGING)} WHERE key = ?",
            (*(getattr(after, column) for column in _CHANGING), after.key),
        )
        if len(after.outputs) < len(before.outputs):
            self._db.execute("DELETE FROM files WHERE run_key = ? AND number >= ?", (after.key, len(after.outputs)))
        for output in after.outputs:
            if output not in before.outputs:
                self._db.execute(
                    f"INSERT OR REPLACE INTO files ({FILE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (after.key, *astuple(output)),
                )

    def supersede(self, key: int, by: Supersession) -> str:
        """Mark a run as superseded and return its take's ID."""
        self._db.execute("UPDATE runs SET superseded_by = ? WHERE key = ?", (by, key))
        return self._take_of(key)

    def revive(self, key: int, take_id: str) -> str:
        """Make a run the live run of this take. Return the ID of the take that it belonged to."""
        before = self._take_of(key)
        if before != take_id:
            attempt = self._next_attempt(take_id)
            self._db.execute("UPDATE runs SET take_id = ?, attempt = ? WHERE key = ?", (take_id, attempt, key))
        self._db.execute("UPDATE runs SET superseded_by = NULL WHERE key = ?", (key,))
        return before

    def drop_attempt(self, key: int) -> str:
        """Delete an attempt if it is unsent. Return its take's ID."""
        take_id = self._take_of(key)
        self._db.execute("DELETE FROM runs WHERE key = ? AND state = ?", (key, RunState.UNSENT))
        return take_id

    def add_attempt(self, take_id: str) -> int:
        """Add an unsent attempt of what the take asks for now, and return its key."""
        return self._insert(
            # rule hash_kept
            f"INSERT INTO runs (take_id, attempt, state, {_REQUEST}) SELECT id, ?, ?, {_REQUEST} FROM takes "
            "WHERE id = ?",
            (self._next_attempt(take_id), RunState.UNSENT, take_id),
        )

    def insert_restored_run(self, intent: CreateIntent, outdated: bool) -> Run:
        """Add the attempt that a receipt tells of, unsent as yet, and its take if there is none.

        It becomes the live run, unless it is `outdated`: then the take has a newer one.
        """
        shot, number = split_take_id(intent.take_id)
        # marked, so that nothing is ever sent for a request of which only a part is known
        known_input = intent.input_json if intent.known_fingerprint is None else mark_partial(intent.input_json)
        request = (intent.model, known_input, intent.fingerprint, intent.images_sha256)
        self._db.execute(
            f"INSERT OR IGNORE INTO takes ({TAKE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, '[]', 0, 0, ?, NULL)",
            (intent.take_id, shot, number, *request, TakeState.WAITING),
        )
        self._delete_unsent(intent.take_id)
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
        key = self._insert(
            f"INSERT INTO runs (take_id, attempt, state, {_REQUEST}, superseded_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (intent.take_id, self._next_attempt(intent.take_id), RunState.UNSENT, *request, by),
        )
        return self.run(key)

    def _insert(self, statement: str, values: tuple[object, ...]) -> int:
        """Insert a row and return its number."""
        cursor = self._db.execute(statement, values)
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _delete_unsent(self, take_id: str) -> None:
        self._db.execute("DELETE FROM runs WHERE take_id = ? AND state = ?", (take_id, RunState.UNSENT))

    def _next_attempt(self, take_id: str) -> int:
        row = self._db.execute("SELECT coalesce(max(attempt), 0) + 1 FROM runs WHERE take_id = ?", (take_id,))
        return int(row.fetchone()[0])

    def _take_of(self, key: int) -> str:
        return str(self._db.execute("SELECT take_id FROM runs WHERE key = ?", (key,)).fetchone()[0])


def _request_of(take: Take) -> tuple[str, str, str, str | None]:
    """Return the values of _REQUEST's columns."""
    return take.model, take.input_json, take.fingerprint, take.images_sha256

"""Takes, runs and files as rows: the SQL that reads them. Nothing here writes.

Every row goes through `row_checks`, so every method raises DamagedRow.
"""

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hailuo_batch.adapters.ledger import row_checks
from hailuo_batch.adapters.ledger.row_checks import (
    FILE_COLUMNS,
    FILE_COLUMNS_V1,
    RUN_COLUMNS,
    RUN_COLUMNS_BEFORE_V3,
    RUN_COLUMNS_BEFORE_V5,
    TAKE_COLUMNS,
    TAKE_COLUMNS_BEFORE_V4,
    DamagedRow,
    KnownRequests,
)
from hailuo_batch.adapters.ledger.schema import (
    SINCE_API_KEYS,
    SINCE_CREATE_NUMBERS,
    SINCE_VARIABLES,
    creates_in_journal,
    flaws_in_journal,
    key_hash_among_facts,
)
from hailuo_batch.core.model.api_keys import TAG_CHARS, ApiKey
from hailuo_batch.core.model.runs import Output, Replacement, Run, Snapshot, TakeRecord
from hailuo_batch.core.model.states import RunState
from hailuo_batch.values import MAX_EPOCH_S

_UNDECODABLE = re.compile(r"Could not decode to UTF-8 column '(\w+)'")
_STATES = ", ".join(f"'{state.value}'" for state in RunState)
_ASCII = "NOT GLOB '*[^ -~]*'"  # all that we ever write here; invalid UTF-8 is not in it
_LINE_IS_VALID = (
    f"typeof(at) = 'real' AND at >= 0 AND at < {MAX_EPOCH_S} AND typeof(take_id) = 'text' AND take_id {_ASCII} "
    "AND typeof(attempt) IN ('integer', 'null') AND typeof(what) = 'text' AND what NOT GLOB '*[^A-Za-z]*' "
    f"AND (state IS NULL OR state IN ({_STATES})) "
    f"AND typeof(detail) = 'text' AND detail {_ASCII} AND detail GLOB '{{*' AND json_valid(detail)"
)


class RowReader:
    """Reads the rows of one open database."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def fact(self, name: str) -> str:
        """Return a fact about the campaign as a whole, empty where it was never recorded."""
        with self._decoding_errors("facts"):
            row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else row_checks.parse_fact(name, row[0])

    def replacements(self) -> tuple[Replacement, ...]:
        """Return the replacements that are not complete, oldest first."""
        return row_checks.parse_replacements(self.fact("replacement"))

    def snapshot(self) -> Snapshot:
        """Read every row."""
        requests: KnownRequests = {}
        forgotten, runs = self._runs(requests)
        takes = self._takes(runs, requests)
        facts = self._facts()
        return Snapshot(
            campaign=facts.get("campaign", ""),
            endpoint=facts.get("endpoint", ""),
            takes=tuple(record for record in takes if record.in_manifest or record.runs),
            manifest_sha256=facts.get("manifest_sha256", ""),
            description=facts.get("description", ""),
            replacements=row_checks.parse_replacements(facts.get("replacement", "")),
            forgotten=tuple(forgotten),
            restored=bool(facts.get("restored")),
            api_keys=tuple(ApiKey(number, digest[-TAG_CHARS:]) for number, digest in self.key_hashes().items()),
        )

    def key_hashes(self) -> dict[int, str]:
        """Return the salted hash of each API key, by its number, also from a ledger that no writer has migrated yet."""
        if self._version() < SINCE_API_KEYS:
            digest = key_hash_among_facts(self._db)
            return {} if digest is None else {1: digest}
        with self._decoding_errors("api_keys"):
            rows = self._db.execute("SELECT number, hash FROM api_keys ORDER BY number").fetchall()
        return dict(map(row_checks.parse_key_hash, rows))

    def check_journal(self) -> None:
        """Check every line of the journal. SQLite does it, in a fifth of the time that loading the lines takes."""
        _ensure_json_valid(self._db)
        row = self._db.execute(f"SELECT number FROM journal WHERE ({_LINE_IS_VALID}) IS NOT TRUE LIMIT 1").fetchone()
        if row is not None:
            raise DamagedRow("journal", row[0], "hailuo-batch never writes such a line")

    def _facts(self) -> dict[str, str]:
        with self._decoding_errors("facts"):
            rows = self._db.execute("SELECT name, value FROM facts").fetchall()
        return {name: row_checks.parse_fact(name, value) for name, value in rows}

    def _takes(self, runs: Mapping[str, list[Run]], requests: KnownRequests) -> list[TakeRecord]:
        """Read every take with its runs, those in the manifest first, also from a ledger without their variables."""
        left, records = set(runs), []
        columns = TAKE_COLUMNS if self._version() >= SINCE_VARIABLES else TAKE_COLUMNS_BEFORE_V4
        with self._decoding_errors("takes"):
            for row in self._db.execute(f"SELECT {columns} FROM takes ORDER BY in_manifest DESC, position, id"):
                take = row_checks.parse_take(row, requests)
                left.discard(take.id)
                records.append(TakeRecord(take, bool(row[9]), tuple(runs.get(take.id, ())), row[11] is not None))
        for take_id in left:
            raise DamagedRow("runs", runs[take_id][0].key, f"no take has the ID {row_checks.abbreviate(take_id)}")
        return records

    def _runs(self, requests: KnownRequests) -> tuple[list[Run], dict[str, list[Run]]]:
        """Read the forgotten runs, and the others by their takes."""
        outputs = self._outputs_of_all()
        forgotten: list[Run] = []
        runs: dict[str, list[Run]] = defaultdict(list)
        live_take_id = ""
        numbers = {None, *self.key_hashes()}
        with self._decoding_errors("runs"):
            for row in self._rows_of_runs():
                run = row_checks.parse_run(row, tuple(outputs.pop(row[0], ())), requests)
                if run.api_key not in numbers:
                    raise DamagedRow("runs", run.key, f"api_key is {run.api_key}, and no key has that number")
                (forgotten if row[15] else runs[run.take_id]).append(run)
                if row[15] or run.superseded_by is not None:
                    continue
                if run.take_id == live_take_id:  # the earlier one, perhaps paid for, would be ignored
                    raise DamagedRow(
                        "runs", run.key, f"take {row_checks.abbreviate(run.take_id)} already has another live run"
                    )
                live_take_id = run.take_id
        for key in outputs:
            raise DamagedRow("files", key, "no run has this key")
        return forgotten, runs

    def _rows_of_runs(self) -> Iterable[Sequence[Any]]:
        """Read every run as a row, also from a ledger that has their API key among its facts."""
        version = self._version()
        if version >= SINCE_API_KEYS:
            return self._db.execute(f"SELECT {RUN_COLUMNS} FROM runs ORDER BY take_id, attempt")
        key = next(iter(self.key_hashes()), None)
        return ((*row[:-1], None if row[10] is None else key) for row in self._rows_of_older_runs(version))

    def _rows_of_older_runs(self, version: int) -> Iterable[Sequence[Any]]:
        """Read every run as a row, also from a ledger that has the order of creates in its journal only."""
        if version >= SINCE_CREATE_NUMBERS:
            return self._db.execute(f"SELECT {RUN_COLUMNS_BEFORE_V5} FROM runs ORDER BY take_id, attempt")
        with self._decoding_errors("journal"):
            numbers = creates_in_journal(self._db)
        rows = self._db.execute(f"SELECT {RUN_COLUMNS_BEFORE_V3} FROM runs ORDER BY take_id, attempt")
        return ((*row[:-2], numbers.get(row[9]), None) for row in rows)

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _outputs_of_all(self) -> dict[int, list[Output]]:
        """Read the files of every run, by its key, also from a ledger that no writer has migrated yet."""
        outputs: dict[int, list[Output]] = defaultdict(list)
        is_first = self._version() == 1
        with self._decoding_errors("files"):
            columns = FILE_COLUMNS_V1 if is_first else FILE_COLUMNS
            for row in self._db.execute(f"SELECT {columns} FROM files ORDER BY run_key, number"):
                _append_output(row, outputs[row[0]])
        return self._with_flaws(outputs) if is_first else outputs

    def _with_flaws(self, outputs: Mapping[int, Sequence[Output]]) -> dict[int, list[Output]]:
        """Add the flaws, which a ledger of the first version has in its journal only."""
        with self._decoding_errors("journal"):
            flaws = flaws_in_journal(self._db)
        return {key: [replace(each, flaw=flaws.get(each.sha256 or "")) for each in of] for key, of in outputs.items()}

    # --- the journal ---

    def journal_lines(self) -> Iterator[dict[str, object]]:
        """Yield the journal's lines, oldest first."""
        self.check_journal()
        names = ("at", "take_id", "attempt", "what", "state", "detail")
        for row in self._db.execute(f"SELECT {', '.join(names)} FROM journal ORDER BY number"):
            yield dict(zip(names, (*row[:-1], json.loads(row[-1])), strict=True))

    def journal_line_up_to(self, number: int) -> tuple[Any, ...] | None:
        """Return the journal's last line up to this number, None where there is none."""
        with self._decoding_errors("journal"):
            line: tuple[Any, ...] | None = self._db.execute(
                "SELECT number, at, take_id, attempt, what, state, detail FROM journal WHERE number <= ? "
                "ORDER BY number DESC LIMIT 1",
                (number,),
            ).fetchone()
        if line is not None and any(isinstance(value, bytes) for value in line):
            raise DamagedRow("journal", line[0], "hailuo-batch never writes such a line")
        return line

    def journal_entries_after(self, after: int) -> list[tuple[str, str]]:
        """Return the take and the event of each journal line after this number."""
        with self._decoding_errors("journal"):
            lines = self._db.execute(
                "SELECT number, take_id, what FROM journal WHERE number > ? ORDER BY number", (after,)
            ).fetchall()
        for number, *texts in lines:
            if not all(isinstance(text, str) for text in texts):
                raise DamagedRow("journal", number, "hailuo-batch never writes such a line")
        return [(take_id, what) for _, take_id, what in lines]

    # --- one run ---

    def run(self, key: int) -> Run:
        """Read the run with this key."""
        with self._decoding_errors("runs"):
            row = self._db.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise DamagedRow("runs", key, "the run is missing")
        return row_checks.parse_run(row, self._outputs(key), {})

    def _outputs(self, key: int) -> tuple[Output, ...]:
        outputs: list[Output] = []
        with self._decoding_errors("files"):
            for row in self._db.execute(f"SELECT {FILE_COLUMNS} FROM files WHERE run_key = ? ORDER BY number", (key,)):
                _append_output(row, outputs)
        return tuple(outputs)

    @contextmanager
    def _decoding_errors(self, table: str) -> Iterator[None]:
        """Report invalid UTF-8 as a damaged row."""
        try:
            yield
        except sqlite3.OperationalError as error:
            match = _UNDECODABLE.match(str(error))
            if match is None:
                raise
            for row, value in self._db.execute(f"SELECT rowid, CAST({match[1]} AS BLOB) FROM {table}"):
                if isinstance(value, bytes) and value.decode("utf-8", "replace").encode("utf-8") != value:
                    what = f"{match[1]} is {row_checks.abbreviate(value)}, which is not UTF-8"
                    raise DamagedRow(table, row, what) from None
            raise


def _append_output(row: tuple[Any, ...], outputs: list[Output]) -> None:
    """Append an output. A run's outputs are numbered from 0 without gaps, because events refer to them by number."""
    output = row_checks.parse_output(row)
    if output.index != len(outputs):
        raise DamagedRow("files", row[:2], f"output {len(outputs)} of its run is missing")
    outputs.append(output)


def _ensure_json_valid(db: sqlite3.Connection) -> None:
    """Add `json_valid` where SQLite lacks it, as some builds before 3.38 do."""
    try:
        db.execute("SELECT json_valid('{}')")
    except sqlite3.OperationalError:
        db.create_function("json_valid", 1, _is_json, deterministic=True)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True

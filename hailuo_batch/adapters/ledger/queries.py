"""A ledger looked into for one thing, without loading it: what its runs were like, whose a run is, where it ends.

Nothing here writes. A ledger beside the one that matters may be damaged, foreign or newer: then it tells nothing, and
its own commands say why.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hailuo_batch.adapters.ledger.opening import UNTOUCHED, check_version, open_to_read, translate_errors
from hailuo_batch.adapters.ledger.reader import LAST_LINE, JournalPosition, position_of
from hailuo_batch.adapters.ledger.row_checks import parse_output
from hailuo_batch.adapters.ledger.row_reader import RowReader
from hailuo_batch.adapters.ledger.schema import SINCE_CREATE_NUMBERS
from hailuo_batch.core.model.runs import Output
from hailuo_batch.core.planning.history import LONGEST_S, NEWEST, History, RunDuration
from hailuo_batch.core.planning.traces import KnownIds
from hailuo_batch.errors import LedgerError
from hailuo_batch.values import MAX_COST_MICRO_USD, MAX_EPOCH_S

_NEWEST_COSTS = (
    "SELECT model, submitted_at, cost_micro_usd, MAX(create_number) FROM runs WHERE typeof(model) = 'text' "
    "AND typeof(cost_micro_usd) = 'integer' AND cost_micro_usd BETWEEN 0 AND ? AND submitted_at BETWEEN 0 AND ? "
    "AND typeof(create_number) = 'integer' GROUP BY model"
)


def read_history(path: Path, endpoint: str) -> History | None:
    """What the runs in the ledger at this path were like; None where it is of another endpoint or cannot be read."""
    try:
        with _open(path) as db:
            known = db.execute("SELECT value FROM facts WHERE name = 'endpoint'").fetchone()
            return _history(db) if known is not None and known[0] == endpoint else None
    except LedgerError:
        return None


def find_take_of_run(path: Path, run_id: str) -> str | None:
    """The take that a run ID belongs to in the ledger at this path, None where it has no such run or cannot be read."""
    try:
        with _open(path) as db:
            row = db.execute("SELECT take_id FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    except LedgerError:
        return None
    return None if row is None else str(row[0])


def read_position(path: Path, number: int = LAST_LINE) -> JournalPosition:
    """The mark of the last line up to this number of the journal at this path, by default of the very last. Raises
    LedgerError."""
    with _open(path) as db:
        return position_of(RowReader(db).journal_line_up_to(number))


def read_run_ids(path: Path) -> frozenset[str]:
    """The IDs of the runs that the ledger at this path has, forgotten ones included. Raises LedgerError."""
    with _open(path) as db:
        return frozenset(row[0] for row in db.execute("SELECT run_id FROM runs WHERE run_id IS NOT NULL"))


def read_saved_files(path: Path) -> Mapping[str, Output]:
    """Every file that the ledger at this path has on record as saved, by its path. Raises LedgerError."""
    with _open(path) as db:
        rows = db.execute("SELECT run_key, number, url, path, bytes, sha256, moving_to, NULL FROM files").fetchall()
    return {output.path: output for output in map(parse_output, rows) if output.path is not None}


def read_known_ids(path: Path) -> KnownIds:
    """Every run and every create that the ledger at this path knows, or has ever known. Raises LedgerError.

    The journal counts, too: a run whose place the user gave to another by `resolve` is in no other table any more.
    """
    with _open(path) as db:
        rows = db.execute("SELECT run_id, create_id FROM runs").fetchall()
        lines = db.execute(
            "SELECT detail FROM journal "
            "WHERE what IN ('CreateStarted', 'RunCreated', 'RunNamed', 'PutBack', 'FilesSetAside')"
        ).fetchall()
    run_ids, create_ids = {row[0] for row in rows}, {row[1] for row in rows}
    for (line,) in lines:
        runs, creates = _ids_in(line)
        run_ids |= runs
        create_ids |= creates
    return KnownIds(frozenset(run_ids - {None}), frozenset(create_ids - {None}))


def _ids_in(line: str) -> tuple[set[str], set[str]]:
    """The runs and the creates that a line of the journal names."""
    try:
        detail = json.loads(line)
        run_ids = {detail.get("run_id"), *detail.get("run_ids", ())}
        return run_ids, {detail.get("create_id"), detail.get("create"), *detail.get("create_ids", ())}
    except (ValueError, TypeError, AttributeError):
        return set(), set()  # a line that nobody can read names nobody


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with translate_errors(path, UNTOUCHED), ExitStack() as stack:
        db = open_to_read(path, stack)
        check_version(db, path)
        yield db


def _history(db: sqlite3.Connection) -> History:
    """What its rows say, as far as they are well-typed: nobody has read this ledger whole. No text lies BETWEEN."""
    is_numbered = db.execute("PRAGMA user_version").fetchone()[0] >= SINCE_CREATE_NUMBERS
    costs = db.execute(
        _NEWEST_COSTS if is_numbered else _NEWEST_COSTS.replace("create_number", "key"),
        (MAX_COST_MICRO_USD, MAX_EPOCH_S),
    )
    durations = defaultdict(list)
    for model, at, duration_s in db.execute(
        "SELECT model, submitted_at, seconds FROM (SELECT model, submitted_at, completed_at - submitted_at AS seconds, "
        "ROW_NUMBER() OVER (PARTITION BY model ORDER BY submitted_at DESC) AS nth FROM runs WHERE state = 'succeeded' "
        "AND typeof(model) = 'text' AND submitted_at BETWEEN 0 AND ? AND completed_at BETWEEN 0 AND ? "
        "AND completed_at > submitted_at AND completed_at <= submitted_at + ?) "
        "WHERE nth <= ? ORDER BY submitted_at DESC",
        (MAX_EPOCH_S, MAX_EPOCH_S, LONGEST_S, NEWEST),
    ):
        durations[model].append(RunDuration(at, duration_s))
    return History(
        {model: (at, cost) for model, at, cost, _ in costs},
        {model: tuple(reversed(known)) for model, known in durations.items()},
    )

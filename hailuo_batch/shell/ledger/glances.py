"""A ledger looked into for one thing, without loading it: what its runs were like, and where its journal ends.

Nothing here writes. A ledger beside the one that matters may be damaged, foreign or newer: then it tells nothing, and
its own commands say why.
"""

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.core.experience import Experience
from hailuo_batch.core.traces import Names
from hailuo_batch.errors import LedgerError
from hailuo_batch.shell.ledger.opening import check_header, check_version, connect, explained

_NEWEST_RUNS = 1_000
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a journal ends: the number of its last line, and that line's SHA-256 in hex; 0 and empty before any.

    Every change of a take or a run is a line, and none is ever changed: a ledger with the same mark is the same.
    """

    number: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the journal: what happened to which take."""

    take_id: str
    what: str


def read_experience(path: Path, endpoint: str) -> Experience | None:
    """What the runs in the ledger at this path were like; None where it is of another endpoint or cannot be read."""
    try:
        with _reading(path) as db:
            known = db.execute("SELECT value FROM facts WHERE name = 'endpoint'").fetchone()
            return _experience(db) if known is not None and known[0] == endpoint else None
    except LedgerError:
        return None


def read_mark(path: Path, number: int = _LAST) -> Mark:
    """The mark of the last line up to this number, by default of the very last; an empty one where there is none.

    Raises LedgerError.
    """
    with _reading(path) as db:
        line = db.execute(
            "SELECT number, at, take_id, attempt, what, state, detail FROM journal WHERE number <= ? "
            "ORDER BY number DESC LIMIT 1",
            (number,),
        ).fetchone()
    return Mark() if line is None else Mark(line[0], hashlib.sha256(json.dumps(line).encode("utf-8")).hexdigest())


def read_changes(path: Path, after: int) -> tuple[Change, ...]:
    """What the journal tells after this number, oldest first. Raises LedgerError."""
    with _reading(path) as db:
        lines = db.execute("SELECT take_id, what FROM journal WHERE number > ? ORDER BY number", (after,)).fetchall()
    return tuple(Change(*line) for line in lines)


def read_run_ids(path: Path) -> frozenset[str]:
    """The IDs of the runs that the ledger at this path has, forgotten ones included. Raises LedgerError."""
    with _reading(path) as db:
        return frozenset(row[0] for row in db.execute("SELECT run_id FROM runs WHERE run_id IS NOT NULL"))


def read_names(path: Path) -> Names:
    """Every run and every create that the ledger at this path knows, or has ever known. Raises LedgerError.

    The journal counts, too: a run whose place the user gave to another by `resolve` is in no other table any more.
    """
    with _reading(path) as db:
        rows = db.execute("SELECT run_id, create_id FROM runs").fetchall()
        lines = db.execute(
            "SELECT detail FROM journal "
            "WHERE what IN ('CreateStarted', 'RunCreated', 'RunNamed', 'PutBack', 'FilesSetAside')"
        ).fetchall()
    run_ids, create_ids = {row[0] for row in rows}, {row[1] for row in rows}
    for (line,) in lines:
        runs, creates = _named_in(line)
        run_ids |= runs
        create_ids |= creates
    return Names(frozenset(run_ids - {None}), frozenset(create_ids - {None}))


def _named_in(line: str) -> tuple[set[str], set[str]]:
    """The runs and the creates that a line of the journal names."""
    try:
        detail = json.loads(line)
        run_ids = {detail.get("run_id"), *detail.get("run_ids", ())}
        return run_ids, {detail.get("create_id"), detail.get("create"), *detail.get("create_ids", ())}
    except (ValueError, TypeError, AttributeError):
        return set(), set()  # a line that nobody can read names nobody


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    check_header(path)
    with explained(path), closing(connect(path, "ro")) as db:
        check_version(db, path)
        yield db


def _experience(db: sqlite3.Connection) -> Experience:
    costs = db.execute(
        "SELECT model, COALESCE(submitted_at, 0.0), cost_micro_usd, MAX(COALESCE(submitted_at, 0.0)) FROM runs "
        "WHERE cost_micro_usd IS NOT NULL GROUP BY model"
    )
    durations = defaultdict(list)
    for model, duration_s in db.execute(
        "SELECT model, completed_at - submitted_at FROM runs WHERE state = 'succeeded' AND completed_at > submitted_at "
        "ORDER BY submitted_at DESC LIMIT ?",
        (_NEWEST_RUNS,),
    ):
        durations[model].append(duration_s)
    return Experience(
        {model: (at, cost) for model, at, cost, _ in costs},
        {model: tuple(known) for model, known in durations.items()},
    )

"""Real ledgers with little ceremony, and a second look at their tables past the program."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from hailuo_batch.adapters.ledger import Ledger, LedgerReader
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.runs import Run
from hailuo_batch.values import Take
from tests.helpers.snapshots import STARTED_AT

NAME = "spring-lamps"
ENDPOINT = "https://runbase.net/api/v1"
SUCCEEDED = ev.RunSucceeded(("https://runbase.net/files/generated/a.mp4",), 280_000, STARTED_AT, STARTED_AT + 90)
SAVED = ev.FileSaved(0, "hero.mp4", 1000, "ab" * 32)


def new_ledger(folder: Path) -> Path:
    """An empty ledger."""
    path = folder / f"{NAME}.db"
    Ledger.create(path, NAME, ENDPOINT, STARTED_AT)
    return path


class Opener(Protocol):
    """One of the two ways to open a ledger that exists."""

    def __call__(self, path: Path, campaign: str = NAME, endpoint: str = ENDPOINT) -> LedgerReader: ...


def open_ledger(path: Path, campaign: str = NAME, endpoint: str = ENDPOINT) -> Ledger:
    """Open to write."""
    return Ledger.open(path, campaign, endpoint, STARTED_AT)


def read_ledger(path: Path, campaign: str = NAME, endpoint: str = ENDPOINT) -> LedgerReader:
    """Open to read."""
    return Ledger.read(path, campaign, endpoint)


def request(ledger: Ledger, *takes: Take) -> tuple[Run, ...]:
    """Record the takes as wanted, each with an unsent attempt, as the plan of a new campaign does."""
    steps: list[st.LedgerChange] = []
    for position, take in enumerate(takes):
        steps += [st.WantTake(take, position), st.AddAttempt(take.id)]
    return ledger.carry_out(steps, STARTED_AT)


def create_run(ledger: Ledger, run: Run, run_id: str, cost: int | None = 280_000) -> Run:
    """Its create goes out and is answered."""
    ledger.record([(run.key, ev.CreateStarted(f"create-{run_id}"))], STARTED_AT)
    return ledger.record([(run.key, ev.RunCreated(run_id, cost))], STARTED_AT)[0]


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a person with the sqlite3 tool would see."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def journal_of(path: Path) -> list[tuple[Any, ...]]:
    """Every line of the journal: take ID, attempt, what happened, the run's state afterwards."""
    return query(path, "SELECT take_id, attempt, what, state FROM journal ORDER BY number")


@contextmanager
def no_room(ledger: Ledger) -> Iterator[None]:
    """The database itself may not grow by a page."""
    db = ledger._db
    before = db.execute("PRAGMA max_page_count").fetchone()[0]
    db.execute("PRAGMA max_page_count = 1")
    try:
        yield
    finally:
        db.execute(f"PRAGMA max_page_count = {before}")


def forget_variables(path: Path) -> None:
    """Make a closed ledger one of the third version, whose takes had no variables yet."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE takes DROP COLUMN variables_json")
        db.execute("ALTER TABLE runs DROP COLUMN api_key")
        db.execute("DROP TABLE api_keys")
        db.execute("DELETE FROM migrations WHERE version > 3")
        db.execute("PRAGMA user_version = 3")

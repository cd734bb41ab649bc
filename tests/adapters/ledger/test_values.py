"""Whatever one value of a ledger is, the ledger is refused in words or can be shown in full: nothing else is raised."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import LedgerReader
from hailuo_batch.errors import LedgerError
from hailuo_batch.report.model import build_report
from hailuo_batch.report.render_html import render_html
from hailuo_batch.report.render_json import render_json
from hailuo_batch.ui.ledger import export_document
from tests.helpers.ledgers import SAVED, SUCCEEDED, create_run, new_ledger, open_ledger, read_ledger, request
from tests.helpers.snapshots import STARTED_AT, take

TABLES = ("facts", "takes", "runs", "files", "journal")
VALUES = (
    *("NULL", "-1", "0", "7", "2.5", "1e30", "9e999", "9223372036854775807"),
    *("''", "'x'", "'{'", "'[]'", "'{}'", "'done'", "'succeeded'", "'1'", "'2025-01-01'"),
    *("x'00'", "CAST(x'ff' AS TEXT)", "char(0)", "char(27, 91)", "char(55357)"),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A ledger with something in every table, whose tables no longer refuse any value."""
    path = new_ledger(tmp_path_factory.mktemp("sound"))
    with open_ledger(path) as ledger:
        hero, teal = request(ledger, take("hero", tags=("lamp",)), take("teal"))
        create_run(ledger, teal, "run_2")
        create_run(ledger, hero, "run_1")
        ledger.record([(hero.key, SUCCEEDED), (hero.key, SAVED)], STARTED_AT)
        ledger.record_fact("replacement", '{"patterns": ["*"], "take_ids": ["hero"]}')
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for table in TABLES:
            db.execute(f"CREATE TABLE free AS SELECT * FROM {table}")
            db.execute(f"DROP TABLE {table}")
            db.execute(f"ALTER TABLE free RENAME TO {table}")
    with read_ledger(path) as ledger:
        show(ledger)
    return path.read_bytes()


def show(ledger: LedgerReader) -> None:
    with ledger.consistent_view():
        snapshot = ledger.snapshot()
        json.dumps(export_document(snapshot, ledger.journal(), STARTED_AT), allow_nan=False)
        ledger.position()
        ledger.entries_after(0)
    report = build_report(snapshot, generated_at=STARTED_AT)
    render_json(report)
    render_html(report)


def columns(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        for table in TABLES:
            yield from ((table, row[1]) for row in db.execute(f"PRAGMA table_info({table})"))


def test_any_value_in_any_column_is_refused_or_shown(sound: bytes, tmp_path: Path) -> None:
    path, refused = tmp_path / "spring-lamps.db", 0
    path.write_bytes(sound)
    for table, column in list(columns(path)):
        for value in VALUES:
            path.write_bytes(sound)
            with closing(sqlite3.connect(path)) as db:
                db.execute("PRAGMA synchronous = OFF")
                db.execute(f"UPDATE {table} SET {column} = {value} WHERE rowid = 1")
                db.commit()
            refusal = refusal_of(path, f"{table}.{column} = {value}")
            assert not refusal or path.name in refusal
            refused += bool(refusal)
    assert refused > 300


def refusal_of(path: Path, what: str) -> str:
    """What the user reads; empty where all of it can be shown."""
    try:
        with read_ledger(path) as ledger:
            show(ledger)
    except LedgerError as error:
        return str(error)
    except Exception as error:
        raise AssertionError(what) from error
    return ""

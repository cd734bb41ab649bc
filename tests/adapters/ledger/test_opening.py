"""A ledger's file is made whole or not at all, and never mistaken for what it is not."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.schema import APPLICATION_ID, VERSION
from hailuo_batch.core.model.events import RunStarted
from hailuo_batch.errors import ExitCode, LedgerError
from tests.helpers.full_disk import full_disk
from tests.helpers.ledgers import (
    ENDPOINT,
    NAME,
    Opener,
    create_run,
    new_ledger,
    open_ledger,
    query,
    read_ledger,
    request,
)
from tests.helpers.snapshots import STARTED_AT, take

OPENERS = pytest.mark.parametrize("use", [open_ledger, read_ledger])


def used_ledger(folder: Path) -> Path:
    """A ledger of one run, closed, big enough to be cut."""
    path = new_ledger(folder)
    with open_ledger(path) as ledger:
        runs = request(ledger, *(take(f"shot-{number}", prompt="a lamp " * 500) for number in range(20)))
        create_run(ledger, runs[0], "run_1")
    return path


def refusal_of(path: Path, use: Opener, campaign: str = NAME, endpoint: str = ENDPOINT) -> str:
    """What the user reads; the file must be left as it was."""
    before = path.read_bytes()
    with pytest.raises(LedgerError) as caught:
        use(path, campaign, endpoint)
    assert caught.value.exit_code is ExitCode.LEDGER
    assert path.read_bytes() == before
    assert str(path) in str(caught.value)
    return str(caught.value)


def set_pragma(path: Path, name: str, value: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA {name} = {value}")
        db.commit()


# --- making one ---


def test_a_new_ledger_is_empty_and_knows_its_campaign(tmp_path: Path) -> None:
    with read_ledger(new_ledger(tmp_path)) as ledger:
        snapshot = ledger.snapshot()
    assert (snapshot.campaign, snapshot.endpoint, snapshot.takes) == (NAME, ENDPOINT, ())
    assert snapshot.replacements == ()


def test_a_ledger_is_made_in_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    Ledger.create(tmp_path / "a" / "state" / "c.db", NAME, ENDPOINT, STARTED_AT)
    assert [file.name for file in (tmp_path / "a" / "state").iterdir()] == ["c.db"]


def test_a_ledger_that_exists_is_never_replaced(tmp_path: Path) -> None:
    path = used_ledger(tmp_path)
    before = path.read_bytes()
    with pytest.raises(LedgerError):
        Ledger.create(path, NAME, ENDPOINT, STARTED_AT)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_ledger_that_cannot_be_made_whole_is_not_there_at_all(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.db"
    with full_disk(), pytest.raises(LedgerError, match=path.name):
        Ledger.create(path, NAME, ENDPOINT, STARTED_AT)
    assert not path.exists()
    new_ledger(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_a_crash_left_of_a_new_ledger_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.db.new").write_bytes(b"half a ledger")
    (tmp_path / f".{NAME}.db.new-journal").write_bytes(b"half a journal")
    with open_ledger(new_ledger(tmp_path)) as ledger:
        assert ledger.snapshot().takes == ()


def test_two_first_applies_at_once_make_one_ledger(tmp_path: Path) -> None:
    path = new_ledger(tmp_path)
    with open_ledger(path) as ledger:
        (hero,) = request(ledger, take("hero"))
        with pytest.raises(LedgerError):
            new_ledger(tmp_path)
        assert create_run(ledger, hero, "run_1").run_id == "run_1"


# --- opening one ---


def test_opening_again_migrates_nothing(tmp_path: Path) -> None:
    path = used_ledger(tmp_path)
    with open_ledger(path) as ledger:
        assert len(ledger.snapshot().takes) == 20
    assert query(path, "SELECT version, applied_at FROM migrations") == [
        (number, STARTED_AT) for number in range(1, VERSION + 1)
    ]
    assert query(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert query(path, "PRAGMA user_version") == [(VERSION,)]


def test_every_commit_is_durable_and_readers_need_not_wait(tmp_path: Path) -> None:
    with open_ledger(new_ledger(tmp_path)) as ledger:
        pragmas = {
            name: ledger._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "fullfsync")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "fullfsync": 1}


def test_closing_leaves_one_file(tmp_path: Path) -> None:
    path = used_ledger(tmp_path)
    with read_ledger(path) as reader:
        reader.snapshot()
    with open_ledger(path) as ledger:
        request(ledger, take("one-more"))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_a_killed_apply_committed_is_there(tmp_path: Path) -> None:
    path = new_ledger(tmp_path)
    with open_ledger(path) as ledger:
        (hero,) = request(ledger, take("hero"))
        create_run(ledger, hero, "run_1")
        killed = tmp_path / "killed"
        killed.mkdir()
        for file in tmp_path.glob(f"{NAME}.db*"):
            shutil.copy(file, killed)
    with open_ledger(killed / path.name) as ledger:
        assert [run.run_id for run in ledger.snapshot().runs] == ["run_1"]


# --- refusing one ---


@OPENERS
def test_a_missing_ledger_is_not_an_empty_one(tmp_path: Path, use: Opener) -> None:
    path = tmp_path / f"{NAME}.db"
    with pytest.raises(LedgerError, match=r"cannot be read \(No such file or directory\)\. Nothing was sent"):
        use(path)
    assert not path.exists()


@OPENERS
@pytest.mark.parametrize(
    "content",
    [b"", b"SQLite format", b"\0" * 8192, b"campaign: spring-lamps\n" * 300],
    ids=["zero", "cut", "0s", "text"],
)
def test_what_is_no_database_is_damaged_and_left_alone(tmp_path: Path, use: Opener, content: bytes) -> None:
    path = tmp_path / f"{NAME}.db"
    path.write_bytes(content)
    text = refusal_of(path, use)
    assert "damaged" in text
    assert "state restore" in text
    assert "Nothing was sent" in text


@pytest.mark.parametrize("kept", [100, 4096, 3 * 4096, -4096])
def test_a_truncated_ledger_is_damaged_and_left_alone(tmp_path: Path, kept: int) -> None:
    path = used_ledger(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    assert "damaged" in refusal_of(path, open_ledger)


@pytest.mark.parametrize("seed", range(4))
def test_a_ledger_with_garbage_in_its_pages_is_damaged_and_left_alone(tmp_path: Path, seed: int) -> None:
    path = used_ledger(tmp_path)
    content = bytearray(path.read_bytes())
    at = 4096 * (1 + seed)
    content[at : at + 4096] = bytes((seed + number * 7) % 256 for number in range(4096))
    path.write_bytes(content)
    assert "damaged" in refusal_of(path, open_ledger)


def test_of_a_ledger_that_is_damaged_while_it_is_in_use_nobody_states_that_nothing_was_sent(tmp_path: Path) -> None:
    path = used_ledger(tmp_path)
    with open_ledger(path) as ledger:
        (hero, *_) = ledger.snapshot().runs
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE runs SET state = 'su9ceeded'")
            db.commit()
        with pytest.raises(LedgerError) as caught:
            ledger.record([(hero.key, RunStarted())], STARTED_AT)
    text = str(caught.value)
    assert "damaged" in text
    assert "state restore" in text
    assert "Nothing was sent" not in text
    assert "not touched" not in text


@OPENERS
def test_another_programs_database_is_left_alone(tmp_path: Path, use: Opener) -> None:
    path = tmp_path / f"{NAME}.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
        db.commit()
    assert "database of another program" in refusal_of(path, use)


@OPENERS
def test_a_newer_ledger_is_left_alone(tmp_path: Path, use: Opener) -> None:
    path = used_ledger(tmp_path)
    set_pragma(path, "user_version", VERSION + 1)
    assert "Upgrade hailuo-batch" in refusal_of(path, use)


@OPENERS
def test_the_ledger_of_another_campaign_is_left_alone(tmp_path: Path, use: Opener) -> None:
    text = refusal_of(used_ledger(tmp_path), use, campaign="autumn")
    assert "'spring-lamps', not of 'autumn'" in text


@OPENERS
def test_the_ledger_of_another_endpoint_is_left_alone(tmp_path: Path, use: Opener) -> None:
    text = refusal_of(used_ledger(tmp_path), use, endpoint="http://127.0.0.1:8080/api/v1")
    assert ENDPOINT in text
    assert "http://127.0.0.1:8080/api/v1" in text
    assert "RUNBASE_BASE_URL" in text


def test_a_folder_in_the_ledgers_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.db"
    path.mkdir()
    with pytest.raises(LedgerError, match="not a regular file"):
        open_ledger(path)


def test_a_ledger_on_a_disk_that_cannot_be_written_reports_it(tmp_path: Path) -> None:
    path = used_ledger(tmp_path)
    before = path.read_bytes()
    with full_disk(), pytest.raises(LedgerError, match="cannot be used"), open_ledger(path) as ledger:
        request(ledger, take("hero"))
    assert path.read_bytes() == before


def test_a_ledger_is_healthy_again_after_a_refused_opening(tmp_path: Path) -> None:
    path = used_ledger(tmp_path)
    refusal_of(path, open_ledger, campaign="autumn")
    with open_ledger(path) as ledger:
        assert len(ledger.snapshot().takes) == 20

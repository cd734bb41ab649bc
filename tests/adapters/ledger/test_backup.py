"""A backup is whole or not there, and putting it back destroys nothing that lies in its place."""

import errno
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger, find_take_of_run, restore_backup, set_ledger_aside
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import LedgerError
from tests.helpers.full_disk import full_disk
from tests.helpers.ledgers import create_run, new_ledger, open_ledger, read_ledger, request
from tests.helpers.snapshots import take


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(new_ledger(tmp_path)) as opened:
        yield opened


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "spring-lamps.db.bak"


def as_restored(snapshot: Snapshot) -> Snapshot:
    """What a backup says: the same, and that files may have been renamed since."""
    return replace(snapshot, restored=True)


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_backup_holds_the_ledger_at_that_moment(ledger: Ledger, backup: Path) -> None:
    hero, teal = request(ledger, take("hero"), take("teal"))
    create_run(ledger, hero, "run_1")
    then = ledger.snapshot()
    ledger.back_up(backup)
    create_run(ledger, teal, "run_2")
    with read_ledger(backup) as copy:
        assert copy.snapshot() == as_restored(then)


def test_a_backup_is_one_file(ledger: Ledger, backup: Path) -> None:
    request(ledger, take("hero"))
    ledger.back_up(backup)
    assert {name for name in names(backup.parent) if "bak" in name} == {backup.name}


def test_a_newer_backup_takes_the_place_of_the_older(ledger: Ledger, backup: Path) -> None:
    ledger.back_up(backup)
    request(ledger, take("hero"))
    ledger.back_up(backup)
    with read_ledger(backup) as copy:
        assert copy.snapshot() == as_restored(ledger.snapshot())


def test_a_backup_that_cannot_be_made_leaves_the_older_one(ledger: Ledger, backup: Path) -> None:
    ledger.back_up(backup)
    before = backup.read_bytes()
    request(ledger, take("hero"))
    with full_disk(), pytest.raises(LedgerError):
        ledger.back_up(backup)
    assert backup.read_bytes() == before
    ledger.back_up(backup)
    assert backup.read_bytes() != before


def test_what_a_crash_left_of_a_backup_is_no_obstacle(ledger: Ledger, backup: Path) -> None:
    request(ledger, take("hero"))
    (backup.parent / f".{backup.name}.new").write_bytes(b"half a backup")
    ledger.back_up(backup)
    with read_ledger(backup) as copy:
        assert copy.snapshot() == as_restored(ledger.snapshot())


def test_a_restored_backup_takes_nothing_over_from_the_ledger_it_replaces(tmp_path: Path, backup: Path) -> None:
    path = new_ledger(tmp_path)
    killed = tmp_path / "killed"
    with open_ledger(path) as ledger:
        hero, teal = request(ledger, take("hero"), take("teal"))
        create_run(ledger, hero, "run_1")
        ledger.back_up(backup)
        backed_up = ledger.snapshot()
        create_run(ledger, teal, "run_2")
        shutil.copytree(tmp_path, killed)
    path = killed / path.name
    assert Path(f"{path}-wal").stat().st_size > 0
    aside = set_ledger_aside(path)
    assert aside is not None
    restore_backup(backup, path)
    with open_ledger(path) as ledger:
        assert ledger.snapshot() == as_restored(backed_up)
    with read_ledger(aside) as old:
        assert [run.run_id for run in old.snapshot().runs] == ["run_1", "run_2"]


def test_a_ledger_is_never_set_aside_onto_another(tmp_path: Path) -> None:
    first = set_ledger_aside(new_ledger(tmp_path))
    second = set_ledger_aside(new_ledger(tmp_path))
    assert first is not None
    assert second is not None
    assert names(tmp_path) == {first.name, second.name}
    assert len(names(tmp_path)) == 2


def test_cut_off_while_it_is_set_aside_no_older_ledger_is_left_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = new_ledger(tmp_path)
    path.with_name(f"{path.name}-wal").write_bytes(b"what was committed last")
    rename = Path.rename
    renamed: list[Path] = []

    def cut_off(self: Path, target: Path) -> Path:
        if renamed:
            raise OSError(errno.EIO, "cut off")
        renamed.append(self)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", cut_off)
    with pytest.raises(LedgerError):
        set_ledger_aside(path)
    assert not path.exists()


def test_a_log_that_was_left_alone_is_never_set_aside_onto_another(tmp_path: Path) -> None:
    log = tmp_path / "spring-lamps.db-wal"
    for content in (b"first", b"second"):
        log.write_bytes(content)
        set_ledger_aside(tmp_path / "spring-lamps.db")
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"first", b"second"}


def test_where_there_is_no_ledger_nothing_is_set_aside(tmp_path: Path) -> None:
    assert set_ledger_aside(tmp_path / "spring-lamps.db") is None


def test_restoring_never_replaces_a_ledger(ledger: Ledger, backup: Path) -> None:
    ledger.back_up(backup)
    request(ledger, take("hero"))
    before = ledger.snapshot()
    with pytest.raises(LedgerError, match="there is a ledger already"):
        restore_backup(backup, ledger.path)
    assert ledger.snapshot() == before


@pytest.mark.parametrize("kept", [0, 50, 4096])
def test_a_damaged_backup_is_not_restored(ledger: Ledger, backup: Path, tmp_path: Path, kept: int) -> None:
    request(ledger, *(take(f"shot-{number}") for number in range(30)))
    ledger.back_up(backup)
    backup.write_bytes(backup.read_bytes()[:kept])
    with pytest.raises(LedgerError, match="damaged"):
        restore_backup(backup, tmp_path / "restored.db")
    assert not (tmp_path / "restored.db").exists()


def test_restoring_onto_a_full_disk_leaves_nothing(ledger: Ledger, backup: Path, tmp_path: Path) -> None:
    ledger.back_up(backup)
    with full_disk(), pytest.raises(LedgerError):
        restore_backup(backup, tmp_path / "restored.db")
    assert not (tmp_path / "restored.db").exists()
    restore_backup(backup, tmp_path / "restored.db")
    assert (tmp_path / "restored.db").exists()


def test_a_run_is_found_in_a_ledger_by_its_id(ledger: Ledger, tmp_path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    create_run(ledger, hero, "run_1")
    assert find_take_of_run(ledger.path, "run_1") == "hero"
    assert find_take_of_run(ledger.path, "run_2") is None
    assert find_take_of_run(tmp_path / "missing.db", "run_1") is None
    (tmp_path / "damaged.db").write_bytes(b"")
    assert find_take_of_run(tmp_path / "damaged.db", "run_1") is None

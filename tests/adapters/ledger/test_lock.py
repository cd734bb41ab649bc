"""The campaign's lock, between real processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import lock as lock_module
from hailuo_batch.adapters.ledger.lock import CampaignLock, LockHolder, find_holder
from hailuo_batch.errors import BusyError, ExitCode, LedgerError
from tests.helpers.timeouts import TEST_TIMEOUT_S

HOLD = """
import sys
from pathlib import Path
from hailuo_batch.adapters.ledger.lock import CampaignLock, LockHolder
guard = Path(sys.argv[2]) if sys.argv[2:] else None
with CampaignLock(Path(sys.argv[1]), LockHolder.this_process("apply", 5.0), guard) as lock:
    lock.acquire_guard()
    print("held", flush=True)
    sys.stdin.read()
"""
ME = LockHolder.this_process("apply", 1.0)


@contextmanager
def another_process_holding(*paths: Path) -> Iterator[subprocess.Popen[str]]:
    """The lock, and its guard if one is given."""
    command = [sys.executable, "-c", HOLD, *map(str, paths)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_refused_at_once_with_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "c.lock"
    with another_process_holding(path) as holder:
        with pytest.raises(
            BusyError, match=rf"hailuo-batch apply \(process {holder.pid}\) is running on this campaign"
        ) as caught:
            CampaignLock(path, ME).acquire()
        assert caught.value.exit_code is ExitCode.BUSY


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    with another_process_holding(path) as holder:
        holder.kill()
        holder.wait()
        with CampaignLock(path, ME):
            assert find_holder(path) == ME


def test_the_file_is_never_deleted(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    with CampaignLock(path, ME):
        before = path.stat().st_ino
    assert path.stat().st_ino == before
    assert json.loads(path.read_text())["pid"] == ME.pid


def test_a_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    lock = CampaignLock(path, ME)
    assert find_holder(path) is None
    lock.acquire()
    assert find_holder(path) == ME
    lock.release()
    lock.release()
    assert find_holder(path) is None


def test_looking_makes_no_file(tmp_path: Path) -> None:
    assert find_holder(tmp_path / "c.lock") is None
    assert list(tmp_path.iterdir()) == []


def test_readers_who_look_all_the_time_do_not_keep_a_writer_out(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    path.touch()
    look = f"""
from pathlib import Path
from hailuo_batch.adapters.ledger.lock import find_holder
print("looking", flush=True)
while True:
    find_holder(Path({str(path)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", look], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "looking\n"
        try:
            for _ in range(300):
                with CampaignLock(path, ME):
                    assert path.exists()
        finally:
            reader.kill()


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"pid": "1"}', '{"pid": -4, "host": "\\u001b[2J"}'])
def test_a_damaged_note_names_nobody_but_the_lock_still_counts(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.lock"
    with another_process_holding(path):
        path.write_text(content)
        assert find_holder(path) == LockHolder()
        with pytest.raises(BusyError, match="another process is running on this campaign"):
            CampaignLock(path, ME).acquire()


def test_a_holder_on_another_machine_is_named_with_it() -> None:
    assert str(LockHolder(12, "far-away", "apply", 0.0)) == "hailuo-batch apply (process 12 on far-away)"


def test_a_folder_that_cannot_be_made_is_a_ledger_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(LedgerError, match="a file in the place of the state folder"):
        CampaignLock(tmp_path / "state" / "c.lock", ME).acquire()


# --- waiting for it ---


def test_a_lock_that_is_waited_for_is_had_once_its_holder_ends_and_the_wait_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    holders: list[LockHolder] = []
    with another_process_holding(path) as holder:

        def waiting(whom: LockHolder) -> None:
            holders.append(whom)
            holder.kill()

        lock = CampaignLock(path, ME)
        assert lock.acquire(TEST_TIMEOUT_S, waiting)
        assert find_holder(path) == ME
        lock.release()
    assert [whom.pid for whom in holders] == [holder.pid]


def test_a_lock_that_is_free_is_had_without_a_wait(tmp_path: Path) -> None:
    lock = CampaignLock(tmp_path / "c.lock", ME)
    assert not lock.acquire(TEST_TIMEOUT_S)
    lock.release()


def test_after_the_time_that_was_given_the_holder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    holders: list[LockHolder] = []
    with another_process_holding(path) as holder, pytest.raises(BusyError, match=f"process {holder.pid}"):
        CampaignLock(path, ME).acquire(0.5, holders.append)
    assert len(holders) == 1


# --- a lock's file that is deleted, and what is no lock of ours ---


def test_the_guard_holds_where_the_locks_file_was_deleted(tmp_path: Path) -> None:
    path, guard = tmp_path / "c.lock", tmp_path / "c.receipts.jsonl"
    with another_process_holding(path, guard):
        path.unlink()
        with pytest.raises(BusyError, match="another process is running on this campaign"):
            CampaignLock(path, ME, guard).acquire()
        assert find_holder(path, guard) == LockHolder()
    with CampaignLock(path, ME, guard):
        assert find_holder(path, guard) == ME
    assert find_holder(path, guard) is None


def test_two_that_both_came_in_before_there_was_a_guard_do_not_both_get_it(tmp_path: Path) -> None:
    path, guard = tmp_path / "c.lock", tmp_path / "c.receipts.jsonl"
    first, second = CampaignLock(path, ME, guard), CampaignLock(path, ME, guard)
    first.acquire()
    path.unlink()
    second.acquire()
    first.acquire_guard()
    with pytest.raises(BusyError):
        second.acquire_guard()
    first.release()
    second.acquire_guard()
    second.release()


def test_a_guard_that_was_set_aside_is_held_again_under_its_name(tmp_path: Path) -> None:
    path, guard = tmp_path / "c.lock", tmp_path / "c.receipts.jsonl"
    guard.write_text("a receipt\n")
    with CampaignLock(path, ME, guard) as lock:
        guard.rename(tmp_path / "aside")
        lock.acquire_guard()
        path.unlink()
        with pytest.raises(BusyError):
            CampaignLock(path, ME, guard).acquire()
    assert (tmp_path / "aside").read_text() == "a receipt\n"
    assert guard.read_text() == ""


def test_looking_for_the_lock_makes_no_guard(tmp_path: Path) -> None:
    path, guard = tmp_path / "c.lock", tmp_path / "c.receipts.jsonl"
    with CampaignLock(path, ME, guard):
        assert not guard.exists()
    assert find_holder(path, guard) is None
    assert not guard.exists()


def test_a_lock_whose_file_is_deleted_between_opening_and_locking_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.lock"
    lock_alone, locked = lock_module._try_lock_exclusive, list[int]()

    def delete_first(file: int) -> bool:
        if not locked:
            path.unlink()
        locked.append(file)
        return lock_alone(file)

    monkeypatch.setattr(lock_module, "_try_lock_exclusive", delete_first)
    with CampaignLock(path, ME):
        assert find_holder(path) == ME
    assert len(locked) == 2


@pytest.mark.parametrize("what", ["link", "dangling link", "FIFO", "folder"])
@pytest.mark.parametrize("name", ["c.lock", "c.receipts.jsonl"])
def test_what_is_no_regular_file_is_refused_and_left_as_it_is(tmp_path: Path, what: str, name: str) -> None:
    decoy = tmp_path / "decoy"
    path = tmp_path / "state" / name
    path.parent.mkdir()
    match what:
        case "link":
            decoy.write_text("precious")
            path.symlink_to(decoy)
        case "dangling link":
            path.symlink_to(decoy)
        case "FIFO":
            os.mkfifo(path)
        case _:
            path.mkdir()
    lock = CampaignLock(tmp_path / "state" / "c.lock", ME, tmp_path / "state" / "c.receipts.jsonl")
    with pytest.raises(LedgerError, match=f"{name}: the campaign cannot be locked"):
        lock.acquire()
    assert decoy.exists() is (what == "link")
    assert not decoy.exists() or decoy.read_text() == "precious"
    find_holder(path)  # which neither follows nor waits


@pytest.mark.parametrize("content", ["precious", "[]", '{"people": 3}', "#!/bin/sh\n"])
def test_a_file_that_we_have_not_written_is_not_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.lock"
    path.write_text(content)
    with pytest.raises(LedgerError, match="did not write"):
        CampaignLock(path, ME).acquire()
    assert path.read_text() == content
    assert find_holder(path) is None


@pytest.mark.parametrize("content", ["", "\0\0\0\0", '{"p', '{"pid": 4, "ho', '{"pid": 4, "host": "h"}\n'])
def test_a_note_of_ours_that_was_cut_short_is_no_obstacle(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.lock"
    path.write_text(content)
    with CampaignLock(path, ME):
        assert find_holder(path) == ME

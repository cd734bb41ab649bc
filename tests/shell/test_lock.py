"""The campaign's lock, between real processes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.shell.lock import Holder, Lock, find_holder

HOLD = """
import sys
from pathlib import Path
from hailuo_batch.shell.lock import Holder, Lock
with Lock(Path(sys.argv[1]), Holder.this_process("apply", 5.0)):
    print("held", flush=True)
    sys.stdin.read()
"""
ME = Holder.this_process("apply", 1.0)


@contextmanager
def another_process_holding(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_refused_at_once_and_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "c.lock"
    with another_process_holding(path) as holder:
        with pytest.raises(LedgerError, match=rf"hailuo-batch apply \(process {holder.pid}\) is at work") as caught:
            Lock(path, ME).acquire()
        assert caught.value.exit_code is ExitCode.LEDGER


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    with another_process_holding(path) as holder:
        holder.kill()
        holder.wait()
        with Lock(path, ME):
            assert find_holder(path) == ME


def test_the_file_is_never_deleted(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    with Lock(path, ME):
        before = path.stat().st_ino
    assert path.stat().st_ino == before
    assert json.loads(path.read_text())["pid"] == ME.pid


def test_a_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "c.lock"
    lock = Lock(path, ME)
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
from hailuo_batch.shell.lock import find_holder
print("looking", flush=True)
while True:
    find_holder(Path({str(path)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", look], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "looking\n"
        try:
            for _ in range(300):
                with Lock(path, ME):
                    assert path.exists()
        finally:
            reader.kill()


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"pid": "1"}', '{"pid": -4, "host": "\\u001b[2J"}'])
def test_a_damaged_note_names_nobody_but_the_lock_still_counts(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.lock"
    with another_process_holding(path):
        path.write_text(content)
        assert find_holder(path) == Holder()
        with pytest.raises(LedgerError, match="another process is at work"):
            Lock(path, ME).acquire()


def test_a_holder_on_another_machine_is_named_with_it() -> None:
    assert str(Holder(12, "far-away", "apply", 0.0)) == "hailuo-batch apply (process 12 on far-away)"


def test_a_folder_that_cannot_be_made_is_a_ledger_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(LedgerError, match="cannot be locked"):
        Lock(tmp_path / "state" / "c.lock", ME).acquire()

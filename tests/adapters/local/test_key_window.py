"""The file through which processes share a key's window: what one holds the others see, and all goes on without it."""

import fcntl
import json
import os
import secrets
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hailuo_batch.adapters.local.key_window import KeyWindow, is_alive, name_of_process
from hailuo_batch.core.scheduling.shared_window import Holding
from tests.helpers.timeouts import wait_until

NOW, WINDOW_S = 1000.0, 10.0
MINE = Holding(((NOW + 5.0, 3),), under_way=2, taken_at=NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "hailuo-batch" / "window-0.json"


def window(path: Path, name: str = "one", boot: str = "now") -> KeyWindow:
    return KeyWindow(path, WINDOW_S, name=name, boot=boot, is_alive=lambda *_: True)


def take_turn(shared: KeyWindow, mine: Holding = MINE, now: float = NOW) -> tuple[Holding, ...] | None:
    others = shared.open(now)
    shared.close(mine)
    return others


def test_what_one_holds_the_others_see_and_itself_does_not(path: Path) -> None:
    one, other = window(path), window(path, "other")
    assert take_turn(one) == ()
    assert take_turn(other, Holding()) == (MINE,)
    assert take_turn(one) == ()


def test_what_a_process_held_stays_known_when_it_is_gone(path: Path) -> None:
    one = window(path)
    take_turn(one)
    one.leave()
    assert take_turn(window(path, "next")) == (MINE,)


def test_what_a_process_that_has_ended_left_under_way_comes_back_a_window_later(path: Path) -> None:
    take_turn(window(path))
    later = KeyWindow(path, WINDOW_S, name="later", boot="now", is_alive=lambda *_: False)
    assert later.open(NOW + 1.0) == (MINE.after_exit(NOW + 1.0, WINDOW_S),)


def test_the_file_and_its_folder_are_for_the_user_alone(path: Path) -> None:
    take_turn(window(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_while_another_has_its_turn_there_is_none(path: Path) -> None:
    one, other = window(path), window(path, "other")
    one.open(NOW)
    assert other.open(NOW) is None
    one.close(MINE)
    assert other.open(NOW) == (MINE,)


def test_a_turn_that_never_ends_is_not_waited_for(path: Path) -> None:
    stuck, other = window(path), window(path, "other")
    stuck.open(NOW)
    assert other.open(NOW) is None
    assert other.open(NOW + 1.0) == ()
    assert "locked" in other.trouble
    other.close(MINE)
    stuck.close(Holding())
    assert take_turn(other, now=NOW + 12.0) is not None
    assert other.trouble == ""


def test_a_file_that_is_taken_away_is_made_anew(path: Path) -> None:
    one, other = window(path), window(path, "other")
    take_turn(one)
    path.unlink()
    assert take_turn(other, Holding()) == ()
    assert take_turn(one) == ()
    assert take_turn(other) == (MINE,)


def test_what_another_boot_left_is_nothing(path: Path) -> None:
    take_turn(window(path))
    assert take_turn(window(path, "other", boot="later")) == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, b"{", b"[" * 50_000, b"x" * (1 << 20), json.dumps({"version": 99}).encode()],
    ids=["empty", "zeros", "cut", "deep", "huge", "of another version"],
)
def test_a_damaged_file_holds_nothing_and_is_mended(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert take_turn(window(path)) == ()
    assert take_turn(window(path, "other")) == (MINE,)


def make_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def make_lone_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("no folder")


@pytest.mark.parametrize("spoil", [Path.mkdir, os.mkfifo, make_link, make_lone_file])
def test_where_no_file_can_be_had_the_process_is_alone(path: Path, spoil: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True)
    spoil(path)
    shared = window(path)
    assert take_turn(shared) == ()
    assert shared.trouble != ""
    assert take_turn(shared, now=NOW + 1.0) == ()
    assert not (path.parent / "elsewhere").exists()


def test_a_file_that_cannot_be_written_leaves_the_process_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    shared = window(path)
    assert take_turn(shared) == ()
    assert shared.trouble == "No space left on device"
    assert take_turn(window(path, "other")) == ()


def test_a_turn_leaves_the_lock_free(path: Path) -> None:
    take_turn(window(path))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.fixture
def file(path: Path) -> Iterator[int]:
    """The window's file, as a process has it open that looks for another one."""
    take_turn(window(path), Holding())
    with path.open("r+b") as opened:
        yield opened.fileno()


def test_a_process_is_alive_for_as_long_as_it_has_the_file_open(path: Path, file: int) -> None:
    name = name_of_process("0123456789abcdef")
    one = window(path, name)
    assert not is_alive(file, name)
    take_turn(one)
    assert is_alive(file, name)
    assert not is_alive(file, name_of_process("fedcba9876543210"))
    one.leave()
    assert not is_alive(file, name)


def test_a_process_that_makes_the_file_again_is_alive_there(path: Path) -> None:
    name = name_of_process("0123456789abcdef")
    one = window(path, name)
    take_turn(one)
    path.unlink()
    take_turn(one)
    with path.open("r+b") as file:
        assert is_alive(file.fileno(), name)


def test_a_process_of_an_earlier_version_is_alive_until_it_ends(file: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = f"{process.pid}-abc"
    assert is_alive(file, name)
    process.communicate(b"\n")
    assert not is_alive(file, name)


@pytest.mark.parametrize(
    "name", ["", "-", "abc", "0-a", "-1-a", "9" * 40, "²-a", "locks-", "locks-xyz", "locks-" + "g" * 16]
)
def test_of_a_name_that_is_none_nobody_knows_that_it_has_ended(file: int, name: str) -> None:
    assert is_alive(file, name)


TAKES_ALL_AND_IS_KILLED = """
import os, signal, sys, time
from pathlib import Path
from hailuo_batch.core.scheduling.shared_window import Holding
from hailuo_batch.adapters.local.key_window import KeyWindow, name_of_process
assert os.getpid() == 1
window = KeyWindow(Path(sys.argv[1]), 10.0, name=name_of_process(sys.argv[2]), boot="")
while window.open(time.monotonic()) is None:
    time.sleep(0.01)
assert not window.trouble, window.trouble
window.close(Holding(under_way=20, taken_at=time.monotonic()))
print("holds", flush=True)
input()
"""
LOOKS = """
import os, sys, time
from pathlib import Path
from hailuo_batch.core.scheduling.shared_window import Holding
from hailuo_batch.adapters.local.key_window import KeyWindow, name_of_process
assert os.getpid() == 1
window = KeyWindow(Path(sys.argv[1]), 10.0, name=name_of_process(sys.argv[2]), boot="")
while (others := window.open(time.monotonic())) is None:
    time.sleep(0.01)
assert not window.trouble, window.trouble
print(sum(other.under_way for other in others))
"""
APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def places_seen(path: Path) -> int:
    """How many places one more process of its own PID namespace sees held by requests under way."""
    # each under a name of its own: the kernel may give back what the last one held only a moment after it has ended
    command = [*APART, sys.executable, "-c", LOOKS, str(path), secrets.token_hex(8)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(
    subprocess.run([*APART, "true"], capture_output=True, check=False).returncode != 0,
    reason="no PID namespaces may be made here",
)
def test_a_container_that_was_killed_holds_no_places_and_one_at_work_does(path: Path) -> None:
    """Each is process 1 of its own, and all share one home."""
    held = [
        subprocess.Popen(
            [*APART, sys.executable, "-c", TAKES_ALL_AND_IS_KILLED, str(path), token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for token in (f"{number:016x}" for number in range(3))
    ]
    try:
        for process in held:
            assert process.stdout is not None
            assert process.stdout.readline() == "holds\n"
        for process in held[1:]:
            process.kill()  # of `unshare`, with which its child is killed: in a moment
        wait_until(lambda: places_seen(path) <= 20)
        assert places_seen(path) == 20
    finally:
        for process in held:
            process.kill()
            process.communicate()

"""The state folder removed, moved or replaced under an apply that creates: noticed before the next create."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ApiResponse
from tests.helpers.command_line import UNCAPPED, Shell

TAKES = 60
BEFORE = 5
MANY = UNCAPPED.replace("takes: 2", f"takes: {TAKES - 1}")


@contextmanager
def at_create(api: SandboxServer, number: int, happens: Callable[[], object]) -> Iterator[None]:
    """As this create arrives, something happens, before it is answered."""
    honest, lock, creates = api.create, threading.Lock(), [0]

    def create(key: str | None, body: bytes) -> ApiResponse:
        with lock:
            creates[0] += 1
            if creates[0] == number:
                happens()
        return honest(key, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "create", create)
        yield


def remove(shell: Shell) -> None:
    shutil.rmtree(shell.state)


def move(shell: Shell) -> None:
    shell.state.rename(shell.workspace / "moved")


def replace(shell: Shell) -> None:
    """As a sync tool does: another copy is put in each file's place."""
    for path in list(shell.state.iterdir()):
        copy = path.with_name(f"{path.name}.copy")
        shutil.copy(path, copy)
        copy.replace(path)


def remove_one(name: str) -> Callable[[Shell], None]:
    return lambda shell: (shell.state / name).unlink()


VANISHING: dict[str, Callable[[Shell], None]] = {
    "the folder is removed": remove,
    "the folder is moved": move,
    "every file is replaced by a copy": replace,
    "the ledger is removed": remove_one("lamps.db"),
    "the ledger's log is removed": remove_one("lamps.db-wal"),
    "the receipts are removed": remove_one("lamps.receipts.jsonl"),
    "the lock is removed": remove_one("lamps.lock"),
}


@pytest.mark.parametrize("what", VANISHING)
@pytest.mark.few(2)
def test_nothing_more_is_paid_for_and_what_was_is_named(shell: Shell, api: SandboxServer, what: str) -> None:
    shell.write(MANY)
    with at_create(api, BEFORE, lambda: VANISHING[what](shell)):
        ended = shell("apply")
    err = " ".join(ended.err.split())
    assert ended.code is ExitCode.LEDGER, err
    assert BEFORE <= len(api.world.created) < TAKES / 2
    assert "it was removed, moved or replaced while this was at work" in err
    assert "Nothing is paid for while it cannot be recorded" in err
    assert "Traceback" not in err
    report = (shell.outputs / "report.json").read_text()
    for run_id in api.world.created:
        assert run_id in report  # what was under way was still collected


@pytest.mark.parametrize("what", ["the folder is removed", "the folder is moved"])
def test_runs_that_no_file_knows_any_more_are_on_the_screen(shell: Shell, api: SandboxServer, what: str) -> None:
    shell.write(MANY)
    with at_create(api, BEFORE, lambda: VANISHING[what](shell)):
        err = " ".join(shell("apply").err.split())
    videos = {path.stem for path in shell.outputs.glob("*.mp4")}
    assert len(videos) == len(api.world.created)
    assert "in none of these files any more: hero" in err
    assert any(f" is {run_id}" in err for run_id in api.world.created)


@pytest.mark.parametrize("what", ["the ledger is removed", "the ledger's log is removed", "the receipts are removed"])
@pytest.mark.few(1)
def test_where_one_of_them_is_left_nothing_is_paid_twice(shell: Shell, api: SandboxServer, what: str) -> None:
    shell.write(MANY)
    with at_create(api, BEFORE, lambda: VANISHING[what](shell)):
        assert "in none of these files" not in shell("apply").err
    if not (shell.state / "lamps.db").exists():
        assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES


def test_moved_back_all_of_it_is_there(shell: Shell, api: SandboxServer) -> None:
    shell.write(MANY)
    with at_create(api, BEFORE, lambda: move(shell)):
        assert shell("apply").code is ExitCode.LEDGER
    (shell.workspace / "moved").rename(shell.state)
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES


def test_it_is_noticed_too_where_no_create_follows(shell: Shell, api: SandboxServer) -> None:
    with at_create(api, 1, lambda: remove(shell)):
        ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.LEDGER
    assert "it was removed, moved or replaced" in " ".join(ended.err.split())
    assert (shell.outputs / "desk.mp4").exists()

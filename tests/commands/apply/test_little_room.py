"""A disk that is nearly full: said before anything is paid for, and what is paid for is saved as far as it fits.

The disks here are real ones, a few megabytes large.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world.answers import ApiResponse
from tests.helpers import http
from tests.helpers.command_line import LAMPS, Shell, state_of
from tests.helpers.http import Act, LoopbackServer, Peer, Request
from tests.helpers.misbehaving_api import files_at
from tests.helpers.mp4 import clip
from tests.helpers.small_disk import fill, small_disk

FIVE = LAMPS.replace("takes: 2", "takes: 4")
MB = 1 << 20


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hailuo_batch.core.engine.download_queue.RETRY_PAUSES_S", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    )


@pytest.fixture
def small(shell: Shell) -> Iterator[Path]:
    """The outputs lie on a disk of 30 MB."""
    shell.write(FIVE)
    with small_disk(shell.workspace / "outputs") as disk:
        yield disk


def once(first: Act, *, then: Act) -> Act:
    """An act for the first request that comes, and another for all that follow."""
    acts = itertools.chain([first], itertools.repeat(then))

    def act(peer: Peer, request: Request) -> None:
        next(acts)(peer, request)

    return act


def learn_the_size(shell: Shell, disk: Path) -> None:
    """One video has come before, when there was room: it is some kilobytes large."""
    elsewhere = shell.workspace / "roomy"
    assert shell("apply", "--only", "desk", "--output-dir", str(elsewhere)).code is ExitCode.DONE
    for path in (elsewhere / "lamps").iterdir():
        (disk / "lamps").mkdir(exist_ok=True)
        (disk / "lamps" / path.name).write_bytes(path.read_bytes())


def test_it_is_reported_before_the_first_create(shell: Shell, api: SandboxServer, small: Path) -> None:
    ended = shell("apply")
    assert ended.code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 0
    printed = " ".join(ended.err.split())
    assert "Stopped creating" in printed
    assert "31 MB free" in printed
    assert str(shell.outputs) in printed or "outputs/lamps" in printed
    assert "--output-dir" in printed
    assert shell("apply", "--output-dir", str(shell.workspace / "roomy")).code is ExitCode.DONE


def test_videos_that_are_known_to_be_small_fit_on_a_small_disk(shell: Shell, api: SandboxServer, small: Path) -> None:
    learn_the_size(shell, small)
    ended = shell("apply")
    assert ended.code is ExitCode.DONE, ended.err
    assert len(list(shell.outputs.glob("*.mp4"))) == 5


def test_videos_that_are_known_to_be_too_large_together_are_not_paid_for(
    shell: Shell, api: SandboxServer, small: Path
) -> None:
    large = http.answer(200, clip(bytes(4 * MB)), content_type="video/mp4")
    with LoopbackServer(large) as server, files_at(api, f"{server.url}/a.mp4"):
        learn_the_size(shell, small)
    ended = shell("apply")
    assert ended.code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 1
    printed = " ".join(ended.err.split())
    assert "4 videos of about 5 MB" in printed
    assert shell("apply", "--only", "hero").code is ExitCode.DONE


def test_what_is_paid_for_is_saved_where_it_fits(shell: Shell, api: SandboxServer, small: Path) -> None:
    """The files were to be downloaded when the disk had room for some kilobytes only."""
    real = api.file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "file", lambda _: None)
        assert shell("apply", "--output-dir", str(shell.workspace / "roomy")).code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 5
    assert state_of(shell, "hero") == "downloading"
    assert api.file == real
    fill(small, leaving=3 * MB)
    ended = shell("apply")
    assert ended.code is ExitCode.DONE, ended.err
    assert len(list(shell.outputs.glob("*.mp4"))) == 5


def test_one_that_does_not_fit_keeps_nobody_else_from_being_saved(
    shell: Shell, api: SandboxServer, small: Path
) -> None:
    large, little = (http.answer(200, clip(bytes(size)), content_type="video/mp4") for size in (9 * MB, 5000))
    with LoopbackServer(http.answer(404)) as dead, files_at(api, f"{dead.url}/a.mp4"):
        assert shell("apply", "--output-dir", str(shell.workspace / "roomy")).code is ExitCode.UNFINISHED
    fill(small, leaving=8 * MB)
    with LoopbackServer(once(large, then=little)) as server, files_at(api, f"{server.url}/a.mp4"):
        ended = shell("apply")
        assert ended.code is ExitCode.UNFINISHED
        assert "there is not enough disk space for" in ended.err
        assert "is saved" in ended.err
        assert len(list(shell.outputs.glob("*.mp4"))) == 4
        (small / "ballast").unlink()
        assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 5


def test_room_that_others_take_meanwhile_stops_creating_and_what_is_paid_for_is_saved(
    shell: Shell, api: SandboxServer, small: Path
) -> None:
    learn_the_size(shell, small)
    honest, made = api.create, []

    def create(key: str | None, body: bytes) -> ApiResponse:
        made.append(body)
        if len(made) == 2:
            fill(small, leaving=5 * MB)
        return honest(key, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "create", create)
        ended = shell("apply", "--max-in-flight", "1")
    assert ended.code is ExitCode.UNFINISHED
    assert len(made) == 2
    assert "Stopped creating" in ended.err
    assert len(list(shell.outputs.glob("*.mp4"))) == 3
    assert "3 of 5 takes done, 2 waiting." in ended.out
    (small / "ballast").unlink()
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 5


def test_no_room_for_another_file_is_no_room(shell: Shell, api: SandboxServer) -> None:
    with small_disk(shell.workspace / "outputs", size="200m", files=12):
        ended = shell("apply")
        assert ended.code is ExitCode.UNFINISHED
        assert api.world.stats.creates == 0
        assert "files" in ended.err


def test_no_room_beside_the_ledger_stops_creating_too(shell: Shell, api: SandboxServer) -> None:
    with small_disk(shell.state, size="5m") as disk:
        ended = shell("apply")
        assert ended.code is ExitCode.UNFINISHED
        assert api.world.stats.creates == 0
        printed = " ".join(ended.err.split())
        assert "the ledger" in printed
        assert str(disk) in printed or "state" in printed


def test_a_folder_that_refuses_a_file_although_it_lets_itself_be_entered_is_found_out_first(
    shell: Shell, api: SandboxServer
) -> None:
    with small_disk(shell.workspace / "outputs", size="100m") as disk:
        (disk / "lamps").mkdir()
        os.system(f"mount -o remount,ro {disk}")
        ended = shell("apply")
        assert ended.code is ExitCode.UNFINISHED
        assert api.world.stats.creates == 0
        assert "no video could be saved there (Read-only file system)" in " ".join(ended.err.split())

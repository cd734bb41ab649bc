"""What is no folder of ours under the name `superseded`: nothing is paid for it, moved through it, or waited for."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.paying.test_replace import videos
from tests.helpers.command_line import UNCAPPED, Shell
from tests.helpers.signal_at import strike


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


OBSTACLES: dict[str, Callable[[Path, Path], object]] = {
    "a FIFO": lambda path, _: os.mkfifo(path),
    "a file": lambda path, _: path.write_text("a note of the user's"),
    "a link to a folder": lambda path, elsewhere: path.symlink_to(elsewhere),
    "a link to nothing": lambda path, elsewhere: path.symlink_to(elsewhere / "nothing"),
}


@pytest.fixture(params=OBSTACLES)
def obstruct(request: pytest.FixtureRequest, shell: Shell, elsewhere: Path) -> Callable[[], Path]:
    def put() -> Path:
        path = shell.outputs / "superseded"
        OBSTACLES[request.param](path, elsewhere)
        return path

    return put


@pytest.fixture
def done(shell: Shell, api: SandboxServer) -> dict[str, bytes]:
    """Every take is done. Gives the videos."""
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE
    return videos(shell.outputs)


@pytest.mark.few(2)
def test_nothing_is_paid_for_that_could_not_be_put_aside(
    shell: Shell, api: SandboxServer, done: dict[str, bytes], obstruct: Callable[[], Path], elsewhere: Path
) -> None:
    path = obstruct()
    ended = shell("apply", "--replace", "desk")
    assert ended.code is ExitCode.UNFINISHED
    assert f"{path} is " in (printed := " ".join(ended.err.split()))
    assert (
        "but hailuo-batch needs a folder of its own there: rename or remove it. Nothing was sent, nothing was paid"
        in printed
    )
    assert api.world.stats.creates == 3
    assert videos(shell.outputs) == done
    assert not list(elsewhere.iterdir())
    path.unlink()
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 4


@pytest.mark.few(1)
def test_what_is_paid_for_already_waits_until_there_is_a_folder_for_it(
    shell: Shell, api: SandboxServer, done: dict[str, bytes], obstruct: Callable[[], Path], elsewhere: Path
) -> None:
    words = ["apply", str(shell.manifest), "--yes", "--replace", "desk"]
    assert strike("after:adapters.runbase:Client.create_run", signal.SIGTERM, words) == ExitCode.SIGTERM
    path = obstruct()
    ended = shell("apply", "--replace", "desk")
    assert ended.code is ExitCode.UNFINISHED
    printed = " ".join(ended.err.split())
    assert "desk: the video could not be downloaded:" in printed
    assert f"{path} " in printed
    assert "It is paid for and its link is kept" in printed
    assert videos(shell.outputs) == done
    assert not list(elsewhere.iterdir())
    path.unlink()
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 4
    assert done["desk.mp4"] in videos(shell.outputs / "superseded").values()

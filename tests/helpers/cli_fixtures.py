"""A workspace with a manifest, a command line, and a Runbase look-alike in this process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.app import api_target, run_campaign
from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.helpers import fast_time
from tests.helpers.command_line import KEY, LAMPS, UNCAPPED, CommandResult, Shell, state_of
from tests.helpers.misbehaving_api import lost_answers, unknown_runs

__all__ = [
    "StartApi",
    "Step",
    "_cheap_hashes",
    "_fast_time",
    "api",
    "doubtful",
    "follow",
    "keep",
    "kept",
    "lost",
    "shell",
    "start_api",
    "uncapped",
]
"""Those with an underscore are at work in every test of a folder whose conftest.py imports all of this."""

StartApi = Callable[..., SandboxServer]
Step = Callable[..., CommandResult]


@pytest.fixture(autouse=True)
def _fast_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program's pauses pass quickly, in this process; its time of day stays right."""
    monkeypatch.setattr(Clock, "now", fast_time.now)
    monkeypatch.setattr(run_campaign, "ThreadExecutor", fast_time.FastExecutor)


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash the key once and not 100,000 times: the slow hash takes longer than most of what is tested here."""
    monkeypatch.setattr(api_target, "_ROUNDS", 1)


@pytest.fixture
def shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    shell = Shell(tmp_path / "work", capfd)
    shell.workspace.mkdir()
    shell.write(LAMPS)
    yield shell
    shell.end_processes()


@pytest.fixture
def start_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[StartApi]:
    """Starts an API that the command line speaks to.

    Runs take about a tenth of a second unless `speed` is given, and the rate limit is out of the way.
    """
    with ExitStack() as stack:

        def start(*, speed: float = 1000.0, latency_s: float = 0.0, **settings: Any) -> SandboxServer:
            server = stack.enter_context(
                SandboxServer(WorldSettings(**({"rate_limit": 10_000} | settings)), speed=speed, latency_s=latency_s)
            )
            monkeypatch.setenv("RUNBASE_BASE_URL", server.base_url)
            monkeypatch.setenv("RUNBASE_API_KEY", KEY)
            return server

        yield start


@pytest.fixture
def api(start_api: StartApi) -> SandboxServer:
    return start_api()


@pytest.fixture
def uncapped(shell: Shell) -> None:
    """The manifest sets no cap: under one, nothing follows a create in doubt whose price is not known."""
    shell.write(UNCAPPED)


@pytest.fixture
def doubtful(shell: Shell, api: SandboxServer, uncapped: None) -> str:
    """`desk` is in doubt. Gives the ID of the run that was made for it all the same."""
    with lost_answers(api):
        assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert state_of(shell, "desk") == "in_doubt"
    return next(iter(api.world.created))


@pytest.fixture
def lost(shell: Shell, api: SandboxServer, uncapped: None) -> str:
    """`desk` is lost. Gives its run's ID."""
    with unknown_runs(api):
        assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert state_of(shell, "desk") == "lost"
    return next(iter(api.world.created))


@pytest.fixture
def kept(shell: Shell) -> Path:
    """Where the plan is kept."""
    return shell.workspace / "plan.json"


@pytest.fixture
def keep(shell: Shell, kept: Path) -> Step:
    """Makes a plan and keeps it."""

    def keep(*options: str) -> CommandResult:
        ended = shell("plan", "--out", str(kept), *options)
        assert ended.code is ExitCode.DONE, ended.err
        return ended

    return keep


@pytest.fixture
def follow(shell: Shell, kept: Path) -> Step:
    """Applies the kept plan."""
    return lambda *options: shell("apply", "--no-check-images", "--plan", str(kept), *options)

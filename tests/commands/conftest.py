"""A workspace with a manifest, a command line, and a Runbase look-alike in this process."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from hailuo_batch.shell.clock import Clock
from tests.commands.harness import KEY, LAMPS, Shell

HASTE = 20.0

StartApi = Callable[..., SandboxServer]


@pytest.fixture(autouse=True)
def _haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program's pauses pass quickly, in this process; its time of day stays right."""
    monkeypatch.setattr(Clock, "now", lambda _: time.monotonic() * HASTE)


@pytest.fixture
def shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path / "work", capfd)
    shell.workspace.mkdir()
    shell.write(LAMPS)
    return shell


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

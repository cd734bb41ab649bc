"""An apply that slept, or never had the time to ask, looks at each open run once more before it stops waiting."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, UNCAPPED, Shell, wait_for_result
from tests.helpers.ledgers import query
from tests.helpers.timeouts import wait_until

TAKES = 3
RUN_S, TIMEOUT_S = 3.0, 4.0


@pytest.fixture
def lamps(shell: Shell) -> Shell:
    shell.write(UNCAPPED)
    return shell


def test_runs_that_finished_while_the_machine_slept_are_done_and_not_given_up(
    lamps: Shell, start_api: StartApi
) -> None:
    api = start_api(speed=1.0, median_s=RUN_S, min_s=RUN_S, sigma=0.0)
    apply = lamps.spawn("apply", "--run-timeout", f"{TIMEOUT_S:g}s")
    wait_until(lambda: _named(lamps) == TAKES)
    os.kill(apply.pid, signal.SIGSTOP)
    wait_until(_passed(TIMEOUT_S + 0.5))
    os.kill(apply.pid, signal.SIGCONT)
    awake = wait_for_result(apply)
    assert awake.code is ExitCode.DONE, awake.err
    assert "Stopped waiting" not in awake.err
    assert len(list(lamps.outputs.glob("*.mp4"))) == TAKES
    assert api.world.stats.creates == TAKES


def test_runs_that_the_rate_let_nobody_ask_for_are_asked_for_before_waiting_ends(
    lamps: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api(speed=SLOW)
    asked = _reads(api, monkeypatch)
    # a look whether this is the API, and three creates: nothing more goes out for ten seconds
    stopped = lamps("apply", "--run-timeout", "1s", "--rate-limit", "4/10s")
    assert stopped.code is ExitCode.UNFINISHED
    printed = " ".join(stopped.err.split())
    assert f"Stopped waiting: no run has finished for 1s, and {TAKES} runs are still open" in printed
    assert len(api.world.created) == TAKES
    assert set(asked) > set(api.world.created)


def _reads(api: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that the API is asked about from here on."""
    asked: list[str] = []
    read = api.world.read

    def noted(now: float, key: str | None, run_id: str) -> object:
        asked.append(run_id)
        return read(now, key, run_id)

    monkeypatch.setattr(api.world, "read", noted)
    return asked


def _named(shell: Shell) -> int:
    """How many runs the ledger knows by name."""
    ledger = shell.state / "lamps.db"
    return len(query(ledger, "SELECT 1 FROM runs WHERE run_id IS NOT NULL")) if ledger.exists() else 0


def _passed(pause_s: float) -> Callable[[], bool]:
    until = time.monotonic() + pause_s
    return lambda: time.monotonic() > until

"""`apply` as a process of its own: signals, a second one beside it, readers beside it, the question before paying."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ApiResponse
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, Shell, read_terminal, state_of, wait_for_result
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

NEVER_S = 10 * TEST_TIMEOUT_S  # until an answer comes: no test waits for so long


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.SIGINT),
        (signal.SIGTERM, ExitCode.SIGTERM),
        (signal.SIGHUP, ExitCode.SIGTERM),
        (signal.SIGQUIT, ExitCode.SIGTERM),
        (signal.SIGUSR1, ExitCode.SIGTERM),
        (signal.SIGXCPU, ExitCode.SIGTERM),
    ],
)
@pytest.mark.few(2)
def test_a_signal_stops_it_in_good_order_and_the_next_apply_goes_on(
    shell: Shell, start_api: StartApi, number: signal.Signals, code: ExitCode
) -> None:
    api = start_api(speed=SLOW)
    process = shell.spawn("apply")
    wait_until(lambda: len(api.world.created) == 3)
    process.send_signal(number)
    end = wait_for_result(process)
    assert end.code is code
    assert end.err.count("Stopping") == 1
    assert "\r" not in end.err
    assert "To continue: hailuo-batch apply" in end.out
    assert "3 running" in shell("status").out
    assert "3 to resume" in shell("plan").out
    assert len(api.world.created) == 3


def test_requests_under_way_are_recorded_after_a_signal(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW, latency_s=1.0)
    process = shell.spawn("apply", "--only", "desk")
    wait_until(lambda: len(api.world.created) == 1)
    process.send_signal(signal.SIGINT)
    assert wait_for_result(process).code is ExitCode.SIGINT
    [run_id] = api.world.created
    assert re.search(rf"running  desk .*{run_id}", shell("status").out)


def ends_at_second_signal(process: "subprocess.Popen[str]") -> bool:
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


def silent(api: SandboxServer) -> Callable[[str | None, bytes], ApiResponse]:
    """A create that makes the run, and whose answer does not come."""
    honest = api.create

    def create(key: str | None, body: bytes) -> ApiResponse:
        answer = honest(key, body)
        api._stopping.wait(NEVER_S)
        return answer

    return create


def test_a_second_ctrl_c_leaves_at_once(shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api = start_api(speed=SLOW)
    monkeypatch.setattr(api, "create", silent(api))
    process = shell.spawn("apply", "--only", "desk")
    wait_until(lambda: len(api.world.created) == 1)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in (line := process.stderr.readline()):
        assert line, "it ended without a word of stopping"
    wait_until(lambda: ends_at_second_signal(process))
    assert wait_for_result(process).code is ExitCode.SIGINT
    shown = shell("status")
    assert "1 in doubt" in shown.out
    assert "up to" in shown.out or "unknown amount" in shown.out
    assert "In doubt, until you resolve it:" in shown.out


def test_a_second_apply_names_the_first_and_readers_work_beside_it(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    process = shell.spawn("apply")
    try:
        wait_until(lambda: "3 running" in shell("status").out)
        second = shell("apply")
        assert second.code is ExitCode.BUSY
        assert f"process {process.pid}" in second.err
        assert "is running" in shell("status").err
        assert shell("plan").code is ExitCode.DONE
        assert shell("report").code is ExitCode.DONE
        assert len(api.world.created) == 3
    finally:
        process.kill()
        process.communicate()


def test_a_create_on_its_way_is_waiting_while_its_sender_lives_and_in_doubt_after(
    shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api(speed=SLOW)
    monkeypatch.setattr(api, "create", silent(api))
    process = shell.spawn("apply", "--only", "desk")
    wait_until(lambda: len(api.world.created) == 1)
    try:
        assert "waiting  desk" in shell("status").out
    finally:
        process.kill()
        process.communicate()
    assert state_of(shell, "desk") == "in_doubt"
    assert "hold    desk" in shell("plan").out
    api.stop()


@pytest.mark.parametrize(("answer", "code", "creates"), [("n", ExitCode.UNFINISHED, 0), ("yes", ExitCode.DONE, 1)])
def test_on_a_terminal_it_asks_before_paying(
    shell: Shell, api: SandboxServer, answer: str, code: ExitCode, creates: int
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hailuo_batch", "apply", str(shell.manifest), "--only", "desk"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        printed = b""
        while b"[y/N]" not in printed:
            printed += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        read_terminal(ours)
        assert process.wait(TEST_TIMEOUT_S) == code
    os.close(ours)
    assert re.search(rb"Pay for 1 run, about \$0\.28, at most \$5\.00 \(what the cap leaves\)\?", printed)
    assert api.world.stats.creates == creates
    assert (shell.state / "lamps.db").exists() is (creates == 1)

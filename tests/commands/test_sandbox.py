"""`sandbox`: a server of its own, for a campaign in another terminal."""

import re
import signal

import pytest

from hailuo_batch.errors import ExitCode
from tests.commands.harness import Shell, ended


def test_it_says_how_to_be_used_and_serves_until_stopped(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    process = shell.start("sandbox", "--speed", "1000", "--rate-limit", "1000/1s")
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(
        r"export RUNBASE_BASE_URL=(http://127\.0\.0\.1:[0-9]+/api/v1) RUNBASE_API_KEY=(sk-\w+)\n", line
    )
    assert match
    monkeypatch.setenv("RUNBASE_BASE_URL", match[1])
    monkeypatch.setenv("RUNBASE_API_KEY", match[2])
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    process.send_signal(signal.SIGINT)
    assert ended(process).code is ExitCode.SIGINT


def test_sigterm_stops_it_too(shell: Shell) -> None:
    process = shell.start("sandbox")
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    assert ended(process).code is ExitCode.SIGTERM


@pytest.mark.parametrize(
    "options",
    [("--fail-rate", "2"), ("--speed", "0"), ("--latency", "-1"), ("--balance", "much"), ("--rate-limit", "x")],
)
def test_what_cannot_be_is_wrong_usage(shell: Shell, options: tuple[str, str]) -> None:
    ended = shell.bare("sandbox", *options)
    assert ended.code is ExitCode.USAGE
    assert options[0] in ended.err


def test_a_port_that_is_taken_is_wrong_usage(shell: Shell) -> None:
    process = shell.start("sandbox")
    assert process.stdout is not None
    port = process.stdout.readline().split(":")[2].split("/")[0]
    try:
        again = shell.bare("sandbox", "--port", port)
        assert again.code is ExitCode.USAGE
        assert f"Port {port}" in again.err
    finally:
        process.terminate()
        process.communicate()

"""`sandbox`: a server of its own, for a campaign in another terminal."""

import re
import signal
import socket
from http.server import ThreadingHTTPServer

import pytest

from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import CommandResult, Shell, wait_for_result


def test_it_states_how_to_be_used_and_serves_until_stopped(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    process = shell.start("sandbox", "--speed", "1000", "--rate-limit", "1000/1s")
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(
        r"export RUNBASE_BASE_URL=(http://127\.0\.0\.1:[0-9]+/api/v1) RUNBASE_API_KEY=(sk-\w+)\n", line
    )
    assert match
    assert process.stderr is not None
    assert "use another `campaign:` name, or `--sandbox`" in process.stderr.readline()
    monkeypatch.setenv("RUNBASE_BASE_URL", match[1])
    monkeypatch.setenv("RUNBASE_API_KEY", match[2])
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    process.send_signal(signal.SIGINT)
    assert wait_for_result(process).code is ExitCode.SIGINT


def test_keys_that_were_put_into_accounts_are_those_to_use(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ("sk-laptop", "sk-ci", "sk-guest")
    named = [f"--account={key}={name}" for key, name in zip(keys, ("studio", "studio", "guests = 2"), strict=True)]
    process = shell.start("sandbox", *named, "--rate-limit", "1000/1s", "--balance", "0.28", "--speed", "0.001")
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(
        r"export RUNBASE_BASE_URL=(http://127\.0\.0\.1:[0-9]+/api/v1) RUNBASE_API_KEY= RUNBASE_API_KEYS=(\S+)\n", line
    )
    assert match
    assert tuple(match[2].split(",")) == keys
    monkeypatch.setenv("RUNBASE_BASE_URL", match[1])

    def apply(key: str, take: str) -> CommandResult:
        monkeypatch.setenv("RUNBASE_API_KEY", key)
        return shell("apply", "--no-check-images", "--run-timeout", "1s", "--only", take)

    assert apply("sk-laptop", "desk").code is ExitCode.UNFINISHED
    assert "did not make the campaign's runs" in apply("sk-guest", "desk").err
    assert "balance" in apply("sk-ci", "hero").err
    assert "1 running" in shell("status").out
    process.terminate()
    assert wait_for_result(process).code is ExitCode.SIGTERM


@pytest.mark.parametrize(
    "account",
    ["sk-laptop", "studio=sk-laptop", "sk-laptop=", "sk-lap top=studio", "sk-laptop=sk-ci", "sk-laptop=a\nb", "="],
)
def test_an_account_that_cannot_be_is_wrong_usage_and_the_key_is_not_repeated(shell: Shell, account: str) -> None:
    ended = shell.bare("sandbox", "--account", account)
    assert ended.code is ExitCode.USAGE
    assert "--account: " in ended.err
    assert "lap" not in ended.err.replace("such as sk-laptop=studio", "")


def test_a_key_in_two_accounts_is_wrong_usage(shell: Shell) -> None:
    ended = shell.bare("sandbox", "--account", "sk-laptop=studio", "--account", "sk-laptop=guests")
    assert ended.code is ExitCode.USAGE
    assert "one account only" in ended.err
    assert "sk-laptop" not in ended.err


def test_sigterm_stops_it_too(shell: Shell) -> None:
    process = shell.start("sandbox")
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    assert wait_for_result(process).code is ExitCode.SIGTERM


def test_a_signal_while_it_begins_to_serve_stops_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: ThreadingHTTPServer, _poll_s: float) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", interrupted)
    assert shell.bare("sandbox").code is ExitCode.SIGTERM


def test_a_signal_while_a_client_connects_stops_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ThreadingHTTPServer.serve_forever

    def serve_one(server: ThreadingHTTPServer, poll_s: float) -> None:
        with socket.create_connection(("127.0.0.1", server.server_port)):
            honest(server, poll_s)

    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", serve_one)
    monkeypatch.setattr("hailuo_batch.sandbox.server._HttpServer.process_request", interrupted)
    assert shell.bare("sandbox").code is ExitCode.SIGTERM


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

"""The key: missing, of a wrong shape, refused. It is never shown, and what is told to type mends it."""

import pytest

from hailuo_batch.app.doctor.key_shape import judge_keys
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.doctor.conftest import Ask
from tests.commands.doctor.readings import commands, findings, said, typed
from tests.helpers.command_line import KEY, Shell
from tests.helpers.http import LoopbackServer, answer


def test_a_good_key_is_accepted_by_reading_a_run_that_cannot_exist(ask: Ask, api: SandboxServer) -> None:
    ended = ask()
    assert ended.code is ExitCode.DONE
    assert "The API accepts the key" in ended.out
    assert api.world.stats.creates == 0
    assert api.world.stats.reads == 1
    assert not [found for found in findings(ended) if found[0] in {"warning", "problem"} and found[1] != "PATH"]


def test_no_key(ask: Ask, api: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    ended = ask()
    assert ended.code is ExitCode.ACCOUNT
    assert "RUNBASE_API_KEY is not set" in said(ended, "problem", "key")
    assert "export RUNBASE_API_KEY=sk-..." in commands(ended)
    monkeypatch.setenv("RUNBASE_API_KEY", typed("export RUNBASE_API_KEY=sk-...", "RUNBASE_API_KEY"))
    assert "placeholder" in said(ask(), "problem", "key")
    monkeypatch.setenv("RUNBASE_API_KEY", KEY)
    assert ask().code is ExitCode.DONE


MENDED = {
    "quoted": f'"{KEY}"',
    "quoted once": f"{KEY}'",
    "Bearer": f"Bearer {KEY}",
    "bearer": f" bearer  {KEY}\n",
    "two lines": f"{KEY[:5]}\n{KEY[5:]}",
    "carriage return": f"{KEY[:5]}\r{KEY[5:]}",
    "blank": f"{KEY[:5]} {KEY[5:]}",
}


@pytest.mark.parametrize("shape", MENDED)
def test_a_key_of_a_wrong_shape_is_mended_by_what_is_told(
    ask: Ask, api: SandboxServer, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", MENDED[shape])
    ended = ask()
    assert ended.code is ExitCode.ACCOUNT
    assert said(ended, "problem", "key")
    [command] = [line for line in commands(ended) if line.startswith("export RUNBASE_API_KEY")]
    assert KEY[5:] not in ended.out
    monkeypatch.setenv("RUNBASE_API_KEY", typed(command, "RUNBASE_API_KEY").strip())
    assert ask().code is ExitCode.DONE


@pytest.mark.parametrize(
    "value",
    ["", "  ", "sk-…", "sk-...", "sk-xxxxxxxx", "<your key>", "${{ secrets.KEY }}", "sk-1", "k" * 513, "sk-tést-12345",
     "sk-test\u200b1234567", "\u201csk-test-12345\u201d"],
)  # fmt: skip
def test_what_cannot_be_a_key_is_said_without_repeating_it(value: str) -> None:
    [(_, found)] = judge_keys({"RUNBASE_API_KEY": value})
    assert found.code is ExitCode.ACCOUNT
    assert found.commands == ("export RUNBASE_API_KEY=sk-...",)
    assert len(value.strip()) < 5 or value in "".join(found.commands) or value not in found.text


def test_white_space_around_a_key_is_no_harm(ask: Ask, api: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", f"  {KEY}\n")
    assert ask().code is ExitCode.DONE


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    body = {"error": {"code": "invalid_api_key", "message": f"Invalid API key {KEY}"}}
    with LoopbackServer(answer(status, body)) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        monkeypatch.setenv("RUNBASE_API_KEY", KEY)
        ended = ask()
    assert ended.code is ExitCode.ACCOUNT
    assert "The API refuses the key (the API says: Invalid API key [API key])" in said(ended, "problem", "key")
    assert [request.method for request in server.requests] == ["GET"]


def test_a_key_whose_rate_is_used_up_is_no_problem(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"error": {"code": "rate_limited", "message": "Too many requests"}}
    with LoopbackServer(answer(429, body)) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        monkeypatch.setenv("RUNBASE_API_KEY", KEY)
        ended = ask()
    assert ended.code is ExitCode.DONE
    assert said(ended, "warning", "key")


def test_a_practice_run_needs_no_key_and_no_network(ask: Ask) -> None:
    ended = ask("--sandbox")
    assert ended.code is ExitCode.DONE
    assert "A practice run needs no key and no network" in ended.out


def test_a_variable_that_is_nearly_the_right_one(ask: Ask, api: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    monkeypatch.setenv("RUNBASE_APIKEY", KEY)
    ended = ask()
    assert "RUNBASE_APIKEY has no effect; the name is RUNBASE_API_KEY" in said(ended, "warning", "variables")
    [command] = [line for line in commands(ended) if "$RUNBASE_APIKEY" in line]
    monkeypatch.setenv("RUNBASE_API_KEY", typed(command, "RUNBASE_API_KEY"))
    assert ask().code is ExitCode.DONE


@pytest.mark.usefixtures("api")
def test_quiet_shows_what_is_wrong_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    ended = shell.bare("-q", "doctor", str(shell.manifest))
    assert {level for level, _ in findings(ended)} <= {"warning", "problem"}
    assert ended.err == ""

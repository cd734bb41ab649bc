"""Several keys: each is looked at, and named as the campaign's ledger names it."""

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.world import ForcedError
from tests.commands.doctor.conftest import Ask
from tests.commands.doctor.readings import said
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, Shell
from tests.helpers.ledgers import query

RED, BLUE, GREEN = "sk-red-0123456789", "sk-blue-0123456789", "sk-green-0123456789"


def give(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY", raising=False)
    monkeypatch.setenv("RUNBASE_API_KEYS", ",".join(keys))


def test_each_key_is_asked_about_and_the_refused_one_is_named(
    ask: Ask, start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api()
    give(monkeypatch, RED, BLUE, "sk-...")
    assert "Key 3 in RUNBASE_API_KEYS holds a placeholder" in said(ask(), "problem", "key")
    give(monkeypatch, RED, BLUE)
    api.world.forced_errors[BLUE] = ForcedError.BAD_KEY
    ended = ask()
    assert ended.code is ExitCode.ACCOUNT
    assert "The API accepts key 1 in RUNBASE_API_KEYS" in ended.out
    assert "The API refuses key 2 in RUNBASE_API_KEYS" in said(ended, "problem", "key")
    assert not any(key in ended.out for key in (RED, BLUE))


def test_keys_have_the_names_that_messages_give_them_and_a_missing_one_is_told(
    ask: Ask, shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_api(speed=SLOW)
    give(monkeypatch, RED, BLUE)
    assert shell("apply", "--max-duration", "5s").code is ExitCode.UNFINISHED
    tags = {number: digest[-4:] for number, digest in query(shell.state / "lamps.db", "SELECT * FROM api_keys")}
    give(monkeypatch, GREEN, RED)
    ended = ask()
    assert "Key 1 in RUNBASE_API_KEYS is new to this campaign" in ended.out
    assert f"Key 2 in RUNBASE_API_KEYS is key 1 (…{tags[1]}) of this campaign" in ended.out
    assert f"Not among the given API keys: key 2 (…{tags[2]}), which made 1 run" in said(ended, "warning", "key")

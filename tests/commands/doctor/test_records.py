"""The manifest, the ledger and its lock: what stops an apply is found, and what is told to type mends it."""

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.apply.test_busy import held
from tests.commands.doctor.conftest import Ask
from tests.commands.doctor.readings import commands, findings, said
from tests.helpers.command_line import UNCAPPED, Shell


@pytest.fixture
def made(shell: Shell, api: SandboxServer) -> SandboxServer:
    """One take is done."""
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    return api


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path): path.read_bytes() for path in paths}


def test_a_good_ledger_is_read_and_nothing_is_touched(shell: Shell, made: SandboxServer, ask: Ask) -> None:
    before = contents(shell.workspace)
    ended = ask()
    assert ended.code is ExitCode.DONE
    assert "is intact; it has 1 run" in said(ended, "ok", "ledger")
    assert contents(shell.workspace) == before
    assert made.world.stats.creates == 1


@pytest.mark.parametrize("how", ["overwritten", "missing"])
def test_a_damaged_or_missing_ledger_is_restored_by_what_is_told(
    shell: Shell, made: SandboxServer, ask: Ask, how: str
) -> None:
    ledger = shell.state / "lamps.db"
    if how == "missing":
        ledger.unlink()
    else:
        ledger.write_bytes(b"damaged")
    ended = ask()
    assert ended.code is ExitCode.LEDGER
    printed = said(ended, "problem", "ledger")
    command = next(part for part in printed.split("`") if part.startswith("hailuo-batch state restore"))
    assert shell.bare(*shlex.split(command)[1:]).code is ExitCode.DONE
    assert ask().code is ExitCode.DONE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert made.world.stats.creates == 1


@pytest.mark.parametrize(
    ("address", "code"),
    [("http://127.0.0.1:9/api/v1", ExitCode.LEDGER), ("", ExitCode.LEDGER), ("ftp://x", ExitCode.USAGE)],
)
def test_a_campaign_of_another_address_goes_on_there_by_what_is_told(
    shell: Shell, made: SandboxServer, ask: Ask, monkeypatch: pytest.MonkeyPatch, address: str, code: ExitCode
) -> None:
    monkeypatch.setenv("RUNBASE_BASE_URL", address)
    if not address:
        monkeypatch.delenv("RUNBASE_BASE_URL")
    ended = ask()
    assert (ended.code, shell("apply").code) == (code, code)
    [command] = [line for line in commands(ended) if "RUNBASE_BASE_URL" in line]
    name, _, value = shlex.split(command)[1].partition("=")
    assert (shlex.split(command)[0], name, value) == ("export", "RUNBASE_BASE_URL", made.base_url)
    monkeypatch.setenv(name, value)
    assert ask().code is ExitCode.DONE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert made.world.stats.creates == 1


def test_one_damaged_page_is_found(shell: Shell, made: SandboxServer, ask: Ask) -> None:
    ledger = shell.state / "lamps.db"
    content = bytearray(ledger.read_bytes())
    content[-2048:] = b"\xa5" * 2048
    ledger.write_bytes(content)
    assert ask().code is ExitCode.LEDGER


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE facts SET value = 'https://other.example/v1' WHERE name = 'endpoint'", "https://other.example/v1"),
        ("INSERT INTO migrations VALUES (99, 0.0)", "Upgrade hailuo-batch"),
    ],
)
def test_a_ledger_of_another_address_or_a_newer_version(
    shell: Shell, made: SandboxServer, ask: Ask, sql: str, words: str
) -> None:
    with closing(sqlite3.connect(shell.state / "lamps.db")) as db:
        db.execute(sql)
        db.commit()
    ended = ask()
    assert ended.code is ExitCode.LEDGER
    assert words in said(ended, "problem", "ledger")


def test_another_command_at_work_and_how_to_wait_for_it(shell: Shell, made: SandboxServer, ask: Ask) -> None:
    with held(shell):
        ended = ask()
        assert ended.code is ExitCode.BUSY
        assert said(ended, "problem", "lock")
        [command] = [line for line in commands(ended) if "--wait" in line]
    assert shell.bare(*shlex.split(command)[1:], "--only", "desk").code is ExitCode.DONE
    assert "lock" not in [subject for _, subject in findings(ask())]  # the file is left, and is no hindrance


def test_a_manifest_with_errors_and_how_to_see_them(shell: Shell, api: SandboxServer, ask: Ask) -> None:
    shell.write("version: 1\ncampaign: lamps\n")
    ended = ask()
    assert ended.code is ExitCode.USAGE
    assert "1 error" in said(ended, "problem", "manifest")
    [command] = [line for line in commands(ended) if line.startswith("hailuo-batch validate")]
    assert "error:" in shell.bare(*shlex.split(command)[1:]).err


def test_no_manifest_and_how_to_write_one(shell: Shell, api: SandboxServer) -> None:
    missing = shell.workspace / "my vases.yaml"
    ended = shell.bare("doctor", str(missing))
    assert ended.code is ExitCode.USAGE
    [command] = [line for line in commands(ended) if line.startswith("hailuo-batch init")]
    assert shell.bare(*shlex.split(command)[1:]).code is ExitCode.DONE
    assert shell.bare("doctor", str(missing)).code is ExitCode.DONE
    assert shell.bare("doctor", str(shell.workspace)).code is ExitCode.USAGE


@pytest.mark.usefixtures("api")
def test_without_a_manifest_it_looks_at_what_every_apply_needs(
    shell: Shell, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subjects = {subject for _, subject in findings(ask(bare=True))}
    assert {"program", "packages", "key", "connection"} <= subjects
    assert not {"manifest", "ledger"} & subjects
    (tmp_path / "manifest.yaml").write_text(UNCAPPED)
    assert "campaign lamps, 3 takes" in said(ask(bare=True), "ok", "manifest")

"""A ledger that is damaged, foreign, newer or gone stops every command with exit 4, and nothing is touched."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, Shell

COMMANDS = (
    ("plan",),
    ("apply",),
    ("apply", "--new-ledger"),
    ("status",),
    ("report",),
    ("verify",),
    ("verify", "--repair"),
    ("retry",),
    ("resolve", "desk", "--abandon"),
    ("resolve", "desk", "--resubmit"),
    ("resolve", "desk", "--run-id", "run_1"),
    ("state", "show"),
    ("state", "export"),
    ("state", "rm", "desk", "--force"),
)


def touched(shell: Shell) -> dict[str, bytes]:
    """Everything in the workspace but the lock's file, and the side files that SQLite makes by looking."""
    paths = [path for path in shell.workspace.rglob("*") if path.is_file() and not _is_companion_file(path)]
    return {str(path.relative_to(shell.workspace)): path.read_bytes() for path in paths}


def _is_companion_file(path: Path) -> bool:
    unwritten = path.name.endswith("-wal") and not path.stat().st_size
    return unwritten or path.name.endswith(("-shm", ".lock"))


def with_pragma(pragma: str) -> Callable[[Path], None]:
    def damage(ledger: Path) -> None:
        with closing(sqlite3.connect(ledger)) as db:
            db.execute(f"PRAGMA {pragma}")

    return damage


def holding(content: bytes) -> Callable[[Path], None]:
    def damage(ledger: Path) -> None:
        ledger.write_bytes(content)

    return damage


def cut(share: float) -> Callable[[Path], None]:
    def damage(ledger: Path) -> None:
        os.truncate(ledger, int(ledger.stat().st_size * share))

    return damage


def cut_pages(number: int) -> Callable[[Path], None]:
    def damage(ledger: Path) -> None:
        os.truncate(ledger, ledger.stat().st_size - 4096 * number)

    return damage


def overwritten(ledger: Path) -> None:
    content = bytearray(ledger.read_bytes())
    content[4096:-4096] = b"\xa5" * (len(content) - 8192)
    ledger.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "empty": holding(b""),
    "text": holding(b"all gone"),
    "cut in half": cut(0.5),
    "cut in a page": cut(0.9),
    "one page short": cut_pages(1),
    "three pages short": cut_pages(3),
    "overwritten": overwritten,
    "of another program": with_pragma("application_id = 7"),
    "newer": with_pragma("user_version = 1000"),
    "newer by its own record": lambda ledger: _rewrite(ledger, "INSERT INTO migrations VALUES (99, 0.0)"),
    "without a table": lambda ledger: _rewrite(ledger, "DROP TABLE files"),
    "without the table of its version": lambda ledger: _rewrite(ledger, "DROP TABLE migrations"),
    "of another campaign": lambda ledger: _rewrite(ledger, "UPDATE facts SET value = 'x' WHERE name = 'campaign'"),
    "of another endpoint": lambda ledger: _rewrite(ledger, "UPDATE facts SET value = 'x' WHERE name = 'endpoint'"),
}


def _rewrite(ledger: Path, sql: str) -> None:
    with closing(sqlite3.connect(ledger)) as db:
        db.execute(sql)
        db.commit()


@pytest.fixture
def made(shell: Shell, api: SandboxServer) -> SandboxServer:
    """One take is done."""
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    return api


def run(shell: Shell, words: tuple[str, ...]) -> tuple[ExitCode, str]:
    command = words[:2] if words[0] == "state" else words[:1]
    ended = shell.bare(*command, str(shell.manifest), *words[len(command) :])
    return ended.code, ended.err


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.few(4)
def test_no_command_uses_or_touches_it(shell: Shell, made: SandboxServer, damage: str) -> None:
    DAMAGES[damage](shell.state / "lamps.db")
    before, asked = touched(shell), made.world.stats.creates + made.world.stats.reads
    for words in COMMANDS:
        code, err = run(shell, words)
        assert (words, code) == (words, ExitCode.LEDGER)
        assert "lamps.db" in err
        assert "othing was sent" in err
        assert touched(shell) == before, words
    assert made.world.stats.creates + made.world.stats.reads == asked


@pytest.mark.parametrize("left", ["receipts", "backup", "outputs", "write-ahead log"])
def test_a_ledger_that_is_gone_beside_what_it_leaves_is_no_empty_campaign(
    shell: Shell, made: SandboxServer, left: str
) -> None:
    (shell.state / "lamps.db").rename(shell.workspace / "kept-elsewhere")
    (shell.state / "lamps.db-wal").write_bytes(b"log")
    names = {"receipts": "lamps.receipts.jsonl", "backup": "lamps.db.bak", "write-ahead log": "lamps.db-wal"}
    for what, name in names.items():
        if what != left:
            (shell.state / name).unlink()
    if left != "outputs":
        shell.outputs.rename(shell.workspace / "videos-kept-elsewhere")
    before = touched(shell)
    for words in COMMANDS:
        if "--new-ledger" in words:
            continue  # for those who mean it
        code, err = run(shell, words)
        assert (words, code) == (words, ExitCode.LEDGER)
        assert "the ledger is missing" in err
        assert touched(shell) == before, words
    assert made.world.stats.creates == 1


def test_damaged_it_states_how_to_restore_it_and_that_works(shell: Shell, made: SandboxServer) -> None:
    (shell.state / "lamps.db").write_bytes(b"damaged")
    assert "state restore" in shell("apply").err
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert made.world.stats.creates == 1

"""`state restore`: from a backup that is older than the truth, or from the receipts alone; nothing is paid again."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell
from tests.helpers.misbehaving_api import lost_answers, unknown_runs
from tests.helpers.small_disk import fill, small_disk

pytestmark = pytest.mark.usefixtures("uncapped")


def state(shell: Shell, command: str, *words: str) -> CommandResult:
    return shell.bare("state", command, str(shell.manifest), *words)


def ledger(shell: Shell) -> Path:
    return shell.state / "lamps.db"


def states(shell: Shell) -> dict[str, str]:
    return {take["id"]: take["state"] for take in shell("status", "--json").document["takes"]}


@pytest.fixture
def old_backup(shell: Shell, api: SandboxServer) -> bytes:
    """All is done, and the backup is from before: from when only `desk` was in doubt."""
    with lost_answers(api):
        shell("apply", "--only", "desk")
    shell("resolve", "desk", "--run-id", next(iter(api.world.created)))
    backup = (shell.state / "lamps.db.bak").read_bytes()
    assert shell("apply").code is ExitCode.DONE
    (shell.state / "lamps.db.bak").write_bytes(backup)
    return backup


def test_a_restored_backup_has_nothing_paid_again(shell: Shell, api: SandboxServer, old_backup: bytes) -> None:
    ended = state(shell, "restore")
    assert ended.code is ExitCode.DONE, ended.err
    assert "Added what was missing in it: 2 requests from the receipts." in ended.err
    assert "Nothing was sent, nothing was paid" in ended.err
    assert api.world.stats.creates == 3
    videos = {path.name: path.read_bytes() for path in shell.outputs.glob("*.mp4")}
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    assert {path.name: path.read_bytes() for path in shell.outputs.glob("*.mp4")} == videos


def test_a_disk_without_room_for_the_backups_copy_leaves_the_ledger_where_it_was(
    shell: Shell, api: SandboxServer, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small") as small:
        where = ("--state-dir", str(small / "state"))
        assert shell("apply", *where).code is ExitCode.DONE
        there = small / "state" / "lamps.db"
        before = there.read_bytes()
        fill(small, leaving=16 * 1024)
        ended = state(shell, "restore", *where)
        assert (ended.code, there.read_bytes()) == (ExitCode.LEDGER, before), ended.err
        (small / "ballast").unlink()
        assert state(shell, "restore", *where).code is ExitCode.DONE
        assert shell("apply", *where).code is ExitCode.DONE
    assert api.world.stats.creates == 3


@pytest.mark.parametrize("left", [b"", b"not a ledger", None])
def test_a_ledger_that_is_gone_or_damaged_is_rebuilt_from_the_receipts_alone(
    shell: Shell, api: SandboxServer, left: bytes | None
) -> None:
    assert shell("apply").code is ExitCode.DONE
    ledger(shell).unlink()
    (shell.state / "lamps.db.bak").unlink()
    if left is not None:
        ledger(shell).write_bytes(left)
    assert shell("apply").code is ExitCode.LEDGER
    ended = state(shell, "restore")
    assert ended.code is ExitCode.DONE, ended.err
    assert "without a backup. Added what was missing in it: 3 requests from the receipts." in ended.err
    assert "left the manifest" not in shell("status").out
    assert set(states(shell).values()) == {"done"}
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    assert shell("status", "--json").document["spend"]["charged_micro_usd"] == 840_000


@pytest.mark.parametrize("left", ["report.json", "*.mp4.json", ""])
def test_videos_of_runs_that_the_receipts_know_are_found_by_what_is_beside_them(
    shell: Shell, api: SandboxServer, old_backup: bytes, left: str
) -> None:
    """The API need not be asked, which may know these runs no more."""
    for path in [*shell.outputs.glob("*.mp4.json"), shell.outputs / "report.json"]:
        if not (left and path.match(left)):
            path.unlink()
    (shell.outputs / "hero.take2.mp4").write_bytes(b"changed since")
    assert state(shell, "restore").code is ExitCode.DONE
    found = "done" if left else "running"
    assert states(shell) == {"hero": found, "hero.take2": "running", "desk": found}
    with unknown_runs(api) as asked:
        shell("apply", "--only", "hero")
    assert bool(asked) is (not left)
    assert shell("apply").code is ExitCode.DONE
    assert set(states(shell).values()) == {"done"}
    assert api.world.stats.creates == 3


def test_the_damaged_ledger_is_kept_aside_with_its_side_files(
    shell: Shell, api: SandboxServer, old_backup: bytes
) -> None:
    damaged = ledger(shell).read_bytes()[:5000]
    ledger(shell).write_bytes(damaged)
    for suffix in ("-wal", "-shm"):
        ledger(shell).with_name(f"lamps.db{suffix}").write_bytes(b"of the old ledger")
    ended = state(shell, "restore")
    assert ended.code is ExitCode.DONE, ended.err
    assert "lamps.db.aside-1" in ended.err
    assert (shell.state / "lamps.db.aside-1").read_bytes() == damaged
    assert (shell.state / "lamps.db.aside-1-wal").read_bytes() == b"of the old ledger"
    assert b"of the old ledger" not in b"".join(path.read_bytes() for path in shell.state.glob("lamps.db-*"))
    ledger(shell).write_bytes(b"damaged again")
    assert state(shell, "restore").code is ExitCode.DONE
    assert (shell.state / "lamps.db.aside-2").read_bytes() == b"damaged again"
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_a_create_without_an_answer_is_in_doubt_after_a_restore_and_held(shell: Shell, api: SandboxServer) -> None:
    with lost_answers(api):
        shell("apply", "--only", "desk")
    ledger(shell).unlink()
    (shell.state / "lamps.db.bak").unlink()
    ended = state(shell, "restore")
    assert "1 request got no answer" in ended.err
    assert re.search(r"^  desk  \d{4}-.* of unknown cost$", ended.err, re.MULTILINE)
    assert states(shell)["desk"] == "in_doubt"
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 1


def test_receipts_that_end_in_the_middle_of_a_line_are_read_as_far_as_they_go(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    receipts = shell.state / "lamps.receipts.jsonl"
    receipts.write_bytes(receipts.read_bytes()[:-20])
    for path in shell.outputs.glob("*.json"):
        path.unlink()  # which would name the run
    ledger(shell).unlink()
    (shell.state / "lamps.db.bak").unlink()
    assert state(shell, "restore").code is ExitCode.DONE
    assert states(shell)["desk"] == "in_doubt"
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 1


def test_what_was_paid_for_and_superseded_stays_so_after_a_restore(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    shell.write(UNCAPPED.replace("A desk", "A desk at night"))
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ledger(shell).unlink()
    assert state(shell, "restore").code is ExitCode.DONE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2


def test_with_nothing_to_restore_from_nothing_is_touched(shell: Shell, api: SandboxServer) -> None:
    assert state(shell, "restore").code is ExitCode.USAGE
    assert not shell.state.exists()
    shell.state.mkdir()
    (shell.state / "lamps.receipts.jsonl").write_bytes(b"")
    (shell.state / "lamps.db").write_bytes(b"damaged")
    ended = state(shell, "restore")
    assert ended.code is ExitCode.USAGE
    assert "Nothing was touched" in ended.err
    assert ledger(shell).read_bytes() == b"damaged"


@pytest.mark.parametrize("damage", ["cut", "foreign", "newer", "of another campaign"])
def test_a_backup_that_cannot_be_used_leaves_everything_as_it_is(
    shell: Shell, api: SandboxServer, old_backup: bytes, damage: str
) -> None:
    backup = shell.state / "lamps.db.bak"
    if damage == "cut":
        backup.write_bytes(old_backup[:5000])
    else:
        with closing(sqlite3.connect(backup)) as db:
            match damage:
                case "foreign":
                    db.execute("PRAGMA application_id = 1")
                case "newer":
                    db.execute("PRAGMA user_version = 1000")
                case _:
                    db.execute("UPDATE facts SET value = 'chairs' WHERE name = 'campaign'")
            db.commit()
    before = {path.name: path.read_bytes() for path in shell.state.iterdir()}
    ended = state(shell, "restore")
    assert ended.code is ExitCode.LEDGER
    assert "nothing was touched" in ended.err
    assert "move lamps.db.bak away" in ended.err
    assert {path.name: path.read_bytes() for path in shell.state.iterdir()} == before
    backup.unlink()
    assert state(shell, "restore").code is ExitCode.DONE
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_after_a_restore_from_the_receipts_a_key_that_does_not_know_the_runs_is_found_out(
    shell: Shell, api: SandboxServer
) -> None:
    shell("apply", "--only", "desk")
    ledger(shell).unlink()
    (shell.state / "lamps.db.bak").unlink()
    for path in [*shell.outputs.glob("*.mp4.json"), shell.outputs / "report.json"]:
        path.unlink()
    assert state(shell, "restore").code is ExitCode.DONE
    with unknown_runs(api) as asked:
        ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.ACCOUNT
    assert len(asked) == 1
    assert states(shell)["desk"] == "running"

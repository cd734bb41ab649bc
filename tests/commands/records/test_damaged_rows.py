"""A value in the ledger that fits no type: exit 4 from every command, and the good backup stays as it was."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.records.test_unusable_ledgers import COMMANDS, made, run, touched
from tests.helpers.command_line import UNCAPPED, Shell

__all__ = ["made"]

NO_UTF_8 = "CAST(x'73ff' AS TEXT)"

DAMAGES = {
    "a state that is none": "UPDATE runs SET state = 'su9ceeded'",
    "a state that is no UTF-8": f"UPDATE runs SET state = {NO_UTF_8}",
    "bytes for a model": "UPDATE runs SET model = x'68'",
    "an input that is no JSON": "UPDATE runs SET input_json = '{'",
    "an input that is no object": "UPDATE runs SET input_json = '7'",
    "another input than was paid for": 'UPDATE runs SET input_json = \'{"prompt":"A desj"}\'',
    "another fingerprint": "UPDATE runs SET fingerprint = replace(fingerprint, substr(fingerprint, 1, 1), 'x')",
    "a negative cost": "UPDATE runs SET cost_micro_usd = -1",
    "a cost in words": "UPDATE runs SET cost_micro_usd = 'free'",
    "a cost of 10^30": "UPDATE runs SET cost_micro_usd = 1e30",
    "an attempt in words": "UPDATE runs SET attempt = 'first'",
    "no attempt at all": "UPDATE runs SET attempt = 0",
    "a time in words": "UPDATE runs SET submitted_at = 'soon'",
    "a time without end": "UPDATE runs SET completed_at = 9e999",
    "superseded on a whim": "UPDATE runs SET superseded_by = 'whim'",
    "a run without its ID": "UPDATE runs SET run_id = NULL",
    "a run that was never sent, and its ID": "UPDATE runs SET state = 'unsent' WHERE run_id IS NOT NULL",
    "a run that is rejected, and its ID": "UPDATE runs SET state = 'rejected' WHERE run_id IS NOT NULL",
    "a run that is in doubt, and its ID": "UPDATE runs SET state = 'in_doubt' WHERE run_id IS NOT NULL",
    "a number for a run ID": "UPDATE runs SET run_id = x'00' WHERE run_id IS NOT NULL",
    "a run whose place in the order is unknown": "UPDATE runs SET create_number = NULL",
    "a run before the first": "UPDATE runs SET create_number = 0",
    "a place in the order in words": "UPDATE runs SET create_number = 'last'",
    "images that are no SHA-256": "UPDATE runs SET images_sha256 = ''",
    "a take's images that are no SHA-256": "UPDATE takes SET images_sha256 = 'zz'",
    "half forgotten": "UPDATE runs SET forgotten = 7",
    "a run of no take": "UPDATE runs SET take_id = 'gone' WHERE run_id IS NOT NULL",
    "a take whose state is none": "UPDATE takes SET state = 'su9ceeded'",
    "tags that are no JSON": "UPDATE takes SET tags = '['",
    "tags that are numbers": "UPDATE takes SET tags = '[1]'",
    "a key that is none": "UPDATE runs SET api_key = -1 WHERE run_id IS NOT NULL",
    "a key that nobody has": "UPDATE runs SET api_key = 7 WHERE run_id IS NOT NULL",
    "a key in plain text": "UPDATE api_keys SET hash = 'sk-plain'",
    "variables that are no JSON": "UPDATE takes SET variables_json = '{'",
    "variables that are a list": "UPDATE takes SET variables_json = '[]'",
    "variables that are numbers": "UPDATE takes SET variables_json = '{\"size\":1}'",
    "variables that are bytes": "UPDATE takes SET variables_json = x'7b7d'",
    "a take's number in words": "UPDATE takes SET number = 'one'",
    "a take's input is another": "UPDATE takes SET input_json = '{}'",
    "a file of no run": "UPDATE files SET run_key = 99",
    "a second file without a first": "UPDATE files SET number = 1",
    "a file of negative size": "UPDATE files SET bytes = -1",
    "no SHA-256": "UPDATE files SET sha256 = 'abc'",
    "a SHA-256 that is no number": "UPDATE files SET sha256 = 'z' || substr(sha256, 2)",
    "a file without its SHA-256": "UPDATE files SET sha256 = NULL",
    "a file without its size": "UPDATE files SET bytes = NULL",
    "a file without a name": "UPDATE files SET path = ''",
    "a file that is the folder": "UPDATE files SET path = '.'",
    "a file above the folder": "UPDATE files SET path = '../x.mp4'",
    "a file anywhere on the disk": "UPDATE files SET path = '/etc/passwd'",
    "a file whose name ends in the middle": "UPDATE files SET path = 'a' || char(0) || 'b.mp4'",
    "a file on its way to nowhere": "UPDATE files SET moving_to = ''",
    "a file on its way out": "UPDATE files SET moving_to = 'superseded/../../x.mp4'",
    "a file that is gone, on its way": "UPDATE files SET path = NULL, moving_to = 'x.mp4'",
    "a link that is bytes": "UPDATE files SET url = x'ff'",
    "a replacement that is no JSON": "INSERT INTO facts VALUES ('replacement', '[')",
    "a replacement of numbers": "INSERT INTO facts VALUES ('replacement', '{\"patterns\":[1],\"take_ids\":[]}')",
    "restored, perhaps": "INSERT INTO facts VALUES ('restored', 'perhaps')",
    "migrated when": "UPDATE migrations SET applied_at = 'soon'",
    "migrated to what": "DELETE FROM migrations",
    "a migration that never was": "INSERT INTO migrations VALUES (0, 0.0)",
    "a trigger that pays again": "CREATE TRIGGER again AFTER UPDATE ON runs BEGIN DELETE FROM runs; END",
    "a view of the runs": "CREATE VIEW seen AS SELECT * FROM runs",
    "two runs that speak for one take": (
        "INSERT INTO runs (take_id, attempt, state, model, input_json, fingerprint, create_id, submitted_at) "
        "SELECT take_id, attempt + 1, 'in_doubt', model, input_json, fingerprint, 'create-x', submitted_at "
        "FROM runs WHERE run_id IS NOT NULL"
    ),
    "a description that is bytes": "UPDATE facts SET value = x'ff' WHERE name = 'description'",
}
DAMAGED_JOURNAL = {
    "a detail that is no JSON": "UPDATE journal SET detail = '{' WHERE number = 1",
    "a detail that is a list": "UPDATE journal SET detail = '[]' WHERE number = 1",
    "a time in words": "UPDATE journal SET at = 'soon' WHERE number = 1",
    "a state that is none": "UPDATE journal SET state = 'su9ceeded' WHERE number = 1",
    "what happened is no UTF-8": f"UPDATE journal SET what = {NO_UTF_8} WHERE number = 1",
    "a take that is bytes": "UPDATE journal SET take_id = x'00' WHERE number = 1",
}


def damage(ledger: Path, sql: str) -> None:
    with closing(sqlite3.connect(ledger)) as db:
        db.execute(sql)
        db.commit()


@pytest.mark.parametrize("what", DAMAGES)
@pytest.mark.few(8)
def test_nothing_is_read_paid_or_backed_up_from_it(shell: Shell, made: SandboxServer, what: str) -> None:
    _check(shell, DAMAGES[what], (("status",), ("apply",), ("verify", "--repair")))
    assert made.world.stats.creates == 1


@pytest.mark.parametrize("what", ["a state that is none", "a state that is no UTF-8", "a replacement that is no JSON"])
def test_no_command_goes_on_with_it_and_the_backup_puts_it_right(shell: Shell, made: SandboxServer, what: str) -> None:
    _check(shell, DAMAGES[what], COMMANDS)
    _restore(shell, made)


def _check(shell: Shell, sql: str, commands: Iterable[tuple[str, ...]]) -> None:
    damage(shell.state / "lamps.db", sql)
    before = touched(shell)
    assert "state/lamps.db.bak" in before
    for words in commands:
        code, err = run(shell, words)
        assert (words, code) == (words, ExitCode.LEDGER), err
        assert "lamps.db: the ledger is damaged (table " in err
        assert "Nothing was sent, and the file was not changed" in err
        assert "state restore" in err
        assert touched(shell) == before, words


@pytest.mark.parametrize("what", DAMAGED_JOURNAL)
def test_a_damaged_line_of_the_journal_stops_whoever_writes_or_shows_it(
    shell: Shell, made: SandboxServer, what: str
) -> None:
    damage(shell.state / "lamps.db", DAMAGED_JOURNAL[what])
    before = touched(shell)
    for words in (("apply", "--yes"), ("verify", "--repair"), ("state", "export")):
        code, err = run(shell, words)
        assert (words, code) == (words, ExitCode.LEDGER), err
        assert "table journal, row 1" in err
        assert touched(shell) == before, words
    assert run(shell, ("status",))[0] is ExitCode.DONE  # it shows nothing of the journal
    _restore(shell, made)


def _restore(shell: Shell, made: SandboxServer) -> None:
    ended = shell.bare("state", "restore", str(shell.manifest))
    assert ended.code is ExitCode.DONE, ended.err
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert shell.bare("state", "export", str(shell.manifest)).code is ExitCode.DONE
    assert made.world.stats.creates == 1


def test_a_row_is_named_and_shown_without_what_a_terminal_would_obey(shell: Shell, made: SandboxServer) -> None:
    damage(shell.state / "lamps.db", "UPDATE runs SET state = 'x' || char(27) || '[2J' WHERE key = 1")
    err = " ".join(shell("status").err.split())
    assert r"(table runs, row 1: state is 'x\x1b[2J', which is not a state of a run)" in err


@pytest.mark.parametrize("what", ["a state that is none", "another input than was paid for"])
def test_a_backup_with_a_damaged_row_is_refused_before_anything_is_touched(
    shell: Shell, made: SandboxServer, what: str
) -> None:
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE  # its backup has the run of the first apply
    damage(shell.state / "lamps.db.bak", f"{DAMAGES[what]} WHERE key = 1")
    before = touched(shell)
    ended = shell.bare("state", "restore", str(shell.manifest))
    assert ended.code is ExitCode.LEDGER
    assert "The backup cannot be restored, and nothing was touched" in ended.err
    assert "table runs, row 1" in ended.err
    assert "move lamps.db.bak away" in ended.err
    assert touched(shell) == before
    (shell.state / "lamps.db.bak").rename(shell.workspace / "damaged")
    ended = shell.bare("state", "restore", str(shell.manifest))
    assert ended.code is ExitCode.DONE
    assert "without a backup. Added what was missing in it: 3 requests from the receipts" in ended.err
    assert shell("apply").code is ExitCode.DONE
    assert made.world.stats.creates == 3


def test_a_backup_that_is_no_earlier_state_of_the_ledger_is_kept(shell: Shell, made: SandboxServer) -> None:
    old = (shell.state / "lamps.db").read_bytes()
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    newer = (shell.state / "lamps.db.bak").read_bytes()
    (shell.state / "lamps.db").write_bytes(old)
    ended = shell("apply")
    assert ended.code is ExitCode.DONE, ended.err
    assert (shell.state / "lamps.db.bak.aside-1").read_bytes() == newer
    assert "lamps.db.bak.aside-1" in ended.err
    assert made.world.stats.creates == 4

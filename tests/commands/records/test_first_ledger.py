"""A campaign from before files had a `flaw`: read as it is, brought up to date by the first command that writes."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hailuo_batch import cli
from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger import schema as migrations
from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import CommandResult
from tests.helpers.first_ledger import workspace_of_the_first_version
from tests.helpers.ledgers import query
from tests.helpers.snapshots import STARTED_AT

STATES = {
    "hero": "done",
    "hero.take2": "done",
    "desk": "done",
    "broken": "done",
    "failed": "failed",
    "refused": "rejected",
    "doubt": "in_doubt",
    "slow": "running",
    "new": "waiting",
}
NOTE = "the video may not play"
FLAW = "it is no whole MP4: its free box is 7 bytes longer than the file"


class OldLedger:
    """The command line on the old campaign."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.manifest = workspace_of_the_first_version(folder)
        self.ledger = folder / "state" / "old.sandbox.db"
        self._capture = capture

    def __call__(self, *command: str) -> CommandResult:
        self._capture.readouterr()
        *words, last = [word for word in command if not word.startswith("-")] or [""]
        options = [word for word in command if word.startswith("-")]
        code = cli.run([*words, last, str(self.manifest), "--sandbox", *options])
        return CommandResult(ExitCode(code), *self._capture.readouterr())

    @property
    def version(self) -> int:
        return int(query(self.ledger, "PRAGMA user_version")[0][0])

    def export(self) -> dict[str, Any]:
        exported = self("state", "export").document
        assert isinstance(exported, dict)
        return exported


@pytest.fixture
def old(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> OldLedger:
    monkeypatch.setattr("hailuo_batch.app.api_target._SANDBOX_SPEED", 1000.0)
    return OldLedger(tmp_path / "work", capfd)


def runs_of(exported: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(run for take in exported["takes"] for run in take["runs"]), *exported["forgotten"]]


def test_a_reader_reads_the_first_version_and_leaves_it_as_it_is(old: OldLedger) -> None:
    before = old.ledger.read_bytes()
    shown = old("status", "--json")
    assert shown.code is ExitCode.DONE
    assert {take["id"]: take["state"] for take in shown.document["takes"]} == STATES
    assert shown.document["spend"]["net_micro_usd"] == 7 * 280_000
    for command in (("plan",), ("state", "show"), ("report",), ("verify",)):
        assert old(*command).code in {ExitCode.DONE, ExitCode.UNFINISHED}, command
    assert (old.ledger.read_bytes(), old.version) == (before, 1)


def test_the_first_command_that_writes_brings_it_up_to_date_and_changes_nothing_else(old: OldLedger) -> None:
    before, spend = old.export(), old("status", "--json").document["spend"]
    with Ledger.open(old.ledger, "old", "sandbox", STARTED_AT):
        assert old.version == migrations.VERSION
    after = old.export()
    assert after | {"exported_at": ""} == before | {"exported_at": ""}
    assert old("status", "--json").document["spend"] == spend
    assert query(old.ledger, "SELECT version FROM migrations ORDER BY version") == [(1,), (2,), (3,), (4,), (5,)]
    assert query(old.ledger, "PRAGMA foreign_key_check") == []


def test_what_the_journal_claimed_of_a_damaged_file_is_known_of_the_file(old: OldLedger) -> None:
    def flaws() -> dict[str, str | None]:
        takes = old("status", "--json").document["takes"]
        return {take["id"]: output["flaw"] for take in takes for output in take["outputs"]}

    known = {"hero": None, "hero.take2": None, "desk": None, "broken": FLAW}
    assert flaws() == known
    Ledger.open(old.ledger, "old", "sandbox", STARTED_AT).close()
    assert flaws() == known
    assert query(old.ledger, "SELECT flaw FROM files WHERE flaw IS NOT NULL") == [(FLAW,)]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_journal_states_in_which_order_creates_were_made(
    old: OldLedger, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest one cost more, while the clock was set back."""
    with monkeypatch.context() as patch, closing(sqlite3.connect(old.ledger, isolation_level=None)) as db:
        patch.setattr(migrations, "VERSION", version)
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:version])
        migrations.migrate(db, STARTED_AT)
        newest = "SELECT key FROM runs WHERE cost_micro_usd IS NOT NULL ORDER BY submitted_at DESC LIMIT 1"
        db.execute(f"UPDATE runs SET cost_micro_usd = 500000, submitted_at = 1000.0 WHERE key = ({newest})")
    printed = "x $0.50, the newest price paid"
    assert printed in old("plan").out
    assert old.version == version
    Ledger.open(old.ledger, "old", "sandbox", STARTED_AT).close()
    assert old.version == migrations.VERSION
    assert printed in old("plan").out
    numbers = query(old.ledger, "SELECT create_number FROM runs WHERE create_id IS NOT NULL ORDER BY create_number")
    assert len(numbers) == len(set(numbers))
    assert all(number for (number,) in numbers)


def test_an_apply_goes_on_where_the_program_of_that_time_stopped(old: OldLedger) -> None:
    before = {run["create_id"]: run for run in runs_of(old.export()) if run["create_id"]}
    assert old("apply").code is ExitCode.UNFINISHED
    shown = old("status", "--json").document
    assert {take["id"]: take["state"] for take in shown["takes"]} == STATES | {"slow": "done", "new": "done"}
    assert shown["spend"]["net_micro_usd"] == 8 * 280_000
    after = {run["create_id"]: run for run in runs_of(old.export()) if run["create_id"]}
    assert len(after) == len(before) + 1
    untouched = {name: run for name, run in before.items() if run["state"] != "pending"}
    assert {name: after[name] for name in untouched} == untouched
    assert old("verify", "--json").document["differing"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_backup_of_the_first_version_can_be_restored(old: OldLedger, when: str) -> None:
    backup = old.ledger.with_name("old.sandbox.db.bak")
    kept = backup.with_name("kept")
    shutil.copy(backup, kept)
    if when == "after":
        assert old("apply").code is ExitCode.UNFINISHED
    shutil.copy(kept, backup)
    before = {run["run_id"] for run in runs_of(old.export())}
    restored = old("state", "restore")
    assert restored.code is ExitCode.DONE, restored.err
    assert old.version == migrations.VERSION
    assert {run["run_id"] for run in runs_of(old.export())} == before


def test_exports_of_either_version_fit_the_schema(old: OldLedger) -> None:
    schema = json.loads((Path(__file__).parents[3] / "schemas" / "state.schema.json").read_text("utf-8"))
    jsonschema.validate(old.export(), schema)
    Ledger.open(old.ledger, "old", "sandbox", STARTED_AT).close()
    exported = old.export()
    jsonschema.validate(exported, schema)
    assert {output["flaw"] for run in runs_of(exported) for output in run["outputs"]} == {None, FLAW}


def test_a_migration_that_is_cut_off_leaves_the_first_version(old: OldLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    before = old.export()

    def cut_off(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS[:-1], cut_off))
        with pytest.raises(KeyboardInterrupt):
            Ledger.open(old.ledger, "old", "sandbox", STARTED_AT)
    assert old.version == 1
    assert old.export() | {"exported_at": ""} == before | {"exported_at": ""}


def add_journal_details(ledger: Path, *details: str) -> None:
    with closing(sqlite3.connect(ledger)) as db, db:
        for detail in details:
            db.execute("INSERT INTO journal (at, take_id, what, detail) VALUES (0, 'hero', 'FileSaved', ?)", (detail,))


def test_an_old_line_that_names_no_file_does_not_keep_it_from_being_brought_up_to_date(old: OldLedger) -> None:
    add_journal_details(
        old.ledger, f'{{"note": "{NOTE}"}}', f'{{"x": "{NOTE}", "note": 7}}', f'{{"note": "{NOTE}", "sha256": []}}'
    )
    Ledger.open(old.ledger, "old", "sandbox", STARTED_AT).close()
    assert query(old.ledger, "SELECT flaw FROM files WHERE flaw IS NOT NULL") == [(FLAW,)]


def test_what_cannot_be_read_of_the_old_journal_does_not_keep_it_from_being_looked_at(old: OldLedger) -> None:
    add_journal_details(old.ledger, NOTE, f'["{NOTE}"]', f'"{NOTE}"')
    with Ledger.read(old.ledger, "old", "sandbox") as ledger:
        flaws = [output.flaw for run in ledger.snapshot().runs for output in run.outputs]
    assert set(flaws) == {None, FLAW}

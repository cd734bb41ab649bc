"""`state`: the ledger shown, exported and restored, and a take forgotten. Nothing is paid for because of it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from hailuo_batch.adapters.ledger.row_reader import RowReader
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import load_schema_text
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.ui.text import display_width
from tests.helpers.command_line import KEY, UNCAPPED, CommandResult, Shell
from tests.helpers.misbehaving_api import lost_answers, unknown_runs

pytestmark = pytest.mark.usefixtures("uncapped")


def state(shell: Shell, command: str, *words: str) -> CommandResult:
    return shell.bare("state", command, str(shell.manifest), *words)


def ledger(shell: Shell) -> Path:
    return shell.state / "lamps.db"


def states(shell: Shell) -> dict[str, str]:
    return {take["id"]: take["state"] for take in shell("status", "--json").document["takes"]}


# --- rm ---


def test_a_take_that_was_never_sent_is_forgotten_without_force(shell: Shell, api: SandboxServer) -> None:
    shell("apply", "--only", "desk")
    shell.write(UNCAPPED.replace("  - {id: hero, prompt: A lamp, takes: 2}\n", ""))
    assert state(shell, "rm", "hero").code is ExitCode.DONE
    assert "hero" not in states(shell)


@pytest.fixture(params=["done", "in doubt", "lost"])
def paid(request: pytest.FixtureRequest, shell: Shell, api: SandboxServer) -> str:
    """`desk` was paid for, or may have been; `hero` is done."""
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    match request.param:
        case "done":
            shell("apply", "--only", "desk")
        case "in doubt":
            with lost_answers(api):
                shell("apply", "--only", "desk")
        case _:
            with unknown_runs(api):
                shell("apply", "--only", "desk")
    return str(request.param)


def test_what_was_paid_for_is_forgotten_only_with_force_and_its_money_still_counts(
    shell: Shell, api: SandboxServer, paid: str
) -> None:
    spent = shell("status", "--json").document["spend"]
    refused = state(shell, "rm", "desk")
    assert refused.code is ExitCode.USAGE
    assert "Nothing was changed. --force forgets it anyway; its money still counts." in refused.err
    assert "desk" in states(shell)
    ended = state(shell, "rm", "desk", "--force")
    assert ended.code is ExitCode.DONE
    assert "Its money still counts" in ended.err
    assert "the next apply requests it, and pays for it" in " ".join(ended.err.split())
    assert shell("status", "--json").document["spend"] == spent
    assert shell("report").code is ExitCode.DONE
    assert json.loads((shell.outputs / "report.json").read_text())["spend"] == spent
    assert shell("plan", "--json").document["spend"] == spent
    assert ("forgotten" in shell("status").out) is (paid == "in doubt")


def test_what_was_forgotten_counts_under_the_cap(shell: Shell, api: SandboxServer, paid: str) -> None:
    assert state(shell, "rm", "desk", "--force").code is ExitCode.DONE
    ended = shell("plan", "--only", "desk", "--max-spend", "0.80")
    assert "raise limits.max_spend_usd or --max-spend to $0.84." in ended.out
    assert shell("apply", "--only", "desk", "--max-spend", "0.80").code is ExitCode.ACCOUNT
    assert api.world.stats.creates == 2


def test_a_forgotten_take_is_made_again_only_because_the_manifest_asks(
    shell: Shell, api: SandboxServer, paid: str
) -> None:
    assert state(shell, "rm", "desk", "--force").code is ExitCode.DONE
    video = shell.outputs / "desk.mp4"
    first = video.read_bytes() if paid == "done" else None
    shell.write(UNCAPPED.replace("  - {id: desk, prompt: A desk}\n", ""))
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    assert api.world.stats.creates == 2
    shell.write(UNCAPPED)
    assert "create  desk" in shell("plan").out
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    if first is not None:
        assert video.read_bytes() != first
        assert first in [path.read_bytes() for path in shell.outputs.glob("desk*.mp4")]


def test_a_take_that_the_ledger_does_not_know_cannot_be_forgotten(shell: Shell, api: SandboxServer) -> None:
    shell("apply", "--only", "desk")
    ended = state(shell, "rm", "dusk")
    assert ended.code is ExitCode.USAGE
    assert "has no such take" in ended.err


# --- show and export ---


@pytest.fixture
def eventful(shell: Shell, api: SandboxServer) -> None:
    """A campaign with takes that are done, replaced, in doubt, forgotten and waiting."""
    shell("apply", "--only", "desk")
    shell("apply", "--only", "desk", "--replace", "desk")
    with lost_answers(api):
        shell("apply", "--only", "hero")
    state(shell, "rm", "hero", "--force")


@pytest.mark.usefixtures("eventful")
def test_an_export_fits_its_schema_and_holds_everything_but_the_key(shell: Shell) -> None:
    ended = state(shell, "export")
    assert ended.code is ExitCode.DONE
    document = ended.document
    jsonschema.validate(document, json.loads(load_schema_text("state")), format_checker=jsonschema.FormatChecker())
    assert {take["id"] for take in document["takes"]} == {"hero", "hero.take2", "desk"} - {"hero"}
    assert [run["take_id"] for run in document["forgotten"]] == ["hero"]
    assert {line["what"] for line in document["journal"]} >= {"CreateStarted", "RunCreated", "ForgetRuns"}
    assert KEY not in ended.out


@pytest.mark.usefixtures("eventful")
def test_the_ledger_is_shown_attempt_by_attempt(shell: Shell) -> None:
    ended = state(shell, "show")
    assert ended.code is ExitCode.DONE
    lines = ended.out.splitlines()
    assert any("superseded" in line and "desk" in line and "#1" in line for line in lines)
    [live] = [number for number, line in enumerate(lines) if line.startswith("  done") and "#2" in line]
    assert lines[live + 1].startswith("      run_")
    assert lines[live + 2] == "      desk.mp4"
    assert any(line.startswith("  forgotten") and "hero" in line for line in lines)
    assert "charged $0.56, refunded $0.00" in ended.out
    assert "1 request got no answer; up to $0.28 may have been charged." in ended.out


@pytest.mark.usefixtures("eventful")
def test_the_ledger_is_readable_in_eighty_columns(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hailuo_batch.commands.state.columns_of", lambda _: 80)
    out = state(shell, "show").out
    assert all(display_width(line) <= 80 for line in out.splitlines()[1:])
    assert "desk" in out


@pytest.mark.parametrize("command", ["show", "export"])
def test_there_is_nothing_to_see_before_the_first_apply(shell: Shell, command: str) -> None:
    ended = state(shell, command)
    assert ended.code is ExitCode.USAGE
    assert "nothing was ever sent" in ended.err
    assert not shell.state.exists()


def test_an_export_is_of_one_moment_whoever_writes_meanwhile(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    before = state(shell, "export").document["journal"]
    snapshot = RowReader.snapshot

    def while_an_apply_writes(rows: RowReader) -> Snapshot:
        found = snapshot(rows)
        with closing(sqlite3.connect(shell.state / "lamps.db")) as db, db:
            db.execute("INSERT INTO journal (at, take_id, what, detail) VALUES (0.0, 'desk', 'RunStarted', '{}')")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowReader, "snapshot", while_an_apply_writes)
        assert state(shell, "export").document["journal"] == before
    assert len(state(shell, "export").document["journal"]) == len(before) + 1

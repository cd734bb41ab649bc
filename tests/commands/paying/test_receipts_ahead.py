"""An old ledger beside newer receipts: every reader shows what the next apply will find, and writes nothing."""

import json
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.values import MAX_COST_MICRO_USD
from tests.helpers.command_line import UNCAPPED, Shell, state_of
from tests.helpers.misbehaving_api import lost_answers

pytestmark = pytest.mark.usefixtures("uncapped")


def contents(folder: Path) -> dict[str, bytes]:
    """All but what SQLite makes by looking, and what is remembered of files that are right."""
    passing = ("-wal", "-shm", ".seen.json")
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(passing)}


@pytest.fixture
def old(shell: Shell, api: SandboxServer) -> None:
    """All is done, the videos are moved away, and the ledger is from when only `desk` was done."""
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ledger = (shell.state / "lamps.db").read_bytes()
    assert shell("apply").code is ExitCode.DONE
    (shell.state / "lamps.db").write_bytes(ledger)


@pytest.mark.usefixtures("old")
def test_a_plan_is_what_an_apply_does(shell: Shell, api: SandboxServer) -> None:
    before = contents(shell.state)
    planned = shell("plan")
    assert "2 to resume" in planned.out
    assert "to create" not in planned.out
    assert "The receipts list 2 requests that the ledger does not have yet" in " ".join(planned.err.split())
    assert shell("plan", "--json").document["totals"]["create"] == 0
    assert contents(shell.state) == before
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    assert "receipts" not in shell("plan").err


@pytest.mark.usefixtures("old")
def test_status_and_report_show_what_was_paid_for(shell: Shell, api: SandboxServer) -> None:
    before = contents(shell.state)
    status = shell("status", "--json")
    assert status.document["spend"]["charged_micro_usd"] == 3 * 280_000
    assert {run["run_id"] for take in status.document["takes"] for run in take["runs"]} == set(api.world.created)
    assert "The receipts list 2 requests" in status.err
    assert shell("report").code is ExitCode.DONE
    report = json.loads((shell.outputs / "report.json").read_text())
    assert report["spend"]["charged_micro_usd"] == 3 * 280_000
    assert contents(shell.state) == before


@pytest.mark.usefixtures("old")
def test_the_ledger_itself_is_shown_and_exported_as_it_stands(shell: Shell) -> None:
    exported = shell.bare("state", "export", str(shell.manifest)).document
    assert [len(take["runs"]) for take in exported["takes"] if take["id"] != "desk"] == [1, 1]
    assert {run["state"] for take in exported["takes"] for run in take["runs"]} == {"succeeded", "unsent"}


def test_an_answer_that_only_the_receipts_have_is_shown(shell: Shell, api: SandboxServer) -> None:
    with lost_answers(api):
        shell("apply", "--only", "desk")
    doubtful = (shell.state / "lamps.db").read_bytes()
    [run_id] = api.world.created
    assert shell("resolve", "desk", "--run-id", run_id).code is ExitCode.DONE
    (shell.state / "lamps.db").write_bytes(doubtful)
    assert state_of(shell, "desk") == "running"
    assert run_id in shell("plan", "--only", "desk").out


@pytest.mark.parametrize("cost", ["1" + 30 * "0", "-1", "0.28", "true", '"free"', str(MAX_COST_MICRO_USD + 1)])
def test_a_cost_that_no_run_can_have_is_unknown_and_that_is_reported_once(
    shell: Shell, api: SandboxServer, cost: str
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    receipts, ledger = shell.state / "lamps.receipts.jsonl", shell.state / "lamps.db"
    receipts.write_text(receipts.read_text().replace('"cost_micro_usd":280000', f'"cost_micro_usd":{cost}'))
    for path in (ledger, shell.state / "lamps.db.bak"):
        path.unlink()
    shell.outputs.rename(shell.workspace / "moved")
    ended = shell.bare("state", "restore", str(shell.manifest))
    assert ended.code is ExitCode.DONE, ended.err
    assert ended.err.count("the cost in its receipt") == 1
    assert shell("status", "--json").document["spend"]["charged_micro_usd"] == 0
    assert shell("plan").code is ExitCode.DONE
    shell.write(UNCAPPED)
    ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.DONE, ended.err
    assert "the cost in its receipt" not in ended.err
    assert shell("status", "--json").document["spend"]["charged_micro_usd"] == 280_000
    assert api.world.stats.creates == 1

"""A whole catalogue: the rows of one table, with all that a spreadsheet writes into its cells, as one campaign."""

import csv
import json
from dataclasses import replace

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import Shell
from tests.helpers.timeouts import wait_until

CATALOGUE = """\
version: 1
campaign: lamps
shots:
  - id: ${kind}-${sku}
    prompt: ${prompt}
    tags: ["${kind}"]
    rows: catalogue.csv
"""
CELLS = (
    "A lamp, lit",
    'A "warm" lamp',
    "A lamp\nthat turns\n\n  once around",
    "Une lampe à $5, 50 % off ${kind}",
    "  a lamp with space around it ",
    "灯 on a plinth 🎬",
)


def write_catalogue(shell: Shell, rows: int) -> list[str]:
    """The manifest and its table; the last two rows ask for the same. Gives the prompts as they are to be sent."""
    shell.write(CATALOGUE)
    cells = [f"{CELLS[number % len(CELLS)]}{number}" for number in range(rows - 1)]
    cells.append(cells[-1])
    with (shell.manifest.parent / "catalogue.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["sku", "kind", "prompt"])
        table.writerows(
            [f"{number:04}", "Table lamp" if number % 3 else "Vase", cell] for number, cell in enumerate(cells)
        )
    return [cell.strip() for cell in cells]


def check_all_is_there(shell: Shell, api: SandboxServer, prompts: list[str]) -> None:
    report = json.loads((shell.outputs / "report.json").read_text())
    assert [take["input"]["prompt"] for take in report["takes"]] == prompts
    assert {take["state"] for take in report["takes"]} == {"done"}
    twins = report["takes"][-2:]
    assert twins[0]["fingerprint"] == twins[1]["fingerprint"]
    runs = [run["run_id"] for take in report["takes"] for run in take["runs"]]
    assert len(set(runs)) == len(runs) == api.world.stats.creates == len(prompts)
    assert len(list(shell.outputs.glob("*.mp4"))) == len(prompts)
    assert shell("verify").code is ExitCode.DONE


@pytest.mark.parametrize("rows", [20, pytest.param(950, marks=pytest.mark.deep)])
def test_each_row_of_a_table_becomes_a_video(shell: Shell, api: SandboxServer, rows: int) -> None:
    prompts = write_catalogue(shell, rows)
    assert f"Plan: {rows} to create." in shell("plan").out
    first = shell("apply", "--rate-limit", "10000/10s")
    assert first.code is ExitCode.DONE, first.err
    check_all_is_there(shell, api, prompts)
    before = replace(api.world.stats)
    assert "Nothing to do" in shell("apply").err
    assert api.world.stats == before


@pytest.mark.deep
def test_a_catalogue_that_was_killed_half_way_is_finished(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=300.0)
    prompts = write_catalogue(shell, 950)
    process = shell.spawn("apply", "--rate-limit", "4000/10s", "--max-in-flight", "100")
    wait_until(lambda: api.world.stats.creates >= 400)
    process.kill()
    process.communicate()
    assert shell("apply", "--rate-limit", "10000/10s", "--in-doubt", "resubmit").code is ExitCode.DONE
    report = json.loads((shell.outputs / "report.json").read_text())
    assert [take["input"]["prompt"] for take in report["takes"]] == prompts
    assert {take["state"] for take in report["takes"]} == {"done"}
    assert shell("verify").code is ExitCode.DONE

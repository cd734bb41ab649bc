"""What a take was made from of its row and its matrix is kept with it, also where an older version had not done so."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import Shell
from tests.helpers.ledgers import forget_variables, query

LAMPS = """\
version: 1
campaign: lamps
shots:
  - {id: hero, prompt: A lamp}
  - id: lamp-${sku}-${scene}
    prompt: A ${colour} lamp in ${scene}
    rows: products.csv
    matrix: {scene: [a loft, a library]}
    tags: [spring]
"""
PRODUCTS = "sku,colour,price\n1,teal,20\n2,red,30\n"
VARIABLES: dict[str, dict[str, str]] = {
    "hero": {},
    "lamp-1-a-loft": {"colour": "teal", "scene": "a loft", "sku": "1"},
    "lamp-1-a-library": {"colour": "teal", "scene": "a library", "sku": "1"},
    "lamp-2-a-loft": {"colour": "red", "scene": "a loft", "sku": "2"},
    "lamp-2-a-library": {"colour": "red", "scene": "a library", "sku": "2"},
}

UNKNOWN: dict[str, dict[str, str]] = {take_id: {} for take_id in VARIABLES}


@pytest.fixture
def made(shell: Shell, api: SandboxServer) -> SandboxServer:
    """All is done."""
    shell.write(LAMPS)
    shell.manifest.with_name("products.csv").write_text(PRODUCTS)
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 5
    return api


@pytest.fixture
def old(shell: Shell, made: SandboxServer) -> SandboxServer:
    """All was done by a version that kept no variables."""
    forget_variables(ledger(shell))
    (shell.state / "lamps.db.bak").unlink()
    (shell.state / "lamps.seen.json").unlink()
    for path in shell.outputs.glob("*.mp4.json"):
        sidecar = json.loads(path.read_text("utf-8"))
        sidecar.pop("variables", None)
        path.write_text(json.dumps(sidecar, indent=2) + "\n", "utf-8")
    return made


def ledger(shell: Shell) -> Path:
    return shell.state / "lamps.db"


def recorded(shell: Shell) -> dict[str, Any]:
    return {take["id"]: take["variables"] for take in shell("status", "--json").document["takes"]}


def sidecars(shell: Shell) -> dict[str, Any]:
    found = {path.name: json.loads(path.read_text("utf-8")) for path in shell.outputs.glob("*.mp4.json")}
    return {name.removesuffix(".mp4.json"): each.get("variables", {}) for name, each in found.items()}


def stamps(shell: Shell, pattern: str = "*.mp4*") -> dict[str, tuple[int, int]]:
    found = {path: path.stat() for path in shell.outputs.glob(pattern)}
    return {path.name: (status.st_ino, status.st_mtime_ns) for path, status in found.items()}


def steps(shell: Shell) -> int:
    return int(query(ledger(shell), "SELECT count(*) FROM journal")[0][0])


def test_every_record_of_a_take_names_what_it_was_made_from(shell: Shell, made: SandboxServer) -> None:
    report = json.loads((shell.outputs / "report.json").read_text("utf-8"))
    assert {take["id"]: take["variables"] for take in report["takes"]} == VARIABLES
    assert recorded(shell) == VARIABLES
    assert sidecars(shell) == VARIABLES
    exported = shell.bare("state", "export", str(shell.manifest)).document
    assert {take["id"]: take["variables"] for take in exported["takes"]} == VARIABLES
    with (shell.outputs / "report.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("sku", "colour", "scene")
    listed = {row["take"]: {name: row[f"var:{name}"] for name in names if row[f"var:{name}"]} for row in rows}
    assert listed == VARIABLES
    assert {row["prompt"] for row in rows} >= {"A lamp", "A teal lamp in a loft"}
    assert [row["file"] for row in rows] == [f"{row['take']}.mp4" for row in rows]
    assert all(0.5 < float(row["clip_seconds"]) < 30.0 for row in rows)


def test_a_second_apply_finds_nothing_to_record_and_nothing_to_write(shell: Shell, made: SandboxServer) -> None:
    before, files = steps(shell), stamps(shell, "*")
    assert shell("plan", "--detailed-exitcode").code == 0
    assert shell("apply").code is ExitCode.DONE
    assert (steps(shell), stamps(shell, "*")) == (before, files)


def test_readers_of_an_older_ledger_see_no_change_and_rewrite_no_file(shell: Shell, old: SandboxServer) -> None:
    before, files = ledger(shell).read_bytes(), stamps(shell)
    assert shell("plan", "--detailed-exitcode").code == 0
    assert shell("report").code is ExitCode.DONE
    assert shell("verify").code is ExitCode.DONE
    assert recorded(shell) == UNKNOWN
    assert (ledger(shell).read_bytes(), stamps(shell)) == (before, files)


def test_the_first_apply_records_them_without_a_payment_and_the_next_has_nothing_to_do(
    shell: Shell, old: SandboxServer
) -> None:
    before = stamps(shell)
    ended = shell.without_yes("apply")
    assert ended.code is ExitCode.DONE, ended.err
    assert recorded(shell) == sidecars(shell) == VARIABLES
    after = stamps(shell)
    rewritten = {name for name in after if after[name] != before[name]}
    assert rewritten == {f"{take_id}.mp4.json" for take_id, variables in VARIABLES.items() if variables}
    done, files = steps(shell), stamps(shell, "*")
    assert shell.without_yes("apply").code is ExitCode.DONE
    assert (steps(shell), stamps(shell, "*")) == (done, files)
    assert old.world.stats.creates == 5


@pytest.mark.parametrize(
    ("edited", "edit"),
    [("tags: [spring]", "tags: [autumn]"), ("{id: hero, prompt: A lamp}", "{id: hero, prompt: A lamp, tags: [one]}")],
)
def test_an_edit_is_still_a_change(shell: Shell, old: SandboxServer, edited: str, edit: str) -> None:
    shell.write(LAMPS.replace(edited, edit))
    assert shell("plan", "--detailed-exitcode").code == 2


def test_a_ledger_that_is_rebuilt_from_receipts_learns_them_from_the_next_apply(
    shell: Shell, made: SandboxServer
) -> None:
    ledger(shell).unlink()
    (shell.state / "lamps.db.bak").unlink()
    before = stamps(shell, "*.mp4.json")
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    assert recorded(shell) == UNKNOWN
    assert sidecars(shell) == VARIABLES
    assert shell("apply").code is ExitCode.DONE
    assert recorded(shell) == VARIABLES
    assert stamps(shell, "*.mp4.json") == before
    assert made.world.stats.creates == 5


def test_the_video_of_another_row_keeps_the_row_that_it_was_made_from(shell: Shell, made: SandboxServer) -> None:
    shell.manifest.with_name("products.csv").write_text(PRODUCTS.replace("red", "green"))
    assert shell("apply").code is ExitCode.DONE
    assert sidecars(shell)["lamp-2-a-loft"]["colour"] == "green"
    [old] = [
        json.loads(path.read_text("utf-8")) for path in (shell.outputs / "superseded").glob("lamp-2-a-loft.*.json")
    ]
    assert (old["prompt"], old["variables"]) == ("A red lamp in a loft", VARIABLES["lamp-2-a-loft"])

"""What is right already is not written again, and what somebody has touched is."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, SLOW, UNCAPPED, Shell, state_of, wait_for_result
from tests.helpers.misbehaving_api import lost_answers
from tests.helpers.timeouts import wait_until

WRITTEN = ("report.html", "report.json", "report.md", "report.csv", "report.junit.xml", "desk.mp4.json")


@pytest.fixture
def idle(shell: Shell, api: SandboxServer) -> Shell:
    """Nothing is to be done, and that was found before."""
    for _ in range(2):
        assert shell("apply", "--yes").code is ExitCode.DONE
    return shell


def stamps(shell: Shell) -> dict[str, tuple[int, int, int]]:
    found = ((path.name, path.stat()) for path in shell.outputs.iterdir())
    return {name: (seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns) for name, seen in found}


def contents(shell: Shell) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in shell.outputs.iterdir()}


def tamper(path: Path) -> None:
    """Other bytes, just as many, and the time of the old ones."""
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"desk", b"disk", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("command", [("apply", "--yes"), ("report",)], ids=lambda words: str(words[0]))
def test_what_is_right_is_not_written_again(idle: Shell, command: tuple[str, ...]) -> None:
    before, state = stamps(idle), (idle.state / "lamps.seen.json").stat().st_mtime_ns
    assert idle(*command).code is ExitCode.DONE
    assert stamps(idle) == before
    assert (idle.state / "lamps.seen.json").stat().st_mtime_ns == state


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("change", [tamper, Path.unlink, empty])
@pytest.mark.parametrize("command", [("apply", "--yes"), ("report",)], ids=lambda words: str(words[0]))
@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.few(8)
def test_what_somebody_has_touched_is_written_again(
    idle: Shell, name: str, command: tuple[str, ...], change: Callable[[Path], object]
) -> None:
    before = contents(idle)
    written_at = json.loads(before["report.json"])["generated_at"]
    change(idle.outputs / name)
    if (name, change) == ("report.json", empty):  # it may have named runs that the ledger does not know
        assert idle(*command).code is ExitCode.LEDGER
        (idle.outputs / name).unlink()
    assert idle(*command).code is ExitCode.DONE
    after = contents(idle)
    again = json.loads(after["report.json"])["generated_at"]
    assert {n: content.replace(again.encode(), written_at.encode()) for n, content in after.items()} == before


def test_a_sidecar_whose_video_has_gone_goes_and_comes_back_with_it(idle: Shell) -> None:
    video = (idle.outputs / "desk.mp4").read_bytes()
    (idle.outputs / "desk.mp4").unlink()
    assert idle("report").code is ExitCode.DONE
    assert not (idle.outputs / "desk.mp4.json").exists()
    (idle.outputs / "desk.mp4").write_bytes(video)
    assert idle("report").code is ExitCode.DONE
    assert (idle.outputs / "desk.mp4.json").exists()


def test_a_report_follows_what_the_journal_does_not_show(idle: Shell) -> None:
    idle.write(LAMPS.replace("campaign: lamps", "campaign: lamps\ndescription: Spring catalogue"))
    assert idle("apply", "--yes").code is ExitCode.DONE
    assert json.loads((idle.outputs / "report.json").read_text())["description"] == "Spring catalogue"


def test_a_report_follows_the_ledger(idle: Shell) -> None:
    assert idle.bare("state", "rm", str(idle.manifest), "desk", "--force").code is ExitCode.DONE
    assert idle("report").code is ExitCode.DONE
    assert [take["id"] for take in json.loads((idle.outputs / "report.json").read_text())["takes"]] == [
        "hero",
        "hero.take2",
    ]


def test_a_report_of_what_is_waited_for_is_written_each_time(shell: Shell, start_api: StartApi) -> None:
    """What it advises depends on how long something has taken."""
    start_api(speed=SLOW)
    process = shell.spawn("apply", "--yes")
    wait_until(lambda: shell("status", "--json").document["totals"]["running"] == 3)
    process.terminate()
    assert wait_for_result(process).code is ExitCode.SIGTERM
    assert shell("report").code is ExitCode.DONE
    before = stamps(shell)["report.json"]
    assert shell("report").code is ExitCode.DONE
    assert stamps(shell)["report.json"] != before


def test_files_of_somebody_else_are_neither_touched_nor_in_the_way(idle: Shell) -> None:
    odd = idle.outputs / os.fsdecode(b"\xff.mp4.json")
    odd.write_text('{"kind": "hailuo-batch sidecar", "campaign": "another"}')
    odd.with_suffix("").write_bytes(b"a video that no ledger knows")
    (idle.outputs / "notes.json").write_text("[]")
    os.mkfifo(idle.outputs / "pipe.mp4.json")
    for _ in range(2):
        assert idle("apply", "--yes").code is ExitCode.DONE
    before = stamps(idle)
    assert before.keys() >= {odd.name, "notes.json", "pipe.mp4.json"}
    for command in (("apply", "--yes"), ("report",), ("plan",), ("status",)):
        assert idle(*command).code is ExitCode.DONE
        assert stamps(idle) == before


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"version":1}',
        b'{"version":1,"program":1,"sidecars":[],"reports":{"mark":[true,[]],"made_of":{},"files":5}}',
    ],
)
def test_a_memory_that_is_damaged_costs_time_and_nothing_else(idle: Shell, damage: bytes) -> None:
    seen, before = idle.state / "lamps.seen.json", contents(idle)
    seen.write_bytes(damage)
    assert idle("plan").code is ExitCode.DONE
    assert idle("apply", "--yes").code is ExitCode.DONE
    assert contents(idle).keys() == before.keys()
    assert json.loads(seen.read_bytes())["version"] == 1


@pytest.mark.parametrize("kind", ["a pipe", "a link", "a folder"])
def test_a_memory_that_is_no_file_is_not_followed(idle: Shell, kind: str, tmp_path: Path) -> None:
    seen, decoy = idle.state / "lamps.seen.json", tmp_path / "decoy"
    decoy.write_bytes(seen.read_bytes())
    seen.unlink()
    match kind:
        case "a pipe":
            os.mkfifo(seen)
        case "a link":
            seen.symlink_to(decoy)
        case _:
            seen.mkdir()
    before = decoy.read_bytes()
    assert idle("report").code is ExitCode.DONE
    assert idle("apply", "--yes").code is ExitCode.DONE
    assert decoy.read_bytes() == before


def test_a_memory_of_a_newer_ledger_hides_nothing_from_an_older_one(shell: Shell, api: SandboxServer) -> None:
    """As where ledger and receipts alone were put back."""
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    shutil.copytree(shell.state, shell.workspace / "cache")
    for _ in range(2):
        assert shell("apply", "--yes").code is ExitCode.DONE
    for name in ("lamps.db", "lamps.receipts.jsonl", "lamps.db.bak"):
        shutil.copy(shell.workspace / "cache" / name, shell.state / name)
    assert shell("apply", "--yes").code is ExitCode.LEDGER
    assert api.world.stats.creates == 3


def test_receipts_are_read_again_beside_another_ledger(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    old = {path: path.read_bytes() for path in shell.state.glob("lamps.db*")}
    for _ in range(2):
        assert shell("apply", "--yes").code is ExitCode.DONE
    for path, content in old.items():
        path.write_bytes(content)
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_receipts_are_read_again_once_they_have_grown(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    with lost_answers(api):
        assert shell("apply", "--yes", "--only", "hero").code is ExitCode.UNFINISHED
    for _ in range(2):
        assert shell("apply", "--yes", "--only", "hero").code is ExitCode.UNFINISHED
    receipts = shell.state / "lamps.receipts.jsonl"
    [create] = {json.loads(line)["create"] for line in receipts.read_text().splitlines()}
    [made] = api.world.created
    answer = {"create": create, "at": time.time(), "result": "RunCreated", "run_id": made, "cost_micro_usd": 280_000}
    with receipts.open("a") as file:
        file.write(json.dumps(answer) + "\n")
    assert shell("apply", "--yes", "--only", "hero").code is ExitCode.DONE
    assert state_of(shell, "hero") == "done"
    assert api.world.stats.creates == 1

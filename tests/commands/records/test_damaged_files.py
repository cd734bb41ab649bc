"""A video that comes damaged each time: it was paid for and is kept, and nothing calls it well until it comes whole."""

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers import http
from tests.helpers.command_line import Shell
from tests.helpers.http import Act, LoopbackServer
from tests.helpers.misbehaving_api import files_at
from tests.helpers.mp4 import FTYP, box, clip

WHOLE = clip(b"light" * 3000)
CUT = WHOLE[:-1]
HEADLESS = FTYP + box(b"mdat", b"light" * 1000)
FLAW = "it is not a complete MP4: it has no moov box"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hailuo_batch.core.engine.download_queue.RETRY_PAUSES_S", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    )


def video(content: bytes) -> Act:
    return http.answer(200, content, content_type="video/mp4")


@contextmanager
def serving(api: SandboxServer, *contents: bytes) -> Iterator[LoopbackServer]:
    """What is downloaded, one content after the other; the last one stays."""
    with LoopbackServer(*map(video, contents)) as server, files_at(api, f"{server.url}/a.mp4"):
        yield server


@pytest.fixture
def damaged(shell: Shell, api: SandboxServer) -> SandboxServer:
    """`desk` has come, and is no whole video."""
    with serving(api, HEADLESS):
        ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.UNFINISHED
    return api


def test_apply_keeps_it_and_does_not_call_it_all_done(shell: Shell, api: SandboxServer) -> None:
    with serving(api, HEADLESS):
        ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.UNFINISHED
    assert (shell.outputs / "desk.mp4").read_bytes() == HEADLESS
    printed = " ".join(ended.err.split())
    assert (
        f"desk: desk.mp4 arrived damaged twice, with the same bytes: {FLAW}. It is paid for, kept as it is" in printed
    )
    assert "1 of 3 takes done (1 damaged), 2 waiting." in ended.out
    assert f"damaged  desk  desk.mp4: {FLAW}" in ended.out
    assert f"hailuo-batch verify {shell.manifest} --repair" in " ".join(ended.out.split())


def test_it_stays_known_although_nothing_is_left_to_do(shell: Shell, damaged: SandboxServer) -> None:
    for _ in range(2):
        again = shell("apply", "--only", "desk")
        assert "Nothing to do" in again.err
        assert again.code is ExitCode.UNFINISHED
        assert "(1 damaged)" in again.out
    assert damaged.world.stats.creates == 1
    assert shell("apply").code is ExitCode.UNFINISHED  # the others come well, which does not mend this one
    assert "3 of 3 takes done (1 damaged)." in shell("status").out


def test_status_reports_it_and_what_to_do(shell: Shell, damaged: SandboxServer) -> None:
    ended = shell("status")
    assert ended.code is ExitCode.DONE
    [line] = [line for line in ended.out.splitlines() if "damaged  desk " in line]
    assert line.split()[:2] == ["✗", "damaged"]
    assert FLAW in line
    printed = " ".join(ended.out.split())
    assert f"hailuo-batch verify {shell.manifest} --repair" in printed
    assert f"hailuo-batch apply {shell.manifest} --only desk --replace desk" in printed
    assert "pays again" in printed
    [desk] = [take for take in shell("status", "--json").document["takes"] if take["id"] == "desk"]
    assert desk["state"] == "done"
    assert [output["flaw"] for output in desk["outputs"]] == [FLAW]


def test_every_report_reports_it(shell: Shell, damaged: SandboxServer) -> None:
    assert shell("report").code is ExitCode.DONE
    written = {path.name: path.read_text("utf-8") for path in shell.outputs.glob("report.*")}
    document = json.loads(written["report.json"])
    assert document["damaged_takes"] == 1
    assert (document["totals"]["done"], document["totals"]["takes"]) == (1, 3)
    [desk] = [take for take in document["takes"] if take["id"] == "desk"]
    assert desk["runs"][0]["outputs"][0]["flaw"] == FLAW
    assert "damaged" in desk["runs"][0]["advice"]["text"]
    assert FLAW in written["report.html"]
    assert "(1 damaged)" in written["report.md"]
    assert f"desk.mp4: {FLAW}" in written["report.md"]
    rows = list(csv.DictReader(written["report.csv"].splitlines()))
    assert [row["damaged"] for row in rows] == ["yes"]
    [case] = [
        case for case in ET.fromstring(written["report.junit.xml"]).iter("testcase") if case.get("name") == "desk"
    ]
    [failure] = case.iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("damaged", f"damaged: desk.mp4: {FLAW}")


def test_the_sidecar_reports_it(shell: Shell, damaged: SandboxServer) -> None:
    assert json.loads((shell.outputs / "desk.mp4.json").read_text("utf-8"))["flaw"] == FLAW
    assert shell("apply").code is ExitCode.UNFINISHED
    assert "flaw" not in json.loads((shell.outputs / "hero.mp4.json").read_text("utf-8"))


def test_verify_counts_it(shell: Shell, damaged: SandboxServer) -> None:
    ended = shell("verify")
    assert ended.code is ExitCode.UNFINISHED
    assert "1 file compared: 0 as saved, 1 damaged." in ended.out
    assert "damaged  desk.mp4" in ended.out
    assert FLAW in ended.out
    assert "--repair" in ended.err
    document = shell("verify", "--json").document
    assert (document["differing"], document["damaged"], document["repaired"]) == (0, 1, 0)
    assert [(file["found"], file["flaw"]) for file in document["files"]] == [("same", FLAW)]


def test_repair_takes_the_flaw_away_once_it_comes_whole(shell: Shell, damaged: SandboxServer) -> None:
    with serving(damaged, WHOLE):
        ended = shell("verify", "--repair")
    assert ended.code is ExitCode.DONE, ended.err
    assert "1 file compared: 0 as saved, 1 repaired." in ended.out
    assert (shell.outputs / "desk.mp4").read_bytes() == WHOLE
    assert (shell.outputs / "desk.kept-1.mp4").read_bytes() == HEADLESS
    assert damaged.world.stats.creates == 1
    assert shell("verify").code is ExitCode.DONE
    assert "1 of 3 takes done, 2 waiting." in shell("status").out
    assert "Nothing to do" in shell("apply", "--only", "desk").err
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert "flaw" not in json.loads((shell.outputs / "desk.mp4.json").read_text("utf-8"))


def test_repair_that_brings_the_same_again_reports_it_and_forgets_nothing(shell: Shell, damaged: SandboxServer) -> None:
    with serving(damaged, HEADLESS) as server:
        ended = shell("verify", "--repair")
        assert len(server.requests) == 2
    assert ended.code is ExitCode.UNFINISHED
    assert "1 file arrived damaged again" in " ".join(ended.err.split())
    assert "0 as saved, 1 damaged." in ended.out
    assert [path.name for path in shell.outputs.glob("*.mp4")] == ["desk.mp4"]
    assert "(1 damaged)" in shell("status").out


def test_repair_that_brings_something_else_that_is_damaged_leaves_what_is_there(
    shell: Shell, damaged: SandboxServer
) -> None:
    with serving(damaged, *(WHOLE[:-n] for n in range(1, 9))):
        ended = shell("verify", "--repair")
    assert ended.code is ExitCode.UNFINISHED
    assert (shell.outputs / "desk.mp4").read_bytes() == HEADLESS
    assert "(1 damaged)" in shell("status").out


def test_a_take_that_is_made_again_is_well_and_the_old_video_is_no_difference(
    shell: Shell, damaged: SandboxServer
) -> None:
    assert shell("apply", "--only", "desk", "--replace", "desk").code is ExitCode.DONE
    assert "1 of 3 takes done, 2 waiting." in shell("status").out
    [old] = (shell.outputs / "superseded").glob("*.mp4")
    assert old.read_bytes() == HEADLESS
    verified = shell("verify", "--json")
    assert verified.code is ExitCode.DONE
    assert verified.document["damaged"] == 0
    assert {file["flaw"] for file in verified.document["files"]} == {None, FLAW}


def test_a_damaged_file_that_is_deleted_is_downloaded_by_the_next_apply(shell: Shell, damaged: SandboxServer) -> None:
    (shell.outputs / "desk.mp4").unlink()
    assert "downloading  desk" in shell("plan").out or "its file is gone" in shell("plan").out
    with serving(damaged, WHOLE):
        assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert damaged.world.stats.creates == 1
    assert "1 of 3 takes done, 2 waiting." in shell("status").out


def test_the_ledgers_own_commands_report_it(shell: Shell, damaged: SandboxServer) -> None:
    assert f"damaged: {FLAW}" in shell.bare("state", "show", str(shell.manifest)).out
    exported = shell.bare("state", "export", str(shell.manifest)).document
    [desk] = [take for take in exported["takes"] if take["id"] == "desk"]
    assert desk["runs"][0]["outputs"][0]["flaw"] == FLAW
    assert "damaged" in shell("plan", "-v").out

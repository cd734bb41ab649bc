"""`verify`: the files on disk beside the ledger, and what differs downloaded again."""

import errno
import fcntl
import hashlib
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, SLOW, Shell, read_terminal
from tests.helpers.misbehaving_api import refusing
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until


@pytest.fixture
def finished(shell: Shell, api: SandboxServer) -> SandboxServer:
    assert shell("apply").code is ExitCode.DONE
    return api


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file server and an API that are away are given up soon."""
    monkeypatch.setattr("hailuo_batch.core.engine.download_queue.RETRY_PAUSES_S", (0.01,))
    monkeypatch.setattr("hailuo_batch.core.scheduling.api_health.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("hailuo_batch.core.scheduling.api_health.GONE_AFTER_S", 0.1)


def change(path: Path) -> bytes:
    """Change a file, but not its size. Returns what it then holds."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return path.read_bytes()


def videos(shell: Shell) -> dict[str, bytes]:
    return {path.relative_to(shell.outputs).as_posix(): path.read_bytes() for path in shell.outputs.rglob("*.mp4")}


def test_files_that_are_as_saved_are_well(
    shell: Shell, finished: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    ended = shell("verify")
    assert ended.code is ExitCode.DONE
    assert "3 files compared: 3 as saved." in ended.out
    assert shell("verify", "-q").out == ""


def test_a_campaign_without_a_video_has_nothing_to_compare(shell: Shell, api: SandboxServer) -> None:
    with refusing(api, "no"):
        shell("apply")
    ended = shell("verify")
    assert ended.code is ExitCode.DONE
    assert ended.out == "No file to compare: the ledger has no saved file.\n"


def test_missing_and_changed_files_are_named(shell: Shell, finished: SandboxServer) -> None:
    (shell.outputs / "desk.mp4").unlink()
    change(shell.outputs / "hero.mp4")
    with (shell.outputs / "hero.take2.mp4").open("ab") as file:
        file.write(b"more")
    before = videos(shell)
    ended = shell("verify")
    assert ended.code is ExitCode.UNFINISHED
    lines = [line.split() for line in ended.out.splitlines()]
    assert {(line[0], line[1]) for line in lines} >= {
        ("missing", "desk.mp4"),
        ("changed", "hero.mp4"),
        ("changed", "hero.take2.mp4"),
    }
    assert "3 files compared: 0 as saved, 1 missing, 2 changed." in ended.out
    assert "--repair" in ended.err
    assert videos(shell) == before


def test_a_file_that_the_disk_cannot_read_is_named_with_the_reason(
    shell: Shell, finished: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: BinaryIO, digest: str) -> NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(hashlib, "file_digest", broken)
    ended = shell("verify")
    assert ended.code is ExitCode.UNFINISHED
    assert re.search(r"unreadable +hero\.mp4 +hero, run_\w+: Input/output error", ended.out)
    assert "3 files compared: 0 as saved, 3 unreadable." in ended.out


def test_each_difference_states_what_differs(shell: Shell, finished: SandboxServer) -> None:
    change(shell.outputs / "desk.mp4")
    with (shell.outputs / "hero.mp4").open("ab") as file:
        file.write(b"more")
    size = (shell.outputs / "hero.mp4").stat().st_size
    ended = shell("verify")
    assert re.search(r"changed +desk\.mp4 +desk, run_\w+: other bytes, of the same size", ended.out)
    assert re.search(rf"changed +hero\.mp4 +hero, run_\w+: {size:,} bytes, not {size - 4:,}", ended.out)
    [hero] = [file for file in shell("verify", "--json").document["files"] if file["path"] == "hero.mp4"]
    assert (hero["found_bytes"], hero["found_sha256"]) == (size, None)
    repaired = shell("verify", "--repair").out
    assert re.search(r"repaired +hero\.mp4 +hero, run_\w+: was changed", repaired)


def test_rows_fit_the_terminal(shell: Shell, finished: SandboxServer) -> None:
    with (shell.outputs / "hero.mp4").open("ab") as file:
        file.write(b"more")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    command = [sys.executable, "-m", "hailuo_batch", "verify", str(shell.manifest)]
    process = subprocess.run(command, stdout=theirs, stderr=subprocess.DEVNULL, timeout=TEST_TIMEOUT_S, check=False)
    os.close(theirs)
    lines = read_terminal(ours).decode().splitlines()
    os.close(ours)
    assert process.returncode == ExitCode.UNFINISHED
    assert lines[0].split() == ["changed", "hero.mp4"]
    assert "bytes, not" in " ".join(lines)
    assert max(map(len, lines)) <= 60


def test_superseded_files_are_compared_too(shell: Shell, finished: SandboxServer) -> None:
    shell.write(LAMPS.replace("A desk", "A desk at night"))
    assert shell("apply").code is ExitCode.DONE
    [old] = (shell.outputs / "superseded").glob("*.mp4")
    content = old.read_bytes()
    old.unlink()
    ended = shell("verify")
    assert ended.code is ExitCode.UNFINISHED
    assert "superseded" in ended.out
    assert shell("verify", "--repair").code is ExitCode.DONE
    assert old.read_bytes() == content


def test_a_file_that_is_gone_of_a_run_that_was_given_up_is_no_difference(shell: Shell, finished: SandboxServer) -> None:
    (shell.outputs / "desk.mp4").unlink()
    assert shell("verify").code is ExitCode.UNFINISHED
    assert shell("resolve", "desk", "--abandon").code is ExitCode.DONE
    ended = shell("verify")
    assert ended.code is ExitCode.DONE
    assert "2 files compared: 2 as saved." in ended.out
    assert shell("verify", "--repair").code is ExitCode.DONE


def test_json_is_one_document(shell: Shell, finished: SandboxServer) -> None:
    change(shell.outputs / "hero.mp4")
    ended = shell("verify", "--json")
    assert ended.code is ExitCode.UNFINISHED
    document = ended.document
    assert (document["compared"], document["differing"], document["repaired"]) == (3, 1, 0)
    by_path = {file["path"]: file for file in document["files"]}
    assert {path: file["found"] for path, file in by_path.items()} == {
        "hero.mp4": "changed",
        "hero.take2.mp4": "same",
        "desk.mp4": "same",
    }
    hero = by_path["hero.mp4"]
    assert hero["take"] == "hero"
    assert hero["bytes"] == hero["found_bytes"]
    assert hero["sha256"] != hero["found_sha256"]


def test_repair_brings_back_what_is_missing_and_keeps_what_was_changed_aside(
    shell: Shell, finished: SandboxServer
) -> None:
    before = videos(shell)
    (shell.outputs / "desk.mp4").unlink()
    by_hand = change(shell.outputs / "hero.mp4")
    ended = shell("verify", "--repair")
    assert ended.code is ExitCode.DONE, ended.err
    assert videos(shell) == {**before, "hero.kept-1.mp4": by_hand}
    assert "2 repaired" in ended.out
    assert "hero.kept-1.mp4" in ended.err
    assert finished.world.stats.creates == 3
    assert shell("verify").code is ExitCode.DONE
    assert "Nothing to do" in shell("apply").err


def test_repair_states_what_it_did_in_its_document(shell: Shell, finished: SandboxServer) -> None:
    (shell.outputs / "desk.mp4").unlink()
    document = shell("verify", "--repair", "--json").document
    assert (document["differing"], document["repaired"]) == (0, 1)
    assert [file["path"] for file in document["files"] if file["repaired"]] == ["desk.mp4"]


def test_repair_leaves_a_report_and_sidecars_that_are_true(shell: Shell, finished: SandboxServer) -> None:
    (shell.outputs / "desk.mp4").unlink()
    change(shell.outputs / "hero.mp4")
    true = json.loads((shell.outputs / "report.json").read_text("utf-8"))
    for path in shell.outputs.glob("report.*"):
        path.write_text("of a time before", "utf-8")
    (shell.outputs / "report.json").write_text(json.dumps(true | {"description": "of a time before"}))
    sidecar = shell.outputs / "desk.mp4.json"
    printed = sidecar.read_text("utf-8")
    sidecar.unlink()
    assert shell("verify", "--repair").code is ExitCode.DONE
    written = json.loads((shell.outputs / "report.json").read_text("utf-8"))
    assert written == true | {"generated_at": written["generated_at"]}
    assert sidecar.read_text("utf-8") == printed
    assert not any(path.read_text("utf-8") == "of a time before" for path in shell.outputs.glob("report.*"))
    page = (shell.outputs / "report.html").read_text("utf-8")
    assert '"applying":false' in page
    assert str(shell.manifest) in page
    assert "MANIFEST" not in page


def test_repair_that_brings_nothing_back_reports_it_in_the_report(
    shell: Shell, finished: SandboxServer, impatient: None
) -> None:
    (shell.outputs / "desk.mp4").unlink()
    finished.stop()
    assert shell("verify", "--repair").code is ExitCode.UNFINISHED
    written = json.loads((shell.outputs / "report.json").read_text("utf-8"))
    [desk] = [take for take in written["takes"] if take["id"] == "desk"]
    assert (desk["state"], desk["outputs"][0]["path"]) == ("downloading", None)
    assert not (shell.outputs / "desk.mp4.json").exists()


def test_repair_writes_no_sidecars_where_none_are_wanted(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--no-sidecar").code is ExitCode.DONE
    (shell.outputs / "desk.mp4").unlink()
    assert shell("verify", "--repair", "--no-sidecar").code is ExitCode.DONE
    assert list(shell.outputs.glob("*.mp4.json")) == []


def test_a_report_that_cannot_be_written_is_reported_and_repairs_all_the_same(
    shell: Shell, finished: SandboxServer
) -> None:
    (shell.outputs / "desk.mp4").unlink()
    (shell.outputs / "report.html").unlink()
    (shell.outputs / "report.html").mkdir()
    ended = shell("verify", "--repair")
    assert ended.code is ExitCode.UNFINISHED
    assert "could not be written" in ended.err
    assert "1 repaired" in ended.out
    assert (shell.outputs / "desk.mp4").is_file()


def test_repair_of_what_is_well_sends_nothing_and_needs_no_key(
    shell: Shell, finished: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    reads = finished.world.stats.reads
    assert shell("verify", "--repair").code is ExitCode.DONE
    assert finished.world.stats.reads == reads


def test_repair_pays_for_nothing_although_the_manifest_asks_for_more(shell: Shell, finished: SandboxServer) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: 4").replace("A desk", "Another desk"))
    (shell.outputs / "desk.mp4").unlink()
    assert shell("verify", "--repair").code is ExitCode.DONE
    assert finished.world.stats.creates == 3
    assert (shell.outputs / "desk.mp4").is_file()
    assert "new" in shell("plan").out


def test_repair_is_no_apply_of_a_manifest_that_has_changed(shell: Shell, finished: SandboxServer) -> None:
    printed = json.loads((shell.outputs / "report.json").read_text("utf-8"))
    sidecar = (shell.outputs / "desk.mp4.json").read_text("utf-8")
    shell.write(LAMPS.replace("campaign: lamps", "campaign: lamps\ndescription: Others"))
    (shell.outputs / "desk.mp4").unlink()
    (shell.outputs / "desk.mp4.json").unlink()
    assert shell("verify", "--repair").code is ExitCode.DONE
    written = json.loads((shell.outputs / "report.json").read_text("utf-8"))
    assert (written["manifest_sha256"], written["description"]) == (printed["manifest_sha256"], "")
    assert (shell.outputs / "desk.mp4.json").read_text("utf-8") == sidecar


def test_changed_file_that_cannot_be_had_again_stays_where_it_is(
    shell: Shell, finished: SandboxServer, impatient: None
) -> None:
    by_hand = change(shell.outputs / "hero.mp4")
    before = videos(shell)
    finished.stop()
    ended = shell("verify", "--repair")
    assert ended.code is ExitCode.UNFINISHED
    assert "could not be downloaded again" in ended.err
    assert videos(shell) == before
    assert videos(shell)["hero.mp4"] == by_hand
    assert "3 of 3 takes done" in shell("status").out


def test_repair_works_on_the_sandbox_whose_links_have_moved(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hailuo_batch.app.api_target._SANDBOX_SPEED", 1000.0)
    shell.write(LAMPS.replace("takes: 2", "takes: 1"))
    assert shell("apply", "--sandbox", "--only", "desk").code is ExitCode.DONE
    path = shell.workspace / "outputs" / "lamps.sandbox" / "desk.mp4"
    content = path.read_bytes()
    path.unlink()
    assert shell("verify", "--sandbox").code is ExitCode.UNFINISHED
    ended = shell("verify", "--sandbox", "--repair")
    assert ended.code is ExitCode.DONE, ended.err
    assert path.read_bytes() == content


def test_nothing_to_verify_is_reported(shell: Shell, api: SandboxServer) -> None:
    ended = shell("verify")
    assert ended.code is ExitCode.USAGE
    assert "no ledger" in ended.err


def test_verify_looks_while_an_apply_is_at_work(shell: Shell, start_api: StartApi) -> None:
    start_api(speed=SLOW)
    process = shell.spawn("apply")
    try:
        wait_until(lambda: "running" in shell("status").out)
        ended = shell("verify", "--json")
        assert ended.code is ExitCode.DONE
        assert json.loads(ended.out)["compared"] == 0
        assert "is running on this campaign: its files may change" in ended.err
        assert shell("verify", "--repair").code is ExitCode.BUSY
    finally:
        process.terminate()
        process.communicate(timeout=TEST_TIMEOUT_S)

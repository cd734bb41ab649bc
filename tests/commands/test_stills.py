"""Stills from the command line: they come with the videos, follow them, and never decide how a command ends."""

import hashlib
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from hailuo_batch.adapters.stills import ffmpeg
from hailuo_batch.app import reports
from hailuo_batch.core.model.file_layout import STILLS_FOLDER, poster_name
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.adapters.stills.test_pictures import JPEG
from tests.helpers.command_line import LAMPS, Shell, wait_for_result
from tests.helpers.images import png
from tests.helpers.programs import FFMPEG, needs_ffmpeg, write_program
from tests.helpers.timeouts import wait_until


class Program:
    """The ffmpeg on PATH, as a test wants it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.path = folder / "bin" / "ffmpeg"
        self.asked = folder / "asked"
        self.asked.mkdir()
        (folder / "still.jpg").write_bytes(JPEG)
        self._good = f"mkdir {self.asked}/$$; cat {folder}/still.jpg"
        patch.setenv("PATH", f"{self.path.parent}{os.pathsep}{os.environ['PATH']}")
        patch.setattr(ffmpeg, "which", shutil.which)
        self.work()

    def work(self) -> None:
        write_program(self.path, self._good)

    def answer(self, script: str) -> None:
        write_program(self.path, script)

    @property
    def times(self) -> int:
        """How often it was asked."""
        return len(list(self.asked.iterdir()))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    (tmp_path / "programs").mkdir()
    return Program(tmp_path / "programs", monkeypatch)


def stills(shell: Shell) -> set[str]:
    try:
        return {path.name for path in (shell.outputs / STILLS_FOLDER).iterdir()}
    except FileNotFoundError:
        return set()


def expected(shell: Shell) -> set[str]:
    """The names of the stills of all videos, wherever they lie."""
    videos = [*shell.outputs.glob("*.mp4"), *shell.outputs.glob("superseded/*.mp4")]
    return {poster_name(hashlib.sha256(video.read_bytes()).hexdigest()) for video in videos}


def posters_in_page(shell: Shell) -> set[str]:
    page = (shell.outputs / "report.html").read_text()
    return set(re.findall(rf'"poster":"{STILLS_FOLDER}/([^"]*)"', page))


@needs_ffmpeg
def test_each_video_of_an_apply_has_its_still(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "which", {"ffmpeg": FFMPEG}.get)
    assert shell("apply").code is ExitCode.DONE
    assert stills(shell) == expected(shell) == posters_in_page(shell)
    assert all((shell.outputs / STILLS_FOLDER / name).read_bytes()[:2] == b"\xff\xd8" for name in stills(shell))


def test_a_still_follows_its_video_and_goes_with_it(shell: Shell, api: SandboxServer, program: Program) -> None:
    shell("apply")
    assert stills(shell) == expected(shell)
    shell.write(LAMPS.replace("A desk", "A chair"))  # the old video goes to superseded/
    shell("apply")
    assert len(stills(shell)) == 4
    assert stills(shell) == expected(shell)
    assert posters_in_page(shell) == expected(shell)
    made = program.times
    for command in ("state", "verify", "apply", "report"):
        result = shell.bare("state", "show", str(shell.manifest)) if command == "state" else shell(command)
        assert result.code is ExitCode.DONE, result.err
    assert program.times == made
    (shell.outputs / STILLS_FOLDER / f"{'0' * 24}.jpg").write_bytes(JPEG)  # of a video that no run has
    shell("apply")
    assert stills(shell) == expected(shell)


def test_what_is_missing_is_made_by_the_next_report(shell: Shell, api: SandboxServer, program: Program) -> None:
    program.path.unlink()
    shell("apply")
    assert (stills(shell), posters_in_page(shell)) == (set(), set())
    program.work()
    assert shell("report", "--format", "json").code is ExitCode.DONE
    assert stills(shell) == set()
    assert shell("report").code is ExitCode.DONE
    assert stills(shell) == expected(shell) == posters_in_page(shell)


def test_a_page_with_all_its_stills_is_not_written_again(shell: Shell, api: SandboxServer, program: Program) -> None:
    shell("apply")
    page = shell.outputs / "report.html"
    before = page.stat()
    shell("apply")
    shell("report")
    assert page.stat().st_ino == before.st_ino
    next((shell.outputs / STILLS_FOLDER).iterdir()).unlink()
    shell("apply")
    assert stills(shell) == expected(shell) == posters_in_page(shell)


@pytest.mark.parametrize(
    "script", ["exit 1", "echo garbage", "kill -SEGV $$", "exec /nowhere"], ids=["failing", "garbage", "crash", "gone"]
)
def test_an_ffmpeg_that_fails_changes_nothing_else(
    shell: Shell, api: SandboxServer, program: Program, script: str
) -> None:
    program.answer(f"mkdir {program.asked}/$$; {script}")
    applied = shell("apply")
    assert applied.code is ExitCode.DONE
    assert "still" not in applied.err
    assert stills(shell) == set()
    # each once; but the one that the end of the downloads breaks off is not the file's fault
    assert 3 <= program.times <= 4
    assert (shell.outputs / "report.html").exists()
    assert shell("verify").code is ExitCode.DONE


def test_a_folder_that_cannot_be_written_changes_nothing_else(
    shell: Shell, api: SandboxServer, program: Program, tmp_path: Path
) -> None:
    shell.outputs.mkdir(parents=True)
    (shell.outputs / STILLS_FOLDER).symlink_to(tmp_path)
    assert shell("apply", "--new-ledger").code is ExitCode.DONE
    assert not list(tmp_path.glob("*.jpg"))


def test_only_who_asks_for_everything_hears_that_there_is_none(
    shell: Shell, api: SandboxServer, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "which", lambda _: None)
    assert "ffmpeg" not in shell("apply").err
    assert "ffmpeg" not in shell("report").err
    assert "There is no usable ffmpeg" in " ".join(shell("report", "-v").err.split())


def test_reference_images_on_this_machine_stand_beside_the_video(
    shell: Shell, api: SandboxServer, program: Program
) -> None:
    folder = shell.workspace / "images"
    folder.mkdir()
    (folder / "lamp.png").write_bytes(png(size=90_000))
    images = 'campaign: lamps\nimages: {base_url: "https://cdn.example.invalid/", dir: ../images}'
    asked = LAMPS.replace("campaign: lamps", images).replace("A desk}", "A desk, image_urls: [lamp.png]}")
    shell.write(asked)
    assert shell("apply", "--no-check-images").code is ExitCode.DONE
    [thumbnail] = stills(shell) - expected(shell)
    assert thumbnail.endswith(".thumb.jpg")
    page = (shell.outputs / "report.html").read_text()
    assert '{"picture":0,"url":"https://cdn.example.invalid/lamp.png"}' in page
    assert page.count("data:image/jpeg;base64,") == 1
    (folder / "lamp.png").write_bytes(png(640, 481, size=90_000))
    shell("report")
    assert '"picture":0' not in (shell.outputs / "report.html").read_text()


def test_an_apply_does_not_hold_its_lock_for_stills_that_take_long(
    shell: Shell, api: SandboxServer, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "LONGEST_IN_APPLY_S", 0.2)
    program.answer(f"mkdir {program.asked}/$$; sleep 1000")
    applied = shell("apply")
    assert applied.code is ExitCode.DONE
    assert f"3 stills left to make. `hailuo-batch report {shell.manifest}` makes them." in " ".join(applied.err.split())
    program.work()
    assert "left to make" not in shell("report").err
    assert stills(shell) == expected(shell)


@pytest.mark.deep
def test_ctrl_c_while_a_report_makes_stills_leaves_whole_ones_and_a_page(
    shell: Shell, api: SandboxServer, program: Program
) -> None:
    program.path.unlink()
    shell("apply")
    page = shell.outputs / "report.html"
    page.unlink()
    program.answer(f"mkdir {program.asked}/$$; sleep 1000")
    process = shell.spawn("report")
    wait_until(lambda: program.times > 0)
    process.send_signal(signal.SIGINT)
    stopped = wait_for_result(process)
    assert (stopped.code, "Traceback" in stopped.err) == (ExitCode.SIGINT, False)
    assert page.exists()
    assert stills(shell) == set()
    program.work()
    assert shell("report").code is ExitCode.DONE
    assert stills(shell) == expected(shell)


@pytest.mark.deep
def test_a_signal_ends_an_apply_that_makes_stills_at_once(shell: Shell, api: SandboxServer, program: Program) -> None:
    program.answer(f"mkdir {program.asked}/$$; sleep 1000")
    process = shell.spawn("apply")
    wait_until(lambda: program.times > 0 and (shell.outputs / "report.md").exists())
    process.send_signal(signal.SIGTERM)
    assert wait_for_result(process).code is ExitCode.SIGTERM
    assert shell("status").code is ExitCode.DONE

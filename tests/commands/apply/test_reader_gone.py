"""What an apply prints never decides about money: readers that go away, terminals that close, full disks under logs.

The program runs as a process of its own, with creates under way whose answers are on their way back.
"""

import os
import pty
import shlex
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, UNCAPPED, Shell, read_terminal
from tests.helpers.misbehaving_api import held
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

TAKES = 3
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
SOON = ("--run-timeout", "1s")  # when it stops waiting for runs that go on for long
often = pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.deep)])

# The terminal on stdin comes to control the session that the program begins: closed, the kernel says so with SIGHUP.
TAKE_THE_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class RepeatedApply:
    """One campaign, from nothing each time."""

    def __init__(self, shell: Shell, time: int) -> None:
        folder = shell.workspace / str(time)
        self.shell = shell
        self.folders = ("--state-dir", str(folder / "state"), "--output-dir", str(folder / "outputs"))

    def words(self, *options: str) -> list[str]:
        """An apply of it."""
        manifest = str(self.shell.manifest)
        return [sys.executable, "-m", "hailuo_batch", "apply", manifest, "--yes", *self.folders, *options]

    def runs(self) -> dict[str, set[str | None]]:
        """The run IDs of the ledger, by the state that their runs are in."""
        found: dict[str, set[str | None]] = {}
        for take in self.shell("status", "--json", *self.folders).document["takes"]:
            for run in take["runs"]:
                found.setdefault(run["state"], set()).add(run["run_id"])
        return found

    def assert_every_answer_is_recorded(self, api: SandboxServer) -> None:
        """Also the one to a create that was refused."""
        assert "in_doubt" not in self.runs()
        assert self.run_ids() == set(api.world.created)

    def run_ids(self) -> set[str]:
        """All that the ledger knows."""
        return {id_ for ids in self.runs().values() for id_ in ids if id_ is not None}


@contextmanager
def running(words: list[str], **streams: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that does not outlive the test."""
    with subprocess.Popen(words, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def _uncapped(shell: Shell) -> None:
    """Under a cap and without a known price, one create would go alone."""
    shell.write(UNCAPPED)


def test_a_reader_that_goes_away_stops_it_and_every_answer_is_recorded(shell: Shell, start_api: StartApi) -> None:
    api, again = start_api(speed=SLOW), RepeatedApply(shell, 0)
    with (
        held(api) as holding,
        running(again.words(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
    ):
        holding.wait_for(TAKES)
        assert process.stdout is not None
        process.stdout.close()
        holding.answer()
        assert process.wait(TEST_TIMEOUT_S) == ExitCode.SIGTERM
    assert len(api.world.created) == TAKES - 1
    again.assert_every_answer_is_recorded(api)


@often
def test_head_reads_three_lines_and_no_answer_is_lost(shell: Shell, start_api: StartApi, times: int) -> None:
    for time in range(times):
        api, again = start_api(speed=SLOW, latency_s=0.2, seed=time), RepeatedApply(shell, time)
        script = f"{shlex.join(again.words())} 2>&1 | head -3; exit ${{PIPESTATUS[0]}}"
        ended = subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=TEST_TIMEOUT_S)
        assert ended.returncode == ExitCode.SIGTERM
        assert ended.stdout.count(b"\n") == 3
        again.assert_every_answer_is_recorded(api)


@often
@pytest.mark.parametrize("by", [(), ("-c", TAKE_THE_TERMINAL)], ids=["its-session-goes-on", "its-session-ends"])
@pytest.mark.few(1)
def test_a_closed_terminal_stops_it_and_every_answer_is_recorded(
    shell: Shell, start_api: StartApi, by: tuple[str, ...], times: int
) -> None:
    for time in range(times):
        api, again = start_api(speed=SLOW, seed=time), RepeatedApply(shell, time)
        ours, theirs = pty.openpty()
        program, *words = again.words()
        with (
            held(api) as holding,
            running(
                [program, *by, *words], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
            ) as process,
        ):
            os.close(theirs)
            holding.wait_for(TAKES)
            os.close(ours)
            holding.answer()
            assert process.wait(TEST_TIMEOUT_S) == ExitCode.SIGTERM
        again.assert_every_answer_is_recorded(api)


def test_answers_are_recorded_while_the_terminal_is_stopped_as_by_ctrl_s(shell: Shell, start_api: StartApi) -> None:
    api, again = start_api(speed=SLOW), RepeatedApply(shell, 0)
    ours, theirs = pty.openpty()
    with (
        held(api) as holding,
        running(again.words(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process,
    ):
        holding.wait_for(TAKES)
        termios.tcflow(theirs, termios.TCOOFF)
        holding.answer()
        wait_until(lambda: len(api.world.created) == TAKES and api.world.created.keys() <= again.run_ids())
        termios.tcflow(theirs, termios.TCOON)
        process.terminate()
        os.close(theirs)
        read_terminal(ours)
        assert process.wait(TEST_TIMEOUT_S) == ExitCode.SIGTERM
    os.close(ours)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk that has room for some words of a log; where none can be made, the device that has room for nothing."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "log", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        yield FULL
        return
    try:
        log = folder / "apply.log"
        log.write_bytes(b"." * 3900)
        yield log
        assert log.stat().st_size == 4096
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@needs_full
@often
def test_a_log_on_a_full_disk_is_silent_and_every_answer_is_recorded(
    shell: Shell, start_api: StartApi, tmp_path: Path, times: int
) -> None:
    for time in range(times):
        api, again = start_api(speed=SLOW, seed=time), RepeatedApply(shell, time)
        with (
            held(api) as holding,
            small_disk(tmp_path / str(time)) as log,
            log.open("a") as file,
            running(again.words(*SOON), stdout=file, stderr=file) as process,
        ):
            holding.wait_for(TAKES)
            holding.answer()
            assert process.wait(TEST_TIMEOUT_S) == ExitCode.UNFINISHED
        again.assert_every_answer_is_recorded(api)


@needs_full
@pytest.mark.parametrize("redirected", ["2>/dev/full", ">/dev/full", "-q 2>/dev/full"])
@pytest.mark.few(1)
def test_a_full_disk_under_either_stream_only_silences_it(shell: Shell, start_api: StartApi, redirected: str) -> None:
    api, again = start_api(speed=SLOW), RepeatedApply(shell, 0)
    script = f"exec {shlex.join(again.words(*SOON))} {redirected}"
    ended = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == ExitCode.UNFINISHED
    assert "cannot be written" not in ended.stderr
    assert len(api.world.created) == TAKES
    again.assert_every_answer_is_recorded(api)


@needs_full
def test_its_exit_code_is_that_of_what_it_did_although_it_could_state_nothing(shell: Shell, api: SandboxServer) -> None:
    again = RepeatedApply(shell, 0)
    script = f"exec {shlex.join(again.words())} >/dev/full 2>&1"
    assert subprocess.run(["sh", "-c", script], check=False).returncode == ExitCode.DONE
    assert again.runs() == {"succeeded": set(api.world.created)}


@needs_full
def test_a_document_that_cannot_be_written_is_an_error_and_the_ledger_is_complete(
    shell: Shell, api: SandboxServer
) -> None:
    again = RepeatedApply(shell, 0)
    assert shell("apply", "--yes", *again.folders).code is ExitCode.DONE
    with FULL.open("w") as full:
        ended = subprocess.run(again.words("--json"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == ExitCode.UNFINISHED
    assert "stdout cannot be written (No space left on device)" in ended.stderr
    assert "3 of 3 takes done" in ended.stderr

"""`status`: how far a campaign is, what needs its user, and the same again and again."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

import pytest

from hailuo_batch.adapters.ledger.lock import CampaignLock, LockHolder
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, SLOW, Shell, read_terminal, wait_for_result
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

RETURN = re.compile(r"\x1b\[(\d+)A\r")


def test_what_is_not_done_is_listed_and_what_is_done_on_demand(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    short = shell("status").out
    assert "1 of 3 takes done, 2 waiting.\nTime for the next apply: about 1s.\nCharged $0.28" in short
    assert "hero.take2" in short
    assert "desk.mp4" not in short
    assert short.endswith(f"\nTo continue: hailuo-batch apply {shell.manifest}\n")
    assert "✓ done     desk        desk.mp4, $0.28" in shell("status", "--all").out


def test_quiet_leaves_the_totals_and_verbose_shows_everything_undone(shell: Shell, api: SandboxServer) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: 30"))
    assert [line.split()[0] for line in shell("status", "-q").out.splitlines()] == ["0", "Time", "Charged"]
    assert shell("status").out.count("◦ waiting") == 20
    assert "... and 11 more waiting; -v shows them" in shell("status").out
    assert shell("status", "-v").out.count("◦ waiting") == 31


def test_each_ledger_is_named_where_only_the_other_is_there(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    assert "The real campaign has a ledger: leave --sandbox out to use it." in shell("status", "--sandbox").err


def test_takes_that_left_the_manifest_are_named(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("  - {id: desk, prompt: A desk}\n", ""))
    assert shell("apply").code is ExitCode.DONE
    assert "1 take left the manifest: desk." in shell("status").out


def test_the_time_that_is_left_is_that_of_the_apply_while_one_runs(shell: Shell, start_api: StartApi) -> None:
    start_api(speed=SLOW)
    process = shell.spawn("apply")
    try:
        wait_until(lambda: "3 running" in shell("status").out)
        shown = shell("status").out
        assert "Time left: not known yet." in shown
        assert "To continue" not in shown
    finally:
        process.kill()
        process.communicate()


def test_watched_in_a_pipe_it_is_shown_when_something_changed_until_all_is_done(
    shell: Shell, api: SandboxServer
) -> None:
    watching = shell.spawn("status", "--watch")
    assert watching.stdout is not None
    heading, first = watching.stdout.readline(), watching.stdout.readline()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", heading)
    assert first == "0 of 3 takes done, 3 waiting.\n"
    assert "No ledger yet: nothing was ever sent" in "".join(watching.stdout.readline() for _ in range(2))
    assert shell("apply").code is ExitCode.DONE
    ended = wait_for_result(watching)
    assert ended.code is ExitCode.DONE
    assert "\n3 of 3 takes done.\n" in ended.out
    assert ended.out.count("3 of 3 takes done") == 1
    assert "No ledger yet" not in ended.out + ended.err


def test_watched_in_a_pipe_it_ends_with_its_reader(shell: Shell, api: SandboxServer) -> None:
    with shell.spawn("status", "--watch") as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline()
        watching.stdout.close()
        assert watching.wait(60) == ExitCode.UNFINISHED


def test_watched_on_a_terminal_it_is_drawn_in_its_place_until_ctrl_c(shell: Shell, api: SandboxServer) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hailuo_batch", "status", str(shell.manifest), "--watch"]
    environment = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while not RETURN.search(shown.decode(errors="ignore")):  # until it is drawn for the second time
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        shown += read_terminal(ours)
        assert process.wait(TEST_TIMEOUT_S) == ExitCode.DONE
    os.close(ours)
    text = shown.decode()
    first, height, _ = RETURN.split(text, maxsplit=1)
    assert int(height) == first[first.index("0 of 3") :].count("\r\n")
    assert "░ 0 %" in re.sub(r"\x1b\[\d+m", "", text)
    assert "Traceback" not in text


def test_watching_needs_a_page_and_not_a_document(shell: Shell) -> None:
    ended = shell("status", "--watch", "--json")
    assert ended.code is ExitCode.USAGE
    assert "leave one of them out" in ended.err


def test_a_wrong_rate_limit_in_the_environment_does_not_keep_the_ledger_from_being_shown(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBASE_RATE_LIMIT", "many")
    ended = shell("status")
    assert ended.code is ExitCode.DONE
    assert "3 waiting" in ended.out
    assert "Time for the next apply" not in ended.out


def test_the_last_picture_of_what_is_watched_says_of_no_apply_that_it_runs(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    holder = LockHolder.this_process("apply", 0.0)
    with CampaignLock(shell.state / "lamps.lock", holder, shell.state / "lamps.receipts.jsonl"):
        assert "is running on this campaign" in shell("status").err
        ended = shell("status", "--watch")
    assert "3 of 3 takes done" in ended.out
    assert "is running" not in ended.out + ended.err


def test_what_left_the_manifest_is_what_is_not_in_it_now(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("  - {id: desk, prompt: A desk}\n", ""))
    assert "1 take left the manifest: desk." in shell("status").out
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS)
    assert "left the manifest" not in shell("status").out


def test_a_page_that_is_drawn_has_no_line_cut(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("  - {id: desk, prompt: A desk}\n", ""))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    command = [sys.executable, "-m", "hailuo_batch", "status", str(shell.manifest), "--watch"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
    ) as it:
        os.close(theirs)
        shown = read_terminal(ours).decode()
        assert it.wait(TEST_TIMEOUT_S) == ExitCode.DONE
    os.close(ours)
    assert "1 take left the manifest" in shown
    assert "…" not in shown

"""Another apply is at work: who comes second sends nothing, says so with an exit code of its own, or waits."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hailuo_batch.adapters.ledger.lock import CampaignLock, LockHolder
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, SLOW, CommandResult, Shell, state_of, wait_for_result
from tests.helpers.timeouts import wait_until

WRITERS = (
    ("apply",),
    ("apply", "--new-ledger"),
    ("retry",),
    ("resolve", "desk", "--abandon"),
    ("resolve", "desk", "--resubmit", "--yes"),
    ("resolve", "desk", "--resubmit"),
    ("verify", "--repair"),
    ("state", "rm", "desk", "--force"),
    ("state", "restore"),
    ("plan", "--out", "plan.json"),
)


@contextmanager
def held(shell: Shell) -> Iterator[CampaignLock]:
    """Another command holds the campaign's lock."""
    shell.state.mkdir(exist_ok=True)
    guard = shell.state / "lamps.receipts.jsonl"
    with CampaignLock(shell.state / "lamps.lock", LockHolder(4321, "far-away", "apply", 0.0), guard) as lock:
        yield lock


def plain(ended: CommandResult) -> str:
    """What was said on stderr, as one line."""
    return " ".join(ended.err.split())


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """Wait until the process has said this on stderr. Gives that line."""
    assert process.stderr is not None
    while words not in (line := process.stderr.readline()):
        assert line, f"it ended without a word of {words!r}"
    return line


@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_whatever_writes_the_ledger_ends_at_once_with_5_and_names_the_holder(
    shell: Shell, api: SandboxServer, words: tuple[str, ...]
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    requests = api.world.stats.creates + api.world.stats.reads
    command, options = (words[:2], words[2:]) if words[0] == "state" else (words[:1], words[1:])
    with held(shell):
        end = shell.bare(*command, str(shell.manifest), *options)
    assert end.code is ExitCode.BUSY, end.err
    assert "hailuo-batch apply (process 4321 on far-away)" in plain(end)
    assert "Nothing was" in end.err
    assert api.world.stats.creates + api.world.stats.reads == requests


# --- waiting ---


def test_it_waits_states_for_whom_and_then_looks_again(shell: Shell, api: SandboxServer) -> None:
    with held(shell) as lock:
        process = shell.spawn("apply", "--wait", "30m")
        line = read_until(process, "Waiting up to 30m for hailuo-batch apply (process 4321 on far-away)")
        assert "Ctrl-C" in line
        shell.write(LAMPS.replace("  - {id: desk, prompt: A desk}\n", ""))  # the manifest is read again, too
        lock.release()
        assert wait_for_result(process).code is ExitCode.DONE
    assert api.world.stats.creates == 2


@pytest.mark.deep
def test_what_the_other_one_made_meanwhile_is_not_made_again(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=30.0)
    first = shell.spawn("apply")
    wait_until(lambda: len(api.world.created) == 3)
    second = shell.spawn("apply", "--wait", "30m")
    assert read_until(second, f"for hailuo-batch apply (process {first.pid})")
    assert wait_for_result(first).code is ExitCode.DONE
    assert wait_for_result(second).code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_it_waits_no_longer_than_it_may_last(shell: Shell, api: SandboxServer) -> None:
    with held(shell):
        end = shell("apply", "--wait", "30m", "--max-duration", "1s")
    assert end.code is ExitCode.BUSY
    assert "Waiting up to 1s" in end.err


def test_after_the_time_it_ends_with_5(shell: Shell, api: SandboxServer) -> None:
    with held(shell):
        end = shell("apply", "--wait", "1s")
    assert end.code is ExitCode.BUSY
    assert "Waiting up to 1s" in end.err
    assert "Nothing was sent" in plain(end)
    assert api.world.stats.creates == 0


def test_a_wait_can_be_stopped(shell: Shell, api: SandboxServer) -> None:
    with held(shell):
        process = shell.spawn("apply", "--wait", "2h")
        read_until(process, "Waiting")
        process.send_signal(signal.SIGINT)
        assert wait_for_result(process).code is ExitCode.SIGINT
    assert api.world.stats.creates == 0


def test_a_wait_counts_for_the_longest_duration(shell: Shell, api: SandboxServer) -> None:
    with held(shell):
        end = shell("apply", "--wait", "2h", "--max-duration", "1s")
    assert end.code is ExitCode.BUSY


def test_a_campaign_that_was_renamed_during_the_wait_is_not_begun_under_the_old_ones_lock(
    shell: Shell, api: SandboxServer
) -> None:
    with held(shell) as lock:
        process = shell.spawn("apply", "--wait", "30m")
        read_until(process, "Waiting")
        shell.write(LAMPS.replace("campaign: lamps", "campaign: others"))
        lock.release()
        end = wait_for_result(process)
    assert end.code is ExitCode.USAGE
    assert "renamed" in end.err
    assert api.world.stats.creates == 0


@pytest.mark.parametrize("option", ["--wait", "--max-duration"])
def test_what_is_no_duration_is_refused(shell: Shell, api: SandboxServer, option: str) -> None:
    end = shell("apply", option, "soon")
    assert end.code is ExitCode.USAGE
    assert f"{option}: 'soon' is not a duration" in end.err


# --- the lock's file ---


def test_a_deleted_lock_lets_no_second_apply_in(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    process = shell.spawn("apply", "--only", "desk")
    wait_until(lambda: "1 running" in shell("status").out)
    (shell.state / "lamps.lock").unlink()
    second = shell("apply", "--max-duration", "10s")  # let in, it would work for as long as the first one
    assert (second.code, "Traceback" in second.err) == (ExitCode.BUSY, False)
    assert "another process is running on this campaign" in plain(second)
    assert "another process is running on this campaign" in shell("status").err
    assert api.world.stats.creates == 1
    process.send_signal(signal.SIGINT)
    assert wait_for_result(process).code is ExitCode.SIGINT
    assert state_of(shell, "desk") == "running"
    assert shell("plan").code is ExitCode.DONE


def test_a_create_on_its_way_is_not_taken_for_doubtful_when_the_lock_is_deleted(
    shell: Shell, start_api: StartApi
) -> None:
    api = start_api(speed=SLOW, latency_s=2.0)
    process = shell.spawn("apply", "--only", "desk")
    wait_until(lambda: len(api.world.created) == 1)
    (shell.state / "lamps.lock").unlink()
    assert shell("apply").code is ExitCode.BUSY
    assert state_of(shell, "desk") in {"waiting", "running"}
    wait_until(lambda: state_of(shell, "desk") == "running")
    process.send_signal(signal.SIGINT)
    assert wait_for_result(process).code is ExitCode.SIGINT


@pytest.mark.parametrize("what", ["link", "FIFO"])
@pytest.mark.parametrize("command", [("apply",), ("retry",), ("verify", "--repair")], ids=" ".join)
def test_what_is_no_lock_of_ours_is_refused_and_left(
    shell: Shell, api: SandboxServer, what: str, command: tuple[str, ...]
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    decoy, lock = shell.workspace / "decoy", shell.state / "lamps.lock"
    decoy.write_text("precious")
    lock.unlink()
    if what == "link":
        lock.symlink_to(decoy)
    else:
        os.mkfifo(lock)
    end = shell(*command)
    assert end.code is ExitCode.LEDGER
    assert "cannot be locked" in plain(end)
    assert shell("status").code is ExitCode.DONE
    assert decoy.read_text() == "precious"
    assert api.world.stats.creates == 1


# --- how long, and from which ledger ---


def test_it_stops_in_good_order_after_its_time(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    end = shell("apply", "--max-duration", "20s")
    assert end.code is ExitCode.UNFINISHED
    assert "Stopped after 20s (--max-duration)" in plain(end)
    assert "3 running" in shell("status").out
    assert "--max-duration 20s" in end.out
    assert shell("apply", "--max-duration", "20s").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 3


def test_a_request_under_way_is_recorded_when_its_time_is_over(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW, latency_s=3.0)
    end = wait_for_result(shell.spawn("apply", "--only", "desk", "--max-duration", "1s"))
    assert end.code is ExitCode.UNFINISHED
    assert len(api.world.created) in {0, 1}  # none where the program took as long to begin
    assert state_of(shell, "desk") == ("running" if api.world.created else "waiting")


def test_with_time_to_spare_it_ends_as_ever(shell: Shell, api: SandboxServer) -> None:
    end = shell("apply", "--max-duration", "9h")
    assert (end.code, "max-duration" in end.err) == (ExitCode.DONE, False)


def test_a_ledger_that_is_required_must_be_there(shell: Shell, api: SandboxServer) -> None:
    end = shell("apply", "--require-ledger")
    assert end.code is ExitCode.LEDGER
    assert "--require-ledger" in plain(end)
    assert "Nothing was sent" in plain(end)
    assert not (shell.state / "lamps.db").exists()
    assert api.world.stats.creates == 0
    assert shell("apply").code is ExitCode.DONE
    assert shell("apply", "--require-ledger").code is ExitCode.DONE


def test_a_ledger_that_is_required_is_not_begun_again(shell: Shell, api: SandboxServer) -> None:
    end = shell("apply", "--require-ledger", "--new-ledger")
    assert end.code is ExitCode.USAGE
    assert "contradict" in end.err
    assert not shell.state.exists()

"""Nothing is paid for without a yes: beforehand where nobody can be asked, else at the question."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hailuo_batch.app import api_target
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi, Step
from tests.helpers.command_line import (
    CTRL_D,
    LAMPS,
    SLOW,
    UNCAPPED,
    CommandResult,
    Shell,
    answer_at_terminal,
    read_terminal,
    state_of,
)
from tests.helpers.misbehaving_api import everything_fails, lost_answers, nothing_finishes
from tests.helpers.timeouts import TEST_TIMEOUT_S

TWICE = UNCAPPED.replace("limits: {", "limits: {max_attempts: 2, ")


def plain(ended: CommandResult) -> str:
    """What was said on stderr, as one line."""
    return " ".join(ended.err.split())


def journal(shell: Shell) -> object:
    """Every change that the ledger knows of."""
    return shell.bare("state", "export", str(shell.manifest)).document["journal"]


@pytest.fixture
def running(shell: Shell, api: SandboxServer) -> SandboxServer:
    """`hero` is being made, and the API finishes it as soon as it is asked about again."""
    with nothing_finishes(api):
        assert shell("apply", "--only", "hero", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    assert state_of(shell, "hero") == "running"
    return api


# --- nobody to ask, and no yes beforehand ---


@pytest.mark.parametrize("options", [(), ("--new-ledger",), ("-q",)])
def test_a_campaign_that_never_began_leaves_nothing_behind(
    shell: Shell, api: SandboxServer, options: tuple[str, ...]
) -> None:
    ended = shell.without_yes("apply", *options)
    assert ended.code is ExitCode.USAGE
    assert "--yes is missing" in plain(ended)
    assert "pays for 3 runs, about $0.84, at most $5.00 (what the cap leaves)" in plain(ended)
    assert "Nothing was paid" in plain(ended)
    assert not shell.outputs.exists()
    assert not [path for path in shell.state.iterdir() if path.suffix != ".lock"]
    assert api.world.stats.creates == 0
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_what_runs_is_collected_and_reported_and_nothing_is_created(shell: Shell, running: SandboxServer) -> None:
    ended = shell.without_yes("apply")
    assert ended.code is ExitCode.USAGE
    assert "With --yes this command pays for 2 runs, about $0.56, at most $4.72 (what the cap leaves)." in plain(ended)
    assert "still collected" in plain(ended)
    assert running.world.stats.creates == 1
    assert (shell.outputs / "hero.mp4").exists()
    assert (shell.outputs / "report.html").exists()
    report = json.loads((shell.outputs / "report.json").read_text())
    assert {take["id"]: take["state"] for take in report["takes"]} == {
        "hero": "done",
        "hero.take2": "waiting",
        "desk": "waiting",
    }


def test_what_pays_nothing_needs_no_yes(shell: Shell, running: SandboxServer) -> None:
    ended = shell.without_yes("apply", "--only", "hero")
    assert (ended.code, "--yes" in ended.err) == (ExitCode.DONE, False)
    assert (shell.outputs / "hero.mp4").exists()
    assert shell("apply").code is ExitCode.DONE
    assert "Nothing to do" in shell.without_yes("apply").err


def test_a_run_that_fails_is_not_made_again_without_one(shell: Shell, running: SandboxServer) -> None:
    shell.write(TWICE)
    with everything_fails(running):
        ended = shell.without_yes("apply", "--only", "hero")
    assert ended.code is ExitCode.USAGE
    assert "hero: run_" in ended.err
    assert "nobody has agreed to pay for that" in plain(ended)
    assert "--yes is missing" in plain(ended)
    assert running.world.stats.creates == 1
    assert state_of(shell, "hero") == "failed"
    shell.write(UNCAPPED)  # the user thinks better of it
    assert shell("apply", "--only", "hero").code is ExitCode.UNFINISHED
    assert running.world.stats.creates == 1


def test_a_run_that_failed_before_is_not_made_again_without_one(shell: Shell, running: SandboxServer) -> None:
    with everything_fails(running):
        assert shell("apply", "--only", "hero").code is ExitCode.UNFINISHED
    shell.write(TWICE)
    ended = shell.without_yes("apply", "--only", "hero")
    assert (ended.code, running.world.stats.creates) == (ExitCode.USAGE, 1)
    assert "pays for 1 run, about $0.28 (no spending cap is set)" in plain(ended)
    assert state_of(shell, "hero") == "failed"
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "hero").code is ExitCode.UNFINISHED
    assert running.world.stats.creates == 1
    shell.write(TWICE)
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    assert running.world.stats.creates == 2


def test_a_replacement_without_one_leaves_no_wish_behind(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    ended = shell.without_yes("apply", "--replace", "hero*")
    assert (ended.code, api.world.stats.creates) == (ExitCode.USAGE, 3)
    assert "pays for 2 runs" in plain(ended)
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    assert shell("apply", "--replace", "hero*").code is ExitCode.DONE
    assert api.world.stats.creates == 5


def test_what_is_in_doubt_stays_so_without_one(shell: Shell, api: SandboxServer, doubtful: str) -> None:
    ended = shell.without_yes("apply", "--only", "desk", "--in-doubt", "resubmit")
    assert (ended.code, api.world.stats.creates) == (ExitCode.USAGE, 1)
    assert state_of(shell, "desk") == "in_doubt"
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 1


def test_an_edited_take_can_be_edited_back_for_nothing(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("A desk", "A chair"))
    assert shell.without_yes("apply").code is ExitCode.USAGE
    assert (shell.outputs / "desk.mp4").exists()
    shell.write(LAMPS)
    assert shell.without_yes("apply").code is ExitCode.DONE
    assert (state_of(shell, "desk"), api.world.stats.creates) == ("done", 3)


def test_a_take_that_was_renamed_is_moved_without_one(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    shell.write(LAMPS.replace("id: desk", "id: table"))
    assert shell.without_yes("apply").code is ExitCode.USAGE
    assert (shell.outputs / "table.mp4").exists()
    assert api.world.stats.creates == 1


def test_a_plan_from_a_file_waits_for_one_and_then_does_just_that(
    shell: Shell, running: SandboxServer, keep: Step, kept: Path
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    keep("--replace", "desk")
    for _ in range(2):
        ended = shell.without_yes("apply", "--no-check-images", "--plan", str(kept))
        assert ended.code is ExitCode.USAGE, ended.err
        assert "pays for 2 runs" in plain(ended)
        assert running.world.stats.creates == 2
    assert (shell.outputs / "hero.mp4").exists()
    assert shell("apply", "--no-check-images", "--plan", str(kept)).code is ExitCode.DONE
    assert running.world.stats.creates == 4
    assert shell("apply", "--no-check-images", "--plan", str(kept)).code is ExitCode.DONE
    assert running.world.stats.creates == 4


def test_a_plans_wish_without_one_is_not_paid_for_by_an_apply_without_the_plan(
    shell: Shell, api: SandboxServer, keep: Step, kept: Path
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    keep("--replace", "desk", "--only", "desk")
    assert shell.without_yes("apply", "--no-check-images", "--plan", str(kept)).code is ExitCode.USAGE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 1


def test_a_lost_ledger_is_not_begun_again_without_one(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    (shell.state / "lamps.db").unlink()
    before = sorted(path.name for path in shell.state.iterdir())
    assert shell.without_yes("apply", "--new-ledger").code is ExitCode.USAGE
    assert sorted(path.name for path in shell.state.iterdir()) == before
    assert shell.without_yes("apply").code is ExitCode.LEDGER


def test_where_the_cap_admits_nothing_that_is_what_stops_it(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    shell.write(LAMPS.replace("max_spend_usd: 5", "max_spend_usd: 0.4"))
    ended = shell.without_yes("apply")
    assert ended.code is ExitCode.ACCOUNT
    assert "the spend limit is $0.40" in plain(ended)
    assert "--yes" not in plain(ended)
    assert api.world.stats.creates == 1


@pytest.mark.parametrize("began", [False, True])
def test_with_json_the_document_is_there_all_the_same(shell: Shell, api: SandboxServer, began: bool) -> None:
    if began:
        assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ended = shell.without_yes("apply", "--json")
    assert ended.code is ExitCode.USAGE
    assert ended.document["totals"]["waiting"] == (2 if began else 3)
    assert "--yes is missing" in plain(ended)


@pytest.mark.deep
def test_a_rehearsal_never_needs_one(shell: Shell) -> None:
    assert shell.without_yes("apply", "--sandbox", "--only", "desk").code is ExitCode.DONE


def test_images_are_not_looked_at_for_what_nobody_pays(shell: Shell, running: SandboxServer) -> None:
    shell.write(LAMPS.replace("prompt: A desk", "prompt: A desk, image_urls: ['data:image/png;base64,AAAA']"))
    assert "cannot be used" in shell("apply").err
    assert "cannot be used" not in shell.without_yes("apply").err
    assert (shell.outputs / "hero.mp4").exists()


# --- resolve ---


def test_making_again_what_is_in_doubt_needs_one(shell: Shell, api: SandboxServer, doubtful: str) -> None:
    before = {
        path.name: path.read_bytes() for path in shell.state.iterdir() if path.suffix in {".db", ".bak", ".jsonl"}
    }
    ended = shell.without_yes("resolve", "desk", "--resubmit")
    assert ended.code is ExitCode.USAGE
    assert "desk: attempt 1 is in doubt" in plain(ended)
    assert "--yes is missing" in plain(ended)
    assert {name: (shell.state / name).read_bytes() for name in before} == before
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 1


def test_in_a_rehearsal_making_again_needs_none(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_target, "_SANDBOX_SPEED", SLOW)
    assert shell.without_yes("apply", "--sandbox", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    assert shell.without_yes("resolve", "--sandbox", "desk", "--resubmit").code is ExitCode.DONE


def test_what_pays_nothing_is_resolved_without_one(shell: Shell, api: SandboxServer, doubtful: str) -> None:
    assert shell.without_yes("resolve", "desk", "--run-id", doubtful).code is ExitCode.DONE
    assert shell.without_yes("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 1


# --- at a terminal ---


@pytest.mark.parametrize("answer", [" ", "n", "maybe", "yess", CTRL_D])
@pytest.mark.few(2)
def test_anything_but_a_yes_is_a_no_and_what_runs_is_collected(
    shell: Shell, running: SandboxServer, answer: str
) -> None:
    printed, code = answer_at_terminal(answer, "apply", str(shell.manifest))
    assert code == ExitCode.UNFINISHED
    assert "Declined. No video was requested" in " ".join(printed.split())
    assert "--yes is missing" not in printed
    assert running.world.stats.creates == 1
    assert (shell.outputs / "hero.mp4").exists()


def test_a_no_before_anything_began_leaves_nothing_behind(shell: Shell, api: SandboxServer) -> None:
    _, code = answer_at_terminal("n", "apply", str(shell.manifest))
    assert code == ExitCode.UNFINISHED
    assert not shell.outputs.exists()
    assert not (shell.state / "lamps.db").exists()


def test_what_was_typed_before_the_question_was_asked_is_no_yes(shell: Shell, api: SandboxServer) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hailuo_batch", "apply", str(shell.manifest)]
    os.write(ours, b"y\n")
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        printed = b""
        while b"[y/N]" not in printed:
            printed += os.read(ours, 4096)
        os.write(ours, b"n\n")
        printed += read_terminal(ours)
        assert process.wait(TEST_TIMEOUT_S) == ExitCode.UNFINISHED
    os.close(ours)
    assert b"Declined" in printed
    assert api.world.stats.creates == 0


def test_ctrl_c_at_the_question_changes_nothing(shell: Shell, running: SandboxServer) -> None:
    before = (shell.state / "lamps.receipts.jsonl").read_bytes(), journal(shell)
    reads = running.world.stats.reads
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hailuo_batch", "apply", str(shell.manifest)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        printed = b""
        while b"[y/N]" not in printed:
            printed += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        printed += read_terminal(ours)
        assert process.wait(TEST_TIMEOUT_S) == ExitCode.SIGINT
    os.close(ours)
    assert b"Stopped. Nothing was paid." in printed
    assert ((shell.state / "lamps.receipts.jsonl").read_bytes(), journal(shell)) == before
    assert (running.world.stats.creates, running.world.stats.reads) == (1, reads)
    assert not (shell.outputs / "hero.mp4").exists()


def test_a_yes_beforehand_is_not_asked_for_again(shell: Shell, api: SandboxServer) -> None:
    printed, code = answer_at_terminal("", "apply", str(shell.manifest), "--yes")
    assert (code, "[y/N]" in printed, api.world.stats.creates) == (ExitCode.DONE, False, 3)


def test_runs_that_may_fail_and_be_made_again_are_asked_about_first(shell: Shell, running: SandboxServer) -> None:
    shell.write(TWICE)
    with everything_fails(running):
        printed, code = answer_at_terminal("n", "apply", str(shell.manifest), "--only", "hero")
    assert "1 run is in progress. If it fails, it is refunded. Pay for another attempt then" in " ".join(
        printed.split()
    )
    assert "not repeated" in " ".join(printed.split())
    assert (code, running.world.stats.creates) == (ExitCode.UNFINISHED, 1)


def test_runs_that_cannot_be_made_again_are_not_asked_about(shell: Shell, running: SandboxServer) -> None:
    printed, code = answer_at_terminal("", "apply", str(shell.manifest), "--only", "hero")
    assert (code, "[y/N]" in printed) == (ExitCode.DONE, False)


def test_the_yes_covers_further_attempts(shell: Shell, start_api: StartApi) -> None:
    api = start_api(fail_rate=1.0)
    shell.write(TWICE)
    printed, code = answer_at_terminal("y", "apply", str(shell.manifest), "--only", "desk")
    assert "A run that fails is refunded and tried again, up to 2 attempts per take." in " ".join(printed.split())
    assert (code, api.world.stats.creates) == (ExitCode.UNFINISHED, 2)


def test_the_question_goes_to_stderr_and_the_document_to_stdout(shell: Shell, api: SandboxServer) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hailuo_batch", "apply", str(shell.manifest), "--json"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        printed = b""
        while b"[y/N]" not in printed:
            printed += os.read(ours, 4096)
        os.write(ours, b"y\n")
        assert process.stdout is not None
        document = json.loads(process.stdout.read())
        assert process.wait(TEST_TIMEOUT_S) == ExitCode.DONE
    os.close(ours)
    assert document["totals"]["done"] == 3


def test_an_answer_lost_after_a_yes_is_in_doubt_as_ever(shell: Shell, api: SandboxServer, uncapped: None) -> None:
    with lost_answers(api):
        _, code = answer_at_terminal("y", "apply", str(shell.manifest), "--only", "desk")
    assert (code, state_of(shell, "desk")) == (ExitCode.UNFINISHED, "in_doubt")

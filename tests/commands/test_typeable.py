"""A command that a message names is one that its reader can paste: with the manifest, and with what finds its files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.apply.test_busy import held
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import UNCAPPED, Shell
from tests.helpers.misbehaving_api import lost_answers, unknown_runs


def named(text: str) -> list[str]:
    """The commands that stand in a text between backticks."""
    return re.findall(r"`(hailuo-batch [^`]*)`", text)


@pytest.mark.usefixtures("api")
def test_who_comes_second_is_shown_how_to_look_at_the_first(shell: Shell) -> None:
    with held(shell):
        ended = shell("apply")
    assert ended.code is ExitCode.BUSY
    assert named(ended.err) == [f"hailuo-batch status {shell.manifest}"]


def test_who_names_a_take_wrongly_is_shown_how_to_list_them(shell: Shell) -> None:
    assert named(shell("apply", "--only", "heros").err) == [f"hailuo-batch plan {shell.manifest} -v"]
    assert named(shell("plan", "--only", "heros", "--sandbox").err) == [
        f"hailuo-batch plan {shell.manifest} --sandbox -v"
    ]


def test_a_run_that_failed_is_shown_with_the_command_that_grants_another(shell: Shell, start_api: StartApi) -> None:
    shell.write(UNCAPPED.replace("takes: 2", "takes: 3"))
    start_api(fail_rate=1.0)
    printed = shell("apply", "--max-in-flight", "1").err
    assert f"to allow one more attempt: `hailuo-batch retry {shell.manifest} hero`" in printed
    assert not [command for command in named(printed) if "MANIFEST" in command]
    assert shell.bare(*named(printed)[0].split()[1:]).code is ExitCode.DONE


def test_a_run_that_is_lost_is_shown_with_the_command_that_states_more(shell: Shell, api: SandboxServer) -> None:
    with unknown_runs(api):
        printed = shell("apply", "--only", "desk").err
    assert f"`hailuo-batch status {shell.manifest}` shows what else you can do" in printed


def test_what_is_given_up_is_shown_with_the_command_that_takes_it_up_again(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    with lost_answers(api):
        shell("apply", "--only", "desk")
    [run_id] = api.world.created
    [command] = named(shell("resolve", "desk", "--abandon").err)
    assert command == f"hailuo-batch resolve {shell.manifest} desk --run-id ID"
    assert shell.bare(*command.replace("--run-id ID", f"--run-id {run_id}").split()[1:]).code is ExitCode.DONE


def test_every_command_named_in_a_rehearsal_stays_in_it(shell: Shell) -> None:
    shell.write(UNCAPPED)
    assert shell("apply", "--sandbox", "--only", "desk", "--max-duration", "1s").code is ExitCode.UNFINISHED
    printed = [
        shell("retry", "--sandbox", "desks").err,
        shell("resolve", "--sandbox", "desks", "--abandon").err,
        shell.bare("state", "rm", str(shell.manifest), "--sandbox", "desks").err,
        shell("apply", "--sandbox", "--only", "desks").err,
    ]
    for words in printed:
        assert named(words), words
        assert all(f"{shell.manifest} --sandbox" in command for command in named(words))


def test_who_leaves_out_sandbox_after_a_rehearsal_is_reminded_of_it(shell: Shell) -> None:
    hint = "A practice run has a ledger: add --sandbox to use it."
    looks = (("status",), ("report",), ("retry",), ("resolve", "desk", "--abandon"), ("resolve", "desk", "--resubmit"))
    assert not [words for words in looks if hint in shell.without_yes(*words).err]
    shell("apply", "--sandbox", "--only", "desk", "--max-duration", "1s")
    assert [hint in shell.without_yes(*words).err for words in looks] == [True] * len(looks)
    assert hint in shell.bare("state", "show", str(shell.manifest)).err
    assert hint not in shell("status", "--sandbox").err


def test_what_is_to_be_made_again_is_shown_with_the_command_that_does(shell: Shell, start_api: StartApi) -> None:
    shell.write(UNCAPPED)
    start_api(fail_rate=1.0)
    shell("apply", "--only", "desk")
    assert named(shell("retry").err) == [f"hailuo-batch apply {shell.manifest}"]


def test_what_is_resubmitted_is_shown_with_the_command_that_makes_it(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    with lost_answers(api):
        shell("apply", "--only", "desk")
    [command] = named(shell("resolve", "desk", "--resubmit").err)
    assert command == f"hailuo-batch apply {shell.manifest} --only desk"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["status", "schema"])
def test_a_result_that_cannot_be_written_names_a_campaign_only_where_there_is_one(shell: Shell, command: str) -> None:
    words = [sys.executable, "-m", "hailuo_batch", command, *([str(shell.manifest)] if command == "status" else [])]
    with Path("/dev/full").open("wb") as full:
        printed = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, check=False, text=True).stderr
    assert "stdout cannot be written" in printed
    assert named(printed) == ([f"hailuo-batch status {shell.manifest}"] if command == "status" else [])
    assert ("ledger" in printed) == (command == "status")

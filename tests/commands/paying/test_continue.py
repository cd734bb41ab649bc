"""What is printed to be typed next never pays for more than what was given: the same command, with its options."""

import shlex

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import Step
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell, state_of
from tests.helpers.misbehaving_api import everything_fails, nothing_finishes

HINT = "To continue: "


def advised(ended: CommandResult) -> list[str]:
    """The words of the command that is to be typed next."""
    [line] = [line for line in ended.out.splitlines() if line.startswith(HINT)]
    return shlex.split(line.removeprefix(HINT))


def continued(shell: Shell, ended: CommandResult) -> CommandResult:
    """That command, with all the time that its runs need."""
    return shell.bare(*["45m" if word == "1s" else word for word in advised(ended)[1:]])


def options_of(ended: CommandResult, shell: Shell) -> list[str]:
    """The same without the program, the command and the manifest."""
    program, command, manifest, *options = advised(ended)
    assert (program, command, manifest) == ("hailuo-batch", "apply", str(shell.manifest))
    return options


def test_a_stopped_apply_is_continued_with_all_that_decided_what_it_pays(shell: Shell, api: SandboxServer) -> None:
    given = (
        *("--only", "hero", "--only", "he?k", "--max-spend", "0.30", "--no-check-images", "--max-in-flight", "2"),
        *("--run-timeout", "1s", "--rate-limit", "1000/10s", "--max-duration", "2h", "--wait", "1m"),
        *("--accept-price", "--require-ledger", "--no-sidecar", "--yes"),
    )
    shell.write(UNCAPPED.replace("desk", "heck"))
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    with nothing_finishes(api):
        ended = shell.without_yes("apply", *given, "--max-spend", "0.60")
    assert ended.code is ExitCode.UNFINISHED
    words = options_of(ended, shell)
    assert words == [*given[:5], "0.60", *given[6:]]
    assert continued(shell, ended).code is ExitCode.DONE
    assert api.world.stats.creates == 2  # and not 3: `hero.take2` was not asked for


def test_its_folders_and_the_sandbox_are_named(shell: Shell, api: SandboxServer) -> None:
    folder = str(shell.workspace / "my outputs")
    with nothing_finishes(api):
        ended = shell("apply", "--only", "desk", "--run-timeout", "1s", "--output-dir", folder)
    assert shlex.join(["--output-dir", folder, "--only", "desk"]) in ended.out


def test_a_yes_that_was_not_given_is_not_in_it(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ended = shell.without_yes("apply", "--replace", "desk", "--only", "hero", "--only", "desk")
    assert ended.code is ExitCode.USAGE
    assert options_of(ended, shell) == ["--only", "hero", "--only", "desk", "--replace", "desk"]


def test_a_plan_is_continued_with_its_file(shell: Shell, api: SandboxServer, keep: Step, follow: Step) -> None:
    keep("--only", "desk")
    with nothing_finishes(api):
        ended = follow("--run-timeout", "1s")
    assert "--plan" in options_of(ended, shell)
    assert continued(shell, ended).code is ExitCode.DONE
    assert api.world.stats.creates == 1


def test_a_replacement_under_way_is_named_and_a_finished_one_is_not(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    with nothing_finishes(api):
        ended = shell("apply", "--replace", "desk", "--run-timeout", "1s")
    assert "--replace" in options_of(ended, shell)
    ended = continued(shell, ended)
    assert (ended.code, api.world.stats.creates) == (ExitCode.DONE, 4)
    shell.write(UNCAPPED + "  - {id: extra, prompt: A vase}\n")
    with nothing_finishes(api, "A vase".__eq__):  # what is replaced is done, and the new take is not
        ended = shell("apply", "--replace", "desk", "--run-timeout", "30s")
    assert api.world.stats.creates == 6
    assert "--replace" not in options_of(ended, shell)
    assert continued(shell, ended).code is ExitCode.DONE
    assert api.world.stats.creates == 6


def test_what_was_in_doubt_is_made_again_once_and_what_is_so_since_is_not(
    shell: Shell, api: SandboxServer, doubtful: str
) -> None:
    with nothing_finishes(api):
        ended = shell("apply", "--only", "desk", "--in-doubt", "resubmit", "--run-timeout", "1s")
    assert "--in-doubt" not in options_of(ended, shell)
    assert continued(shell, ended).code is ExitCode.DONE
    assert api.world.stats.creates == 2


def test_a_ledger_is_not_begun_twice(shell: Shell, api: SandboxServer) -> None:
    with nothing_finishes(api):
        ended = shell("apply", "--new-ledger", "--run-timeout", "1s")
    assert "--new-ledger" not in options_of(ended, shell)


def test_where_all_that_was_asked_for_is_done_the_rest_is_what_is_left(shell: Shell, api: SandboxServer) -> None:
    """And nobody has said yes to that."""
    ended = shell("apply", "--only", "desk", "--no-sidecar")
    assert ended.code is ExitCode.DONE
    assert options_of(ended, shell) == ["--no-sidecar"]


def test_the_report_states_the_same_but_for_the_yes(shell: Shell, api: SandboxServer) -> None:
    with nothing_finishes(api):
        ended = shell("apply", "--only", "desk", "--run-timeout", "1s")
        report = shell("apply", "--only", "desk", "--run-timeout", "1s", "--json").document
    command = " ".join(word for word in advised(ended) if word != "--yes")
    assert report["resume_command"] == command
    assert report["apply_command"] == shlex.join(advised(ended)[:3])


@pytest.mark.parametrize("command", ["status", "report"])
def test_what_is_advised_for_one_take_pays_for_no_other(shell: Shell, api: SandboxServer, command: str) -> None:
    with everything_fails(api):
        assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert shell(command).code is ExitCode.DONE
    text = shell("status").out if command == "status" else (shell.outputs / "report.md").read_text()
    commands = [line for line in text.replace("`", "\n").splitlines() if "hailuo-batch apply" in line]
    assert commands
    for line in commands:
        assert line.strip().endswith("--only desk")
    assert state_of(shell, "desk") == "failed"

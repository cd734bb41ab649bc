"""`--limit N`: three before a thousand. What is left for later is not asked for, and nothing is paid for twice."""

import shlex
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi, Step
from tests.helpers.command_line import KEY, CommandResult, Shell, answer_at_terminal, wait_for_result
from tests.helpers.misbehaving_api import everything_fails, nothing_finishes
from tests.helpers.timeouts import wait_until

FIVE = """\
version: 1
campaign: lamps
limits: {expected_cost_usd: 0.28}
shots:
  - {id: hero, prompt: A lamp, takes: 3}
  - {id: desk, prompt: A desk}
  - {id: vase, prompt: A vase}
"""
HINT = "To continue: "


@pytest.fixture(autouse=True)
def _five(shell: Shell) -> None:
    shell.write(FIVE)


def plain(ended: CommandResult) -> str:
    return " ".join(ended.err.split())


def to_continue(ended: CommandResult) -> list[str]:
    """The options of the command that is to be typed next."""
    [line] = [line for line in ended.out.splitlines() if line.startswith(HINT)]
    return shlex.split(line.removeprefix(HINT))[3:]


def done(shell: Shell) -> set[str]:
    return {path.stem for path in shell.outputs.glob("*.mp4")}


def test_the_plan_shows_what_is_bought_now_and_how_many_are_left(shell: Shell) -> None:
    printed = shell("plan", "--limit", "2").out
    assert "Plan: 2 to create, 3 more left for later by --limit." in printed
    assert "Cost: about $0.56" in printed
    takes = shell("plan", "--limit", "2", "--json").document["takes"]
    assert [(take["id"], take["action"]) for take in takes[1:3]] == [("hero.take2", "create"), ("hero.take3", "hold")]
    assert {take["reason"] for take in takes[2:]} == {"left for later by --limit"}


def test_an_apply_that_made_all_it_was_asked_for_is_done_and_the_next_makes_the_next(
    shell: Shell, api: SandboxServer
) -> None:
    ended = shell("apply", "--limit", "2")
    assert ended.code is ExitCode.DONE
    assert done(shell) == {"hero", "hero.take2"}
    assert "3 more left for later by --limit." in ended.out
    assert to_continue(ended) == ["--limit", "2"]  # nobody has said yes to the next ones
    assert shell("apply", "--limit", "2").code is ExitCode.DONE
    last = shell("apply", "--limit", "2")
    assert last.code is ExitCode.DONE
    assert "left for later" not in last.out
    assert HINT not in last.out
    assert api.world.stats.creates == 5


def test_an_interrupted_apply_is_continued_by_what_pays_for_no_more_than_it_would_have(
    shell: Shell, api: SandboxServer
) -> None:
    with nothing_finishes(api):
        ended = shell("apply", "--limit", "2", "--run-timeout", "1s")
    assert ended.code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 2
    assert "3 more left for later by --limit." in ended.out
    options = to_continue(ended)
    assert options[:2] == ["--limit", "0"]
    assert shell("apply", "--limit", "0").code is ExitCode.DONE
    assert done(shell) == {"hero", "hero.take2"}
    assert api.world.stats.creates == 2


def test_what_an_apply_did_not_come_to_is_left_in_its_limit(shell: Shell, api: SandboxServer) -> None:
    api.world.balances[KEY] = 280_000
    ended = shell("apply", "--limit", "3", "--max-in-flight", "1")
    assert ended.code is ExitCode.ACCOUNT
    assert len(api.world.created) == 1
    assert to_continue(ended)[:2] == ["--limit", "2"]
    assert "\nFirst, top up the balance.\nTo continue: " in ended.out
    api.world.balances[KEY] = None
    assert shell("apply", *to_continue(ended)).code is ExitCode.DONE
    assert done(shell) == {"hero", "hero.take2", "hero.take3"}


def test_what_status_names_after_a_kill_pays_for_nothing(shell: Shell, api: SandboxServer) -> None:
    """How many of the limit were created, nobody has counted then."""
    assert wait_for_result(shell.spawn("apply", "--limit", "2")).code is ExitCode.DONE
    with nothing_finishes(api):
        process = shell.spawn("apply", "--limit", "2", "--run-timeout", "10m")
        wait_until(lambda: api.world.stats.creates == 4)
        process.kill()
        process.communicate()
    named = shell("status", "--json").document["resume_command"]
    assert shlex.split(named)[3:5] == ["--limit", "0"]


def test_where_nobody_has_said_yes_the_same_command_is_named(shell: Shell, api: SandboxServer) -> None:
    ended = shell.without_yes("apply", "--limit", "2")
    assert ended.code is ExitCode.USAGE
    assert "With --yes this command pays for 2 runs, about $0.56" in plain(ended)
    assert api.world.stats.creates == 0


def test_a_limit_of_nothing_collects_what_is_paid_for(shell: Shell, api: SandboxServer) -> None:
    ended = shell.without_yes("apply", "--limit", "0")
    assert ended.code is ExitCode.DONE
    assert "Nothing to do: no video to request, download or pay for. 5 more left for later by --limit." in plain(ended)
    with nothing_finishes(api):
        shell("apply", "--limit", "1", "--run-timeout", "1s")
    ended = shell.without_yes("apply", "--limit", "0", "--no-sidecar")
    assert ended.code is ExitCode.DONE
    assert to_continue(ended) == ["--no-sidecar"]  # the rest, to which nobody has said yes
    assert done(shell) == {"hero"}
    assert api.world.stats.creates == 1


def test_a_failed_run_is_made_again_within_the_limit_alone(shell: Shell, start_api: StartApi) -> None:
    shell.write(FIVE.replace("limits: {", "limits: {max_attempts: 3, "))
    api = start_api(fail_rate=1.0)
    ended = shell("apply", "--limit", "2")
    assert ended.code is ExitCode.UNFINISHED
    assert "--limit 2 is reached, so the next apply repeats it" in plain(ended)
    assert api.world.stats.creates == 2
    ended = shell("apply", "--limit", "3", "--only", "hero", "--only", "hero.take2")
    assert api.world.stats.creates == 5  # two takes once more, and one of them a third time


def test_a_failed_take_keeps_its_turn_before_those_after_it(shell: Shell, api: SandboxServer) -> None:
    shell.write(FIVE.replace("limits: {", "limits: {max_attempts: 2, "))
    with everything_fails(api):
        shell("apply", "--limit", "1")
    assert shell("apply", "--limit", "1").code is ExitCode.DONE
    assert done(shell) == {"hero"}


def test_a_replacement_with_a_limit_leaves_nothing_to_pay_for_behind(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    for limit, creates in ((2, 7), (0, 7)):
        assert shell("apply", "--replace", "*", "--limit", str(limit)).code is ExitCode.DONE
        assert api.world.stats.creates == creates
        assert "Plan: 5 kept." in shell("plan").out
        assert shell("apply").code is ExitCode.DONE
        assert api.world.stats.creates == creates
    assert len([*(shell.outputs / "superseded").glob("*.mp4")]) == 2


def test_a_kept_plan_with_a_limit_makes_its_takes_and_no_next_ones(
    shell: Shell, start_api: StartApi, kept: Path, keep: Step, follow: Step
) -> None:
    api = start_api(balance_micro_usd=280_000)
    keep("--limit", "2")
    assert '"limit": 2' in kept.read_text()
    assert follow("--max-in-flight", "1").code is ExitCode.ACCOUNT
    assert len(api.world.created) == 1
    api.world.balances[KEY] = None
    for _ in range(2):
        assert follow().code is ExitCode.DONE
        assert done(shell) == {"hero", "hero.take2"}
    assert len(api.world.created) == 2


def test_a_kept_replacement_with_a_limit_makes_its_takes_and_no_next_ones(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    assert shell("apply").code is ExitCode.DONE
    keep("--replace", "*", "--limit", "2")
    for _ in range(2):
        assert follow().code is ExitCode.DONE
        assert api.world.stats.creates == 7
    assert "Plan: 5 kept." in shell("plan").out


def test_the_question_names_what_the_limit_allows(shell: Shell, api: SandboxServer) -> None:
    shown, code = answer_at_terminal("n", "apply", str(shell.manifest), "--limit", "2", "--no-check-images")
    assert code == ExitCode.UNFINISHED
    words = " ".join(shown.split())
    assert "Plan: 2 to create, 3 more left for later by --limit." in words
    assert "Pay for 2 runs, about $0.56 (no spending cap is set)? [y/N]" in words


@pytest.mark.parametrize("limit", ["-1", "two", "1.5", ""])
def test_what_is_no_number_of_runs_is_wrong_usage(shell: Shell, api: SandboxServer, limit: str) -> None:
    for command in ("plan", "apply"):
        assert shell(command, "--limit", limit).code is ExitCode.USAGE
    assert not shell.state.exists()

"""`resolve` and `retry` of several takes at once: by names, by patterns, and of all that need it."""

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, UNCAPPED, Shell, answer_at_terminal
from tests.helpers.misbehaving_api import everything_fails, lost_answers

MANY = UNCAPPED.replace("takes: 2", "takes: 3, tags: [front]")


def states(shell: Shell) -> dict[str, str]:
    return {take["id"]: take["state"] for take in shell("status", "--json").document["takes"]}


@pytest.fixture
def doubts(shell: Shell, api: SandboxServer) -> None:
    """Three takes are in doubt, and `desk` is done."""
    shell.write(MANY)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    with lost_answers(api):
        assert shell("apply", "--only", "tag:front").code is ExitCode.UNFINISHED
    assert list(states(shell).values()) == ["in_doubt"] * 3 + ["done"]


@pytest.mark.usefixtures("doubts")
@pytest.mark.parametrize("words", [("--all",), ("*",), ("tag:front",), ("hero.take?", "hero")])
def test_all_that_are_in_doubt_are_given_up_at_once(shell: Shell, api: SandboxServer, words: tuple[str, ...]) -> None:
    ended = shell("resolve", *words, "--abandon")
    assert ended.code is ExitCode.DONE
    assert "3 attempts abandoned, which may have cost $0.84: " in ended.err
    assert f"`hailuo-batch resolve {shell.manifest} TAKE --run-id ID`" in ended.err
    assert ". You may lose what they made; the money still counts. If a run turns up: `hailuo-batch " in ended.err
    assert list(states(shell).values()) == ["abandoned"] * 3 + ["done"]
    again = shell("resolve", "--all", "--abandon")
    assert again.code is ExitCode.DONE
    assert "Nothing to resolve: no take is in doubt, lost or stuck" in again.err


@pytest.mark.usefixtures("doubts")
def test_one_question_names_how_many_and_the_most_that_they_cost(shell: Shell, api: SandboxServer) -> None:
    command = ("resolve", str(shell.manifest), "hero", "hero.take2", "--resubmit")
    printed, code = answer_at_terminal("n", *command)
    text = " ".join(printed.split())
    assert "2 attempts chosen, which may have cost $0.56: hero, hero.take2." in text
    assert "Requesting them again pays for them again, at most $0.56. Request these 2 again? [y/N]" in text
    assert code == ExitCode.UNFINISHED
    _, code = answer_at_terminal("y", *command)
    assert code == ExitCode.DONE
    assert list(states(shell).values()).count("waiting") == 2
    assert shell("apply", "--only", "hero", "--only", "hero.take2").code is ExitCode.DONE
    assert api.world.stats.creates == 6


@pytest.mark.usefixtures("doubts")
def test_without_a_yes_none_is_requested_again(shell: Shell) -> None:
    ended = shell.without_yes("resolve", "--all", "--resubmit")
    assert ended.code is ExitCode.USAGE
    assert "at most $0.84, and --yes is missing. Nothing was sent, nothing was changed." in ended.err
    assert list(states(shell).values()).count("in_doubt") == 3
    ended = shell("resolve", "--all", "--resubmit")
    assert "The next apply requests 3 takes again, and pays for them: hero, hero.take2, hero.take3." in ended.err
    assert f"`hailuo-batch apply {shell.manifest} --only hero --only hero.take2 --only hero.take3`" in ended.err


@pytest.mark.usefixtures("doubts")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "Give either TAKE, which may be a pattern and repeated, or --all"),
        (("hero", "--all"), "Give either TAKE, which may be a pattern and repeated, or --all"),
        (("d*",), "'d*' matches no take that is in doubt, lost or stuck in a way that --abandon is for (1 done)"),
        (("x*",), "'x*' matches no take of the ledger."),
        (("tag:back",), "'tag:back' matches no take of the ledger."),
        (("hero", "desk"), "desk: attempt 1 is done; there is nothing to resolve"),
        (("hero", "hero.take2", "--attempt", "1"), "--attempt goes with one TAKE, and with no pattern"),
    ],
)
def test_where_one_word_does_not_fit_nothing_is_changed(shell: Shell, words: tuple[str, ...], why: str) -> None:
    ended = shell("resolve", *words, "--abandon")
    assert ended.code is ExitCode.USAGE
    assert why in ended.err
    assert "Nothing was sent" in ended.err
    assert list(states(shell).values()).count("in_doubt") == 3


@pytest.mark.parametrize("words", [("hero", "desk"), ("h*",), ("--all",)])
def test_a_run_is_named_for_one_take(shell: Shell, words: tuple[str, ...]) -> None:
    ended = shell("resolve", *words, "--run-id", "run_1")
    assert ended.code is ExitCode.USAGE
    assert "--run-id goes with one TAKE, and with no pattern" in ended.err


def test_no_pattern_gives_up_what_is_merely_running(shell: Shell, start_api: StartApi) -> None:
    shell.write(UNCAPPED)
    start_api(speed=SLOW)
    shell("apply", "--only", "desk", "--run-timeout", "1s")
    for options in (("--abandon",), ("--resubmit", "--yes")):
        ended = shell("resolve", "*", *options)
        assert ended.code is ExitCode.USAGE
        assert "(2 waiting, 1 running). What is running, to be downloaded or abandoned has to be named." in ended.err
    assert shell("resolve", "desk", "--abandon").code is ExitCode.DONE


@pytest.mark.usefixtures("doubts")
@pytest.mark.parametrize("option", ["--resubmit", "--abandon"])
def test_a_request_that_was_found_is_not_made_again_with_the_others(
    shell: Shell, api: SandboxServer, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next morning one is found in the account, and the rest settled with the command that `status` has printed, or
    with --all: the one that was found was requested long ago, and only has to be collected."""
    now = Clock.wall
    monkeypatch.setattr(Clock, "wall", lambda clock: now(clock) + 86_400.0)
    found = next(run for run, sent in api.world.created.items() if sent["prompt"] == "A lamp")
    assert shell("resolve", "hero", "--run-id", found).code is ExitCode.DONE
    pasted = shell("resolve", "hero", "hero.take2", "hero.take3", option, "--yes")
    assert pasted.code is ExitCode.USAGE
    assert "hero: attempt 1 is running and paid for; the next apply collects it. Leave it out" in pasted.err
    assert shell("resolve", "--all", option, "--yes").code is ExitCode.DONE
    left = "waiting" if option == "--resubmit" else "abandoned"
    assert list(states(shell).values()) == ["running", left, left, "done"]
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    assert api.world.stats.creates == 4


def test_failed_takes_are_tried_again_by_patterns(shell: Shell, api: SandboxServer) -> None:
    shell.write(MANY)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    with everything_fails(api):
        assert shell("apply").code is ExitCode.UNFINISHED
    for words, why in (
        (("d*",), "'d*' matches no take that is failed or rejected (1 done). Nothing was changed."),
        (("x*", "hero"), "'x*' matches no take of the ledger. Nothing was changed."),
        (("hero", "--all"), "Give either TAKE or --all. Nothing was changed."),
    ):
        refused = shell("retry", *words)
        assert refused.code is ExitCode.USAGE
        assert why in refused.err
    ended = shell("retry", "hero.take[23]", "tag:front", "hero")
    assert ended.code is ExitCode.DONE
    assert "The next apply requests 3 takes again: hero.take2, hero.take3, hero." in ended.err
    assert list(states(shell).values()) == ["waiting"] * 3 + ["done"]
    assert "Nothing to retry" in shell("retry", "--all").err

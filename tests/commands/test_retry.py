"""`retry`: one more attempt for what failed or was rejected, and for nothing else."""

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import UNCAPPED, Shell
from tests.helpers.misbehaving_api import lost_answers, unknown_runs


@pytest.fixture(autouse=True)
def _no_cap(shell: Shell) -> None:
    shell.write(UNCAPPED)


@pytest.fixture
def failed(shell: Shell, start_api: StartApi) -> SandboxServer:
    """An API whose runs all fail; every take has failed once."""
    api = start_api(fail_rate=1.0)
    assert shell("apply").code is ExitCode.UNFINISHED
    assert "3 failed" in shell("status").out
    return api


def test_what_failed_is_not_made_again_by_itself(shell: Shell, failed: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.UNFINISHED
    assert failed.world.stats.creates == 3
    advice = "To allow the 3 that failed or were rejected one more attempt: hailuo-batch retry"
    assert shell("plan").out.count(advice) == 1


def test_without_names_every_failed_take_is_made_once_more(shell: Shell, failed: SandboxServer) -> None:
    ended = shell("retry")
    assert ended.code is ExitCode.DONE
    assert "The next apply requests 3 takes again: hero, hero.take2, desk." in ended.err
    assert failed.world.stats.creates == 3
    assert "attempt 2, after one that failed" in shell("plan").out
    assert shell("apply").code is ExitCode.UNFINISHED
    assert failed.world.stats.creates == 6
    assert shell("apply").code is ExitCode.UNFINISHED
    assert failed.world.stats.creates == 6


def test_with_names_only_those_are(shell: Shell, failed: SandboxServer) -> None:
    assert shell("retry", "desk").code is ExitCode.DONE
    assert "Plan: 1 to create, 2 held." in shell("plan").out
    assert shell("apply").code is ExitCode.UNFINISHED
    assert failed.world.stats.creates == 4


def test_granted_twice_before_an_apply_it_is_one_attempt(shell: Shell, failed: SandboxServer) -> None:
    assert shell("retry", "desk").code is ExitCode.DONE
    ended = shell("retry", "desk")
    assert ended.code is ExitCode.USAGE
    assert "desk is waiting" in ended.err
    assert shell("apply").code is ExitCode.UNFINISHED
    assert failed.world.stats.creates == 4


def test_an_attempt_that_is_granted_outlives_an_apply_of_other_takes(shell: Shell, failed: SandboxServer) -> None:
    assert shell("retry", "desk").code is ExitCode.DONE
    shell("apply", "--only", "hero")
    assert failed.world.stats.creates == 3
    shell("apply")
    assert failed.world.stats.creates == 4


def test_a_grant_is_for_the_prompt_that_failed_and_waits_for_it(shell: Shell, failed: SandboxServer) -> None:
    assert shell("retry", "desk").code is ExitCode.DONE
    shell.write(UNCAPPED.replace("A desk", "A desk at night"))
    assert "changed: prompt" in shell("plan").out
    shell("apply")
    assert failed.world.stats.creates == 4
    shell.write(UNCAPPED)
    for _ in range(2):
        shell("apply")
        assert failed.world.stats.creates == 5


def test_a_rejected_take_is_sent_once_more(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED.replace("prompt: A desk}", "prompt: A desk, model: no/such, input: {prompt: 1}}"))
    shell("apply", "--only", "desk")
    before = api.world.stats.creates
    shell("retry")
    shell("apply", "--only", "desk")
    assert api.world.stats.creates >= before
    assert api.world.created == {}


def test_what_is_in_doubt_is_never_retried(shell: Shell, api: SandboxServer) -> None:
    with lost_answers(api):
        shell("apply", "--only", "desk")
    ended = shell("retry", "desk")
    assert ended.code is ExitCode.USAGE
    assert "desk is in doubt; only a failed or rejected take can be retried" in ended.err
    assert f"`hailuo-batch status {shell.manifest}` shows how to resolve it" in ended.err
    ended = shell("retry")
    assert ended.code is ExitCode.DONE
    assert "Nothing to retry" in ended.err
    shell("apply", "--only", "desk")
    assert api.world.stats.creates == 1


def test_what_is_lost_is_never_retried(shell: Shell, api: SandboxServer) -> None:
    with unknown_runs(api):
        shell("apply", "--only", "desk")
        ended = shell("retry", "desk")
        assert ended.code is ExitCode.USAGE
        assert "desk is lost" in ended.err
        shell("apply", "--only", "desk")
    assert api.world.stats.creates == 1


def test_a_take_that_is_done_or_unknown_is_refused(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    for take_id, printed in (("desk", "desk is done"), ("dusk", "no such take"), ("hero", "hero is waiting")):
        ended = shell("retry", take_id)
        assert ended.code is ExitCode.USAGE
        assert printed in ended.err
        assert "Nothing was changed" in ended.err


def test_for_another_video_of_what_is_done_the_command_is_named(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ended = shell("retry", "desk")
    assert ended.code is ExitCode.USAGE
    assert f"`hailuo-batch apply {shell.manifest} --only desk --replace desk`, which pays again." in ended.err

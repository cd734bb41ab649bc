"""A run that failed because its input is sensitive: refunded, and not tried again by itself."""

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import UNCAPPED, Shell

TRIED_THRICE = UNCAPPED.replace("limits: {", "limits: {max_attempts: 3, ")


def start(shell: Shell, start_api: StartApi) -> SandboxServer:
    api = start_api(sensitive_rate=1.0)
    shell.write(TRIED_THRICE)
    assert shell("apply").code is ExitCode.UNFINISHED
    return api


def test_it_is_made_once_by_one_apply_and_by_the_next(shell: Shell, start_api: StartApi) -> None:
    api = start(shell, start_api)
    assert api.world.stats.creates == 3
    assert api.world.stats.refunded_micro_usd == api.world.stats.charged_micro_usd
    assert shell("apply").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 3


def test_it_is_said_why_and_what_to_do(shell: Shell, start_api: StartApi) -> None:
    start_api(sensitive_rate=1.0)
    shell.write(TRIED_THRICE)
    told = " ".join(shell("apply").err.split())
    assert "failed and is refunded: the input is sensitive (1026); the same prompt and images would fail again" in told
    assert "so change them first." in told
    planned = " ".join(shell("plan").out.split())
    assert "failed and refunded: the input is sensitive (1026); the same prompt and images would fail again" in planned
    ended = shell("status")
    status = " ".join((ended.out + ended.err).split())
    assert "its cost was refunded: the prompt or an image was found sensitive." in status
    assert "Change the shot in the manifest and apply again." in status


def test_another_prompt_is_a_new_take_that_is_tried(shell: Shell, start_api: StartApi) -> None:
    api = start(shell, start_api)
    shell.write(TRIED_THRICE.replace("A desk", "A desk at night"))
    assert "changed: prompt" in shell("plan").out
    shell("apply")
    assert api.world.stats.creates == 4


def test_a_user_who_insists_gets_one_more_attempt_and_is_told_what_will_come_of_it(
    shell: Shell, start_api: StartApi
) -> None:
    api = start(shell, start_api)
    ended = shell("retry", "desk")
    assert ended.code is ExitCode.DONE
    told = " ".join(ended.err.split())
    assert "desk: the prompt or an image was found sensitive. Unchanged, it will fail again and be refunded" in told
    shell("apply")
    assert api.world.stats.creates == 4
    shell("apply")
    assert api.world.stats.creates == 4


def test_another_failure_is_tried_again_as_before(shell: Shell, start_api: StartApi) -> None:
    api = start_api(fail_rate=1.0)
    shell.write(TRIED_THRICE)
    shell("apply")
    assert api.world.stats.creates == 9
    shell("retry", "desk")
    assert "sensitive" not in shell("retry", "hero").err

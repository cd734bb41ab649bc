"""What an apply leaves out or leaves undone is said, with what has to be done first."""

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import LAMPS, UNCAPPED, Shell


def test_a_replacement_that_only_leaves_out_is_said(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    for command in ("plan", "apply"):
        ended = shell(command, "--only", "hero", "--replace", "desk", "--replace", "hero.*")
        assert "Not replaced, because --only leaves them out: hero.take2, desk." in ended.err
        assert "Not replaced" not in shell(command, "--only", "hero", "--replace", "hero", "--limit", "0").err
    assert api.world.stats.creates == 3


@pytest.mark.parametrize("given", [(), ("--max-spend", "0.30")])
def test_after_a_cap_it_is_said_what_to_raise_and_to_what(
    shell: Shell, api: SandboxServer, given: tuple[str, ...]
) -> None:
    shell.write(LAMPS.replace("max_spend_usd: 5", "max_spend_usd: 0.30"))
    ended = shell("apply", *given)
    assert ended.code is ExitCode.ACCOUNT
    assert "or --max-spend to $0.84, which is what the runs that are left need at today's price." in ended.err
    rest = (
        "The spend limit of $0.30 is not enough for the 2 runs left. First raise limits.max_spend_usd or --max-spend to"
    )
    assert f"{rest} $0.84.\n" in ended.out
    assert ended.out.index(rest) < ended.out.index("To continue: ")
    again = shell("apply", *given)
    assert again.code is ExitCode.ACCOUNT
    assert "to $0.84, which is what the runs that are left need" in again.err
    assert shell("apply", "--max-spend", "0.84").code is ExitCode.DONE
    assert "is not enough" not in shell("apply").out


def test_a_take_that_changed_and_waits_still_has_a_video(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE
    shell.write(UNCAPPED.replace("A desk", "A desk at night"))
    ended = shell("apply", "--max-spend", "0.84")
    assert ended.code is ExitCode.ACCOUNT
    assert "to be made again (prompt changed)" in ended.out
    assert "to be made again (prompt changed)" in shell("status").out

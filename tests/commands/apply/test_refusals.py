"""`apply` where the API refuses one input after another."""

import re

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.values import take_id
from tests.helpers.command_line import UNCAPPED, Shell
from tests.helpers.misbehaving_api import refusing

TAKES = 60


def test_equal_refusals_are_reported_a_few_times_and_hide_no_take(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED.replace("prompt: A lamp, takes: 2", f"prompt: A lamp, takes: {TAKES}"))
    with refusing(api, "The prompt is not allowed."):
        ended = shell("apply", "--only", "hero*")
    assert ended.code is ExitCode.UNFINISHED
    printed = [line for line in ended.err.splitlines() if "rejected by the API, nothing was paid" in line]
    assert 1 < len(printed) < TAKES / 4
    assert all(": The prompt is not allowed (invalid_input). Change " in line for line in printed)
    named = re.findall(r"hero(?:\.take\d+)?(?=[:,.])", re.sub("`[^`]*`", "", " ".join(printed)))
    assert sorted(named) == sorted(take_id("hero", number) for number in range(1, TAKES + 1))

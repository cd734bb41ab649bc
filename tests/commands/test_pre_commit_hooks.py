"""What is offered to pre-commit: a command that exists, for the files it is meant for."""

import re
from pathlib import Path

import yaml

from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import LAMPS, Shell

HOOKS = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def test_the_hook_validates_manifests_and_nothing_else(shell: Shell) -> None:
    [hook] = HOOKS
    program, *arguments = hook["entry"].split()
    assert (program, hook["language"]) == ("hailuo-batch", "python")
    for path in ("manifests/lamps.yaml", "spring/manifests/lamps.yml"):
        assert re.search(hook["files"], path)
    for path in ("lamps.yaml", "manifests/lamps.csv", "manifests/old/lamps.yaml", ".github/workflows/ci.yml"):
        assert not re.search(hook["files"], path)
    shell.write(LAMPS)
    assert shell.bare(*arguments, str(shell.manifest)).code is ExitCode.DONE
    shell.write(LAMPS.replace("takes: 2", "takes: 0"))
    assert shell.bare(*arguments, str(shell.manifest)).code is ExitCode.USAGE

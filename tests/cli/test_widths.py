"""What is printed on a terminal fits it, at 80 columns and at 200, wide characters and colours included."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.text import display_width
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import Shell, read_terminal
from tests.helpers.timeouts import TEST_TIMEOUT_S

CAMPAIGN = """\
version: 1
campaign: lamps
limits: {expected_cost_usd: 0.28}
shots:
  - id: a-lamp-of-white-porcelain-on-a-table-of-walnut-in-a-loft
    prompt: 青い陶器の灯が窓辺に置かれている。青い陶器の灯が窓辺に置かれている。青い陶器の灯が窓辺に置かれている。
    takes: 14
  - {id: desk, prompt: "A desk, soft window light, shot on 35 mm film, gentle dolly in, no text, no people, no birds"}
"""
CODE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
UNBREAKABLE = ("hailuo-batch ", "run_", "Report: ")
"""What stays whole although it may be wider: commands to be pasted, run IDs, paths."""


def printed(shell: Shell, columns: int, *arguments: str) -> list[str]:
    """The lines that the command prints on a terminal of so many columns; of a bar each of its states."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "NO_COLOR"}}
    command = [sys.executable, "-m", "hailuo_batch", *arguments]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm"}, cwd=shell.workspace
    ) as process:
        os.close(theirs)
        text = read_terminal(ours).decode()
        process.wait(TEST_TIMEOUT_S)
    os.close(ours)
    assert "Traceback" not in text
    return re.split(r"[\r\n]+", text)


@pytest.mark.deep
@pytest.mark.parametrize("columns", [80, 200])
def test_no_line_is_wider_than_the_terminal(shell: Shell, start_api: StartApi, columns: int) -> None:
    api: SandboxServer = start_api(fail_rate=0.4)
    shell.write(CAMPAIGN.replace("version: 1", "version: 1\nnotes: 灯"))
    lines = printed(shell, columns, "validate", "manifests/lamps.yaml")
    shell.write(CAMPAIGN)
    for command in (["plan"], ["plan", "-v"], ["apply", "--yes"], ["plan"], ["status"], ["status", "--all"]):
        name, *options = command
        lines += printed(shell, columns, name, "manifests/lamps.yaml", *options)
    assert api.world.stats.creates == 15
    assert any(CODE.search(line) for line in lines)
    plain = [CODE.sub("", line) for line in lines]
    assert [line for line in plain if display_width(line) > columns and not any(w in line for w in UNBREAKABLE)] == []
    assert any(display_width(line) > columns // 2 for line in plain)

"""What the doctor has said, as a test reads it."""

import os
import re
import subprocess

from tests.helpers.command_line import CommandResult

_LINE = re.compile(r"^[^\w\s] (ok|note|warning|problem) +(\S.*?)  +(.*)$")
_COMMAND = re.compile(r"    (export|unset|chmod|mv|hailuo-batch) ")


def findings(ended: CommandResult) -> list[tuple[str, str]]:
    """Level and subject of each finding."""
    return [(found[1], found[2]) for line in ended.out.splitlines() if (found := _LINE.match(line))]


def said(ended: CommandResult, level: str, subject: str) -> str:
    """What it says of this subject, remedy and commands included, on one line."""
    lines, is_meant = list[str](), False
    for line in ended.out.splitlines():
        found = _LINE.match(line)
        is_meant = (found[1], found[2]) == (level, subject) if found else is_meant
        if is_meant:
            lines.append(line)
    assert lines, ended.out
    return " ".join(" ".join(lines).split())


def commands(ended: CommandResult) -> list[str]:
    """The commands that it tells to type: what is indented below a remedy."""
    return [line.strip() for line in ended.out.splitlines() if _COMMAND.match(line)]


def typed(command: str, variable: str, *, bash: str = "bash") -> str:
    """What a variable holds once the command was typed in a real shell; empty where it is not set."""
    script = f'{command}; printf %s "${{{variable}-}}"'
    ended = subprocess.run([bash, "-c", script], capture_output=True, text=True, env=dict(os.environ), check=True)
    return ended.stdout

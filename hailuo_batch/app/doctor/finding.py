"""A finding: what is so, whether it stops an apply, and what mends it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from hailuo_batch.errors import ExitCode


class Level(IntEnum):
    """How much a finding matters."""

    OK = 0
    NOTE = 1  # right, and good to know
    WARNING = 2  # an apply works, and something may go wrong
    PROBLEM = 3  # it stops an apply


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a subject, such as `key`. `text` and `remedy` are sentences; the remedy may be empty.

    `commands` are for a shell, to be typed as they are. `code` is the exit code of an apply that a problem stops.
    """

    level: Level
    subject: str
    text: str
    remedy: str = ""
    commands: tuple[str, ...] = ()
    code: ExitCode = ExitCode.UNFINISHED


def exit_code_of(findings: Iterable[Finding]) -> ExitCode:
    """The exit code of an apply with these findings: of several, the highest, as in an apply."""
    return max((found.code for found in findings if found.level is Level.PROBLEM), default=ExitCode.DONE)

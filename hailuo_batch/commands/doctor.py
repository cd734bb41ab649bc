"""`doctor`: looks at what an apply needs, and says what is wrong and what mends it. Pays for nothing."""

import sys
from collections.abc import Sequence

from hailuo_batch.app.doctor.examine import examine
from hailuo_batch.app.doctor.finding import Finding, Level, exit_code_of
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.errors import ExitCode
from hailuo_batch.ui.console import Console, Verbosity, columns_of
from hailuo_batch.ui.doctor import Line, render_lines
from hailuo_batch.ui.text import count


def run(where: CampaignLocation | None, sandbox: bool, console: Console) -> ExitCode:
    """Print the findings, when quiet only warnings and problems. Returns the exit code that an apply would have."""
    findings = tuple(examine(where, sandbox=sandbox))
    least = Level.WARNING if console.verbosity is Verbosity.QUIET else Level.OK
    lines = [_line(found, console) for found in findings if found.level >= least]
    if lines:
        text = render_lines(lines, columns_of(sys.stdout), console.palette(sys.stdout))
        console.print_result_in_colour(text)
    console.print_info(_verdict(findings))
    return exit_code_of(findings)


def _line(found: Finding, console: Console) -> Line:
    text, remedy = console.with_full_commands(found.text), console.with_full_commands(found.remedy)
    return Line(found.level.name.lower(), found.subject, text, remedy, found.commands)


def _verdict(findings: Sequence[Finding]) -> str:
    problems, warnings = (sum(each.level is level for each in findings) for level in (Level.PROBLEM, Level.WARNING))
    beside = f" There {'is' if warnings == 1 else 'are'} {count(warnings, 'warning')}." if warnings else ""
    stops = f"{count(problems, 'problem')} would stop an apply." if problems else "Nothing stops an apply."
    return f"{stops}{beside} Nothing was paid."

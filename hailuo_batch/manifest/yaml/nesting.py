"""Where a document becomes too deep, when the parser itself gives up on it.

Newer libyaml stops at 1,000 levels of brackets and braces. It looks up to 1,024 characters ahead on a line for the `:`
that would make a key of them, and so stops before it has told of a single one: they are counted here instead.
"""

import re
from typing import Any

import yaml

from hailuo_batch.manifest.diagnostics import Refused, Spot
from hailuo_batch.manifest.files.lines import Around, Breaks, around
from hailuo_batch.manifest.yaml.composer import MAX_DEPTH, Composer, too_deep

_REACH = 4096  # well above the characters that libyaml looks ahead
_BRACKETS = re.compile(r"""[\[{]|[]}]|"(?:[^"\\]|\\.)*"|'[^']*'""")


def nesting_explained(error: yaml.MarkedYAMLError, data: bytes, composer: Composer) -> Refused | None:
    """The parser's error as a finding at the first level too many; None where it is about something else."""
    mark: Any = error.problem_mark
    if "nesting depth" not in (error.problem or "") or mark is None:
        return None
    stopped_at = Spot(mark.line + 1, mark.column + 1)
    line = around(data, [stopped_at], Breaks.YAML, _REACH).get(stopped_at, Around())
    first_column = stopped_at.column - line.at
    read_to = composer.read_to.column - first_column if composer.read_to.line == stopped_at.line else 0
    depth = composer.depth
    for found in _BRACKETS.finditer(line.text, max(0, read_to), line.at + 1):
        depth += 1 if found[0] in "[{" else -1 if found[0] in "]}" else 0
        if depth > MAX_DEPTH:
            return too_deep(Spot(stopped_at.line, first_column + found.start()))
    return too_deep(stopped_at)

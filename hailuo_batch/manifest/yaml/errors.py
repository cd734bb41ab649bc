"""YAML's own errors in plain words: what the parser stumbled over, and what to write instead.

Knows the wording of libyaml's parser and of PyYAML's own, and nothing of the manifest's language. What it does not
know it passes on as the parser said it.

Newer libyaml stops at 1,000 levels of brackets and braces. It looks up to 1,024 characters ahead on a line for the `:`
that would make a key of them, and so stops before it has told of a single one: they are counted here instead.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from hailuo_batch.manifest.diagnostics import FILE_START, FatalDiagnostic, Position
from hailuo_batch.manifest.files.lines import LineBreaks, SourceLine, find_source_lines
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.composer import MAX_DEPTH, Composer, too_deep_error


@dataclass(frozen=True, slots=True)
class _KnownProblem:
    """A problem by part of its wording. `{opened}` in the message is where the unfinished thing begins."""

    problem: str
    message: str
    hint: str


_AT_PROBLEM = (
    _KnownProblem(
        "mapping values are not allowed",
        "a `:` is not allowed here",
        "put a text that contains `: ` in quotes, or mend the indentation",
    ),
    _KnownProblem(
        "entries are not allowed", "a list cannot begin on this line", "write each `- ` on a line of its own"
    ),
    _KnownProblem("undefined tag handle", "the YAML tag is not allowed here", "remove it"),
    _KnownProblem(
        "unknown escape character", "YAML knows no such escape in double quotes", "write `\\\\` for a backslash"
    ),
    _KnownProblem("invalid Unicode character escape", "the escape is no character", "write the character itself"),
    _KnownProblem("',' or ']'", "the list that opens at {opened} is not closed before this", "close it with `]`"),
    _KnownProblem("',' or '}'", "the mapping that opens at {opened} is not closed before this", "close it with `}`"),
    _KnownProblem("expected '-'", "the indentation does not fit", "begin every key of a shot in one column"),
    _KnownProblem(
        "expected key", "this does not fit where it stands", "begin keys in one column, put odd text in quotes"
    ),
    _KnownProblem(
        "<block end>", "this does not fit where it stands", "begin keys in one column, put odd text in quotes"
    ),
)
_AT_OPENING = (
    _KnownProblem("unexpected end of stream", "the quote that opens here is never closed", "close it"),
    _KnownProblem("unexpected document separator", "the quote that opens here is never closed", "close it"),
    _KnownProblem("could not find expected ':'", "a `:` is missing after this key", "write it like `key: value`"),
)


def explain(error: yaml.MarkedYAMLError, data: bytes) -> FatalDiagnostic:
    """The parser's error about `data` as a finding."""
    problem = error.problem or error.context or "it cannot be read"
    mark: Any = error.problem_mark or error.context_mark
    if mark is None:
        return FatalDiagnostic(FILE_START, f"this is not YAML: {problem}")
    return _explain_by_character(problem, mark, data) or _explain_by_wording(
        problem, _position(mark), _position(error.context_mark or mark)
    )


def _explain_by_character(problem: str, mark: Any, data: bytes) -> FatalDiagnostic | None:
    """What the characters around the place tell better than the parser does."""
    place = _position(mark)
    line = find_source_lines(data, [place], LineBreaks.YAML).get(place, SourceLine())
    here, line_before = line.text[line.at : line.at + 1], line.text[: line.at].rstrip(" ")
    if "cannot start any token" in problem and here == "\t":
        return FatalDiagnostic(place, "a tab cannot be used for indentation", "use spaces")
    if "cannot start any token" in problem:
        return FatalDiagnostic(place, f"a text cannot begin with {quoted(here)}", "put it in quotes")
    if "',' or" in problem and here == "{" and line_before.endswith("$"):
        hint = 'write it like ["${name}"]'
        return FatalDiagnostic(place, "between brackets or braces a text with `${` needs quotes", hint)
    if ("expected key" in problem or "<block end>" in problem) and line_before.endswith(("'", '"')):
        hint = "write `''` for a quote inside '…', or put the text inside \"…\""
        return FatalDiagnostic(place, "the text goes on after its closing quote", hint)
    return None


def _explain_by_wording(problem: str, place: Position, opened: Position) -> FatalDiagnostic:
    for known in _AT_OPENING:
        if known.problem in problem:
            return FatalDiagnostic(opened, known.message, known.hint)
    for known in _AT_PROBLEM:
        if known.problem in problem:
            message = known.message.replace("{opened}", f"{opened.line}:{opened.column}")
            return FatalDiagnostic(place, message, known.hint)
    return FatalDiagnostic(place, f"this is not YAML: {problem}")


def _position(mark: Any) -> Position:
    """A mark's place. libyaml's marks and PyYAML's own have no type in common."""
    return Position(mark.line + 1, mark.column + 1)


_LOOK_AHEAD = 4096  # well above the characters that libyaml looks ahead
_BRACKETS = re.compile(r"""[\[{]|[]}]|"(?:[^"\\]|\\.)*"|'[^']*'""")


def explain_nesting(error: yaml.MarkedYAMLError, data: bytes, composer: Composer) -> FatalDiagnostic | None:
    """The parser's error as a finding at the first level too many; None where it is about something else."""
    mark: Any = error.problem_mark
    if "nesting depth" not in (error.problem or "") or mark is None:
        return None
    stopped_at = Position(mark.line + 1, mark.column + 1)
    line = find_source_lines(data, [stopped_at], LineBreaks.YAML, _LOOK_AHEAD).get(stopped_at, SourceLine())
    first_column = stopped_at.column - line.at
    read_to = composer.read_to.column - first_column if composer.read_to.line == stopped_at.line else 0
    depth = composer.depth
    for found in _BRACKETS.finditer(line.text, max(0, read_to), line.at + 1):
        depth += 1 if found[0] in "[{" else -1 if found[0] in "]}" else 0
        if depth > MAX_DEPTH:
            return too_deep_error(Position(stopped_at.line, first_column + found.start()))
    return too_deep_error(stopped_at)

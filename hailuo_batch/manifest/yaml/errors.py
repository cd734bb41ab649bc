"""YAML's own errors in plain words: what the parser stumbled over, and what to write instead.

Knows the wording of libyaml's parser and of PyYAML's own, and nothing of the manifest's language. An error that it
does not know keeps the parser's words.
"""

import re
from typing import Any, NamedTuple

import yaml

from hailuo_batch.manifest.diagnostics import FILE_START, FatalDiagnostic, Position
from hailuo_batch.manifest.files.lines import LineBreaks, SourceLine, find_source_lines
from hailuo_batch.manifest.yaml.composer import MAX_DEPTH, Composer, position_of, too_deep_error
from hailuo_batch.manifest.yaml.misread_lines import ParserError, close_quote, explain_line

_LOOK_AHEAD = 4096  # well above the characters that libyaml looks ahead
_BRACKETS = re.compile(r"""[\[{]|[]}]|"(?:[^"\\]|\\.)*"|'[^']*'""")


class _KnownProblem(NamedTuple):
    """A problem by part of its wording. `{opened}` in the message is where the unfinished thing begins."""

    problem: str
    message: str
    hint: str


_NEVER_CLOSED = ("unexpected end of stream", "unexpected document separator")
_NO_COLON = "could not find expected ':'"
_UNEXPECTED = ("this is not expected here", "start keys in the same column, and put text with special signs in quotes")
_AT_PROBLEM = (
    _KnownProblem(
        "mapping values are not allowed",
        "a `:` is not allowed here",
        "put text that contains `: ` in quotes, or fix the indentation",
    ),
    _KnownProblem(
        "entries are not allowed", "a list cannot begin on this line", "write each `- ` on a line of its own"
    ),
    _KnownProblem("undefined tag handle", "the YAML tag is not allowed here", "remove it"),
    _KnownProblem("unknown escape character", "YAML has no such escape sequence", "write `\\\\` for a backslash"),
    _KnownProblem("invalid Unicode character escape", "this escape is not a character", "write the character itself"),
    _KnownProblem("',' or ']'", "the list that opens at {opened} is not closed before this", "close it with `]`"),
    _KnownProblem("',' or '}'", "the mapping that opens at {opened} is not closed before this", "close it with `}`"),
    _KnownProblem("expected key", *_UNEXPECTED),
    _KnownProblem("<block end>", *_UNEXPECTED),
)


def explain(error: yaml.MarkedYAMLError, composer: Composer) -> FatalDiagnostic:
    """The parser's error in plain words."""
    problem = error.problem or error.context or "it cannot be read"
    mark: Any = error.problem_mark or error.context_mark
    if mark is None:
        return FatalDiagnostic(FILE_START, f"this is not YAML: {problem}")
    place, opened = position_of(mark), position_of(error.context_mark or mark)
    lines = composer.dropped.lines
    parts = (composer.innermost, composer.read_from, composer.read_to, lines)
    found = ParserError(problem, error.context or "", place, opened, *parts)
    return explain_line(found) or _explain_by_wording(found)


def _explain_by_wording(error: ParserError) -> FatalDiagnostic:
    problem, opened = error.problem, error.opened
    if any(known in problem for known in _NEVER_CLOSED):
        hint = close_quote(error.lines.text(opened.line), opened.column - 1)
        return FatalDiagnostic(opened, "the quote that opens here is never closed", hint)
    if _NO_COLON in problem:
        return FatalDiagnostic(opened, "a `:` is missing after this key", "write it like `key: value`")
    if "block collection" in error.context:
        return FatalDiagnostic(
            error.place, "the indentation does not match", "start every key of a shot in the same column"
        )
    for known in _AT_PROBLEM:
        if known.problem in problem:
            message = known.message.replace("{opened}", f"{opened.line}:{opened.column}")
            return FatalDiagnostic(error.place, message, known.hint)
    return FatalDiagnostic(error.place, f"this is not YAML: {problem}")


def explain_nesting(error: yaml.MarkedYAMLError, data: bytes, composer: Composer) -> FatalDiagnostic | None:
    """The parser's error at the first level too many; None if it is about something else.

    Newer libyaml stops at 1,000 levels of brackets and braces. It looks up to 1,024 characters ahead on a line for the
    `:` that would make a key of them, and so stops before it has reported a single one: they are counted here.
    """
    mark: Any = error.problem_mark
    if "nesting depth" not in (error.problem or "") or mark is None:
        return None
    stopped_at = position_of(mark)
    line = find_source_lines(data, [stopped_at], LineBreaks.YAML, _LOOK_AHEAD).get(stopped_at, SourceLine())
    first_column = stopped_at.column - line.at
    read_to = composer.read_to.column - first_column if composer.read_to.line == stopped_at.line else 0
    depth = composer.depth
    for found in _BRACKETS.finditer(line.text, max(0, read_to), line.at + 1):
        depth += 1 if found[0] in "[{" else -1 if found[0] in "]}" else 0
        if depth > MAX_DEPTH:
            return too_deep_error(Position(stopped_at.line, first_column + found.start()))
    return too_deep_error(stopped_at)

"""YAML's own errors in plain words: what the parser stumbled over, and what to write instead.

Knows the wording of libyaml's parser and of PyYAML's own, and nothing of the manifest's language. An error that it
does not know keeps the parser's words.
"""

import re
from typing import Any, NamedTuple

import yaml

from hailuo_batch.manifest.diagnostics import FILE_START, FatalDiagnostic, Position
from hailuo_batch.manifest.files.lines import LineBreaks, SourceLine, find_source_lines
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.composer import MAX_DEPTH, Composer, position_of, too_deep_error

_LOOK_AHEAD = 4096  # well above the characters that libyaml looks ahead
_BRACKETS = re.compile(r"""[\[{]|[]}]|"(?:[^"\\]|\\.)*"|'[^']*'""")


class _KnownProblem(NamedTuple):
    """A problem by part of its wording. `{opened}` in the message is where the unfinished thing begins."""

    problem: str
    message: str
    hint: str


_NEVER_CLOSED = ("the quote that opens here is never closed", "close it")
_UNEXPECTED = ("this is not expected here", "start keys in the same column, and put text with special signs in quotes")
_AT_OPENING = (
    _KnownProblem("unexpected end of stream", *_NEVER_CLOSED),
    _KnownProblem("unexpected document separator", *_NEVER_CLOSED),
    _KnownProblem("could not find expected ':'", "a `:` is missing after this key", "write it like `key: value`"),
)
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
    _KnownProblem("expected '-'", "the indentation does not match", "start every key of a shot in the same column"),
    _KnownProblem("expected key", *_UNEXPECTED),
    _KnownProblem("<block end>", *_UNEXPECTED),
)


def explain(error: yaml.MarkedYAMLError, data: bytes) -> FatalDiagnostic:
    """The parser's error about `data` in plain words."""
    problem = error.problem or error.context or "it cannot be read"
    mark: Any = error.problem_mark or error.context_mark
    if mark is None:
        return FatalDiagnostic(FILE_START, f"this is not YAML: {problem}")
    place, opened = position_of(mark), position_of(error.context_mark or mark)
    return _explain_by_character(problem, place, data) or _explain_by_wording(problem, place, opened)


def _explain_by_character(problem: str, place: Position, data: bytes) -> FatalDiagnostic | None:
    """What the characters around the place tell better than the parser does."""
    line = find_source_lines(data, [place], LineBreaks.YAML).get(place, SourceLine())
    here, before = line.text[line.at : line.at + 1], line.text[: line.at].rstrip(" ")
    if "cannot start any token" in problem:
        if here == "\t":
            return FatalDiagnostic(place, "a tab cannot be used for indentation", "use spaces")
        return FatalDiagnostic(place, f"a text cannot begin with {quoted(here)}", "put it in quotes")
    if "',' or" in problem and here == "{" and before.endswith("$"):
        hint = 'write it like ["${name}"]'
        return FatalDiagnostic(place, "between brackets or braces a text with `${` needs quotes", hint)
    if ("expected key" in problem or "<block end>" in problem) and before.endswith(("'", '"')):
        hint = "write `''` for a quote inside '…', or put the text inside \"…\""
        return FatalDiagnostic(place, "there is text after the closing quote", hint)
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

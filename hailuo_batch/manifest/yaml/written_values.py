"""Where a value stands on its line, found without YAML: for lines that are not YAML, or not what their author meant.

Knows how keys, dashes, brackets and comments are written, nothing of the manifest's language. Finds the value that is
meant where the line is close to right, and says so where it cannot tell.
"""

import re
from dataclasses import dataclass

from hailuo_batch.manifest.yaml.quotes import meant_text, yaml_quoted

_INDENT = re.compile(r"[ \t]*(?:-[ \t]+)*")
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'"""
_KEY = re.compile(rf"""(?:(?:{_QUOTED})[ \t]*+|[^\s"'#,:\[\]{{}}&*!|>%@`][^#:,\[\]{{}}]*+):(?:[ \t]+|$)""")
_AFTER_QUOTES = re.compile(_QUOTED)
_COMMENT = re.compile(r"(?<![ \t])[ \t]++#(?=\s|$)")
_BLOCK_SIGN = re.compile(r"[|>](?:[-+]?[1-9]?[-+]?[ \t]+)?")
_MAX_SHOWN = 160


@dataclass(frozen=True, slots=True)
class WrittenValue:
    """A value on its line: what comes before it, its text as it is written, and what follows it between brackets."""

    before: str
    text: str
    after: str = ""

    def has(self, at: int) -> bool:
        """Whether the character at `at` of the line is one of the value, and not its first."""
        return len(self.before) < at < len(self.before) + len(self.text)

    def with_text(self, text: str) -> str:
        """The line as it reads with another text in this place, without its indentation."""
        return f"{self.before.lstrip()}{text}{self.after.rstrip()}"

    def without_block_sign(self) -> "WrittenValue":
        """The same without the `|` or `>` that it begins with."""
        return WrittenValue(self.before, self.text[_end_of(_BLOCK_SIGN, self.text, 0) :].strip(), self.after)


def find_value(line: str, at: int) -> WrittenValue | None:
    """The value that has the character at `at` in it, from 0; None if that is in its key, or cannot be told."""
    begin = _skip_key(line, _end_of(_INDENT, line, 0))
    if at < begin or begin >= len(line):
        return None
    if line[begin] in "[{":
        item = find_item(line, at, begin)
        if item is not None:
            return item
    quoted_end = _end_of(_AFTER_QUOTES, line, begin)
    return _cut(line, begin, _before_comment(line, quoted_end), "")


def find_item(line: str, at: int, begin: int = 0, bracket: str = "") -> WrittenValue | None:
    """The same between brackets or braces that open at or after `begin`, or on an earlier line as `bracket`.

    None if they are closed before `at`.
    """
    opened: list[tuple[int, str]] = []
    first, inside, place = begin, bracket, begin
    while place < len(line):
        character = line[place]
        if line.startswith("${", place):
            place = max(place, line.find("}", place))
        elif character in "\"'" and not line[_skip_key(line, first) : place].strip():
            place = max(place, _end_of(_AFTER_QUOTES, line, place) - 1)
        elif character in ",]}" and place >= at:
            break
        elif character in "[{" and place < at:
            opened.append((first, inside))
            first, inside = place + 1, character
        elif character == ",":
            first = place + 1
        elif character in "]}":
            if len(opened) <= (not bracket):
                return None
            first, inside = opened.pop()
        place += 1
    first = _skip_key(line, first) if inside == "{" else _skip_blanks(line, first)
    if place >= len(line):
        place = _before_comment(line, first)
    return _cut(line, first, place, line[place:]) if first <= at else None


def put_in_quotes(value: WrittenValue | None, it: str = "it") -> str:
    """The hint that a text, called `it`, needs quotes, with the line as it should read if that is known and short."""
    if value is None:
        return "put the whole text in quotes"
    quoted = yaml_quoted(meant_text(value.text))
    line = value.with_text(quoted)
    if len(line) <= _MAX_SHOWN:
        return f"put {it} in quotes: {show_line(line)}"
    if quoted.startswith('"'):
        return "put the whole text in double quotes"
    return "put the whole text in single quotes" + (", and write `''` for each `'` in it" if "'" in value.text else "")


def show_line(line: str) -> str:
    """A line of YAML in a hint."""
    return f"`{''.join(character if character.isprintable() else ' ' for character in line)}`"


def _end_of(pattern: re.Pattern[str], line: str, begin: int) -> int:
    """Where what the pattern finds at `begin` ends; `begin` if it is not there."""
    found = pattern.match(line, begin)
    return found.end() if found else begin


def _skip_key(line: str, begin: int) -> int:
    """Where the value begins, after blanks and a key."""
    return _end_of(_KEY, line, _skip_blanks(line, begin))


def _skip_blanks(line: str, begin: int) -> int:
    return len(line) - len(line[begin:].lstrip(" \t"))


def without_comment(text: str) -> str:
    """The text without the comment that follows it."""
    return text[: _before_comment(text, 0)].rstrip()


def _before_comment(line: str, begin: int) -> int:
    comment = _COMMENT.search(line, begin)
    return comment.start() if comment else len(line)


def _cut(line: str, begin: int, end: int, after: str) -> WrittenValue | None:
    text = line[begin:end].rstrip()
    return WrittenValue(line[:begin], text, after) if text else None

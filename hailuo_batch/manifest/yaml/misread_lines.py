"""What an author meant by a line that YAML reads otherwise: told from the line itself, better than by the parser.

Each rule looks at the parser's error and at the lines that it is about, and either knows the cause or passes. The first
that knows it is right: causes that lie on an earlier line come first. Knows both parsers' wordings, nothing of the
manifest's language.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from hailuo_batch.manifest.diagnostics import FatalDiagnostic, Position, Positioned
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.quotes import meant_text, yaml_quoted
from hailuo_batch.manifest.yaml.source_lines import SourceLines
from hailuo_batch.manifest.yaml.written_values import WrittenValue, find_item, find_value, put_in_quotes, show_line

ODD_BLANKS = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_ODD_BLANK = re.compile(  # right after a colon, or before a key; anywhere else it is text
    rf"[ \t]*(?:-[ \t]+)?[\w\"']+[ \t]*:([{ODD_BLANKS}])"
    rf"|[ \t]*(?:-[ \t]*)?([{ODD_BLANKS}])(?=[\s{ODD_BLANKS}]*[\w\"']+[ \t]*:)"
)
_ODD_COLON = re.compile(r"[ \t]*(?:-[ \t]+)*(\w+)[ \t]*([\uff1a\ufe55\u2236])[ \t]*")
_DASH_AND_KEY = re.compile(r"([ \t]*-)(?=\w[\w-]*[ \t]*:(?:[ \t]|$))")
_KEY_AND_TEXT = re.compile(r"[ \t]*(?:-[ \t]+)*[A-Za-z_]\w*:(?=[^\s:/])")
_KEY_LINE = re.compile(r"\s*(?:-\s+)*\w+\s*:(?:\s|$)|\s*-\s")
_APOSTROPHE = re.compile(r"'(?:\d0s|tis|twas|til|em|cause|n|round|bout)\b", re.IGNORECASE)
_COMMENT_IN_BRACKETS = re.compile(r"(?<=[\s\[{,])#(?=\S)")
_BRACKETS = re.compile(r"""[\[{]|[]}]|"(?:[^"\\]|\\.)*"|'[^']*'""")
_LINES_BACK = 100  # nobody finds a hint helpful that rests on what is so far away
_CLOSED = {'"': "the closing quote", "'": "the closing quote", "]": "the closing bracket", "}": "the closing brace"}


@dataclass(frozen=True)
class ParserError:
    """What the parser says, where, and in what: `innermost` is where the innermost open collection begins. What was
    read last without an error goes from `read_from` to `read_to`."""

    problem: str
    context: str
    place: Position
    opened: Position
    innermost: Positioned | None
    read_from: Positioned
    read_to: Positioned
    lines: SourceLines

    @cached_property
    def line(self) -> str:
        """The line that the parser stumbled over."""
        return self.lines.text(self.place.line)

    @property
    def sign(self) -> str:
        """The character that the parser stumbled over."""
        return self.line[self.place.column - 1 : self.place.column]

    @property
    def before(self) -> str:
        """The line before that."""
        return self.line[: self.place.column - 1].rstrip()

    def suspects(self) -> list[int]:
        """The numbers of the lines that the error may come of, the first first."""
        above = self.place.line - 1
        while above > 1 and not self.lines.text(above).strip():
            above -= 1
        return sorted({self.opened.line, above, self.place.line})

    def value_at(self, place: Positioned) -> WrittenValue | None:
        """The value at a place, as it is written."""
        return self.lines.find_value(place, self._open_bracket(place) or self.innermost)

    def _open_bracket(self, place: Positioned) -> Positioned | None:
        """The innermost bracket that opens on an earlier line, of those that the parser has not reported yet."""
        opened: list[Position] = []
        for number in range(max(self.read_to.line, place.line - _LINES_BACK), place.line):
            line = self.lines.text(number)
            for found in _BRACKETS.finditer(line, self.read_to.column - 1 if number == self.read_to.line else 0):
                if found[0] in "[{":
                    opened.append(Position(number, found.start() + 1))
                elif found[0] in "]}" and opened:
                    opened.pop()
        return opened[-1] if opened else None


def explain_line(error: ParserError) -> FatalDiagnostic | None:
    """The error by what its lines look like; None if they tell nothing."""
    return next((found for found in (rule(error) for rule in _RULES) if found is not None), None)


def describe_odd_sign(sign: str) -> str:
    """A blank or colon that is none to YAML, by its name: a no-break space (U+00A0)."""
    name = unicodedata.name(sign, "invisible character").lower().replace("fullwidth", "full-width")
    return f"{'an' if name[0] in 'aeio' else 'a'} {name} (U+{ord(sign):04X})"


def _odd_sign(error: ParserError) -> FatalDiagnostic | None:
    """A blank or a colon of another alphabet where YAML needs its own."""
    for number in error.suspects():
        line = error.lines.text(number)
        for pattern, plain in ((_ODD_BLANK, " "), (_ODD_COLON, ": ")):
            found = pattern.match(line)
            if found is None:
                continue
            at, sign = found.start(found.lastindex or 0), found[found.lastindex or 0]
            kind = "space" if plain == " " else "colon"
            right = f"{line[:at].rstrip(' ')}{plain}{line[at + 1 :].lstrip()}" if line[:at].strip() else ""
            hint = f"write {show_line(right.strip())}" if 0 < len(right) <= 160 else f"write a plain {kind}"
            message = f"here is {describe_odd_sign(sign)}, which YAML does not take for a {kind}"
            return FatalDiagnostic(Position(number, at + 1), message, hint)
    return None


def _missing_blank(error: ParserError) -> FatalDiagnostic | None:
    """A dash or a colon without the blank that makes it one."""
    for number in error.suspects():
        line = error.lines.text(number)
        dash = _DASH_AND_KEY.match(line)
        if dash is not None:
            place = Position(number, dash.end())
            hint = _write(f"{dash[0]} {line[dash.end() :]}")
            return FatalDiagnostic(place, "a space is missing after this `-`", hint)
    number = error.opened.line if "could not find expected ':'" in error.problem else error.suspects()[0]
    line = error.lines.text(number)
    key = _KEY_AND_TEXT.match(line)
    if key is None or not re.search("could not find expected ':'|mapping values are not allowed", error.problem):
        return None
    hint = _write(f"{key[0]} {line[key.end() :]}")
    return FatalDiagnostic(Position(number, key.end()), "a space is missing after this `:`", hint)


def _write(line: str) -> str:
    return f"write {show_line(line.strip())}" if len(line) <= 160 else "add one"


def _bad_start(error: ParserError) -> FatalDiagnostic | None:
    """A text that begins with a sign by which YAML begins something else."""
    place = error.place
    if re.search(r"scanning an? (alias|anchor|tag)|parsing a tag", error.context):
        place = error.opened
    elif error.sign == "\t" and re.search("cannot start any token|tab character that violates", error.problem):
        if error.before:
            return FatalDiagnostic(place, "a tab cannot separate words here", "use spaces")
        return FatalDiagnostic(place, "a tab cannot be used for indentation", "use spaces")
    elif not re.search(r"cannot start any token|mapping keys are not allowed|undefined tag handle", error.problem) and (
        "node content" not in error.problem or not error.sign.strip() or error.sign == "#"
    ):
        return None
    value = error.value_at(place)
    line = error.lines.text(place.line)
    sign = line[place.column - 1 : place.column]
    hint = put_in_quotes(value if value is None or len(value.before) == place.column - 1 else None)
    shown = "a back-tick" if sign == "`" else quoted(sign)
    return FatalDiagnostic(place, f"a text cannot begin with {shown}", hint)


def _block_text(error: ParserError) -> FatalDiagnostic | None:
    """A text on the line of the `|` or `>` that announces it for the next."""
    if "block scalar" not in error.context or "indicator" in error.problem.replace("indentation indicators", ""):
        return None
    if "line break" not in error.problem and "indicators" not in error.problem:
        return None
    value = error.value_at(error.opened)
    if value is None:
        return None
    hint = f"write it there, or {put_in_quotes(value.without_block_sign())}"
    return FatalDiagnostic(error.place, f"after {quoted(value.text[:1])} the text begins on the next line", hint)


def _comment(error: ParserError) -> FatalDiagnostic | None:
    """A `#` that begins a comment within brackets, so that they are never closed."""
    if error.innermost is None or not error.lines.is_bracket(error.innermost):
        return None
    first, last = error.innermost.line, error.place.line
    for number in range(first, min(last, first + _LINES_BACK)):
        line = error.lines.text(number)
        found = _COMMENT_IN_BRACKETS.search(line, error.innermost.column if number == first else 0)
        if found is not None and line[: found.start()].strip():
            message = f"YAML takes {quoted(line[found.start() :])} for a comment"
            hint = _quote_hashes(line, found.start(), find_value if number == first else _find_item)
            return FatalDiagnostic(Position(number, found.start() + 1), message, hint)
    return None


def _find_item(line: str, at: int) -> WrittenValue | None:
    return find_item(line, at, bracket="[" if line.lstrip()[:1] in {'"', "'"} or ": " not in line[:at] else "{")


def _quote_hashes(line: str, at: int, find: Callable[[str, int], WrittenValue | None]) -> str:
    """The hint for items that hold a `#`, the first of them at `at`; `find` finds an item."""
    value = find(line, at)
    while value is not None:
        text = yaml_quoted(meant_text(value.text))
        line = f"{value.before}{text}{value.after}"
        found = _COMMENT_IN_BRACKETS.search(line, len(value.before) + len(text))
        if found is None:
            break
        value = find(line, found.start())
    return put_in_quotes(value)


def _late_quote(error: ParserError) -> FatalDiagnostic | None:
    """A quote that was never closed on its line, so that the next one in the file closed it."""
    begin, end = error.read_from, error.place.line
    line = error.lines.text(begin.line)
    if begin.line >= end or line[begin.column - 1 : begin.column] not in {'"', "'"}:
        return None
    if not any(
        _KEY_LINE.match(error.lines.text(number))
        for number in range(begin.line + 1, min(end, begin.line + _LINES_BACK) + 1)
    ):
        return None
    message = f"the quote that opens here is closed only at {end}:{len(error.before)}"
    return FatalDiagnostic(Position(begin.line, begin.column), message, close_quote(line, begin.column - 1))


def close_quote(line: str, at: int) -> str:
    """The hint for a quote at `at` that its line does not close: an apostrophe, or the closing one was forgotten."""
    value = WrittenValue(line[:at], line[at:].rstrip())
    if _APOSTROPHE.match(value.text):
        return put_in_quotes(value)
    quote, inner = value.text[:1], value.text[1:]
    if quote in inner or "\\" in inner or len(line) > 160:
        return "close it on its line"
    return f"close it: {show_line(value.with_text(f'{quote}{inner}{quote}'))}"


def _after_end(error: ParserError) -> FatalDiagnostic | None:
    """Text after the end of a value: of its quotes, its brackets or an alias."""
    if "expected key" not in error.problem and "<block end>" not in error.problem:
        return None
    value, closing = error.value_at(error.place), error.before[-1:]
    if value is None or not error.before or len(value.before) >= len(error.before):
        if closing in {'"', "'"}:
            return FatalDiagnostic(error.place, "there is text after the closing quote", "put the whole text in quotes")
        return None
    end = _CLOSED.get(closing, "the end of the value")
    if value.text.startswith("*"):
        end = f"the alias {quoted(error.before[len(value.before) :])}"
    return FatalDiagnostic(error.place, f"there is text after {end}", put_in_quotes(value))


def _in_brackets(error: ParserError) -> FatalDiagnostic | None:
    """A text within brackets that holds a sign of YAML's."""
    if "',' or" not in error.problem:
        return None
    value = error.value_at(error.place)
    if error.sign == "{" and error.before.endswith("$"):
        hint = put_in_quotes(value)
        return FatalDiagnostic(error.place, "between brackets or braces a text with `${` needs quotes", hint)
    if value is None or len(value.before) >= len(error.before) or error.innermost is None:
        return None
    if error.before[-1:] in {'"', "'"}:
        return FatalDiagnostic(error.place, "there is text after the closing quote", put_in_quotes(value))
    if error.sign == ":" and error.innermost.line == error.place.line:
        return FatalDiagnostic(error.place, "a `:` is not allowed here", put_in_quotes(value))
    return None


def _colon(error: ParserError) -> FatalDiagnostic | None:
    """A colon, or a dash, within a text."""
    value = error.value_at(error.place)
    if value is None or not value.before.strip(" -\t"):
        return None
    if "mapping values are not allowed" in error.problem:
        return FatalDiagnostic(error.place, "a `:` is not allowed here", put_in_quotes(value))
    if "entries are not allowed" in error.problem and not re.match(r"-[ \t]+\w+[ \t]*:(?:\s|$)", value.text):
        hint = f"write each `- ` on a line of its own, or {put_in_quotes(value, 'the text')}"
        return FatalDiagnostic(error.place, "a list cannot begin on this line", hint)
    return None


_RULES = (_odd_sign, _missing_blank, _bad_start, _block_text, _comment, _late_quote, _after_end, _in_brackets, _colon)

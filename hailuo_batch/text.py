"""Text for a terminal: control characters escaped, measured in columns, wrapped, quoted for a shell.

Pure. Text from a manifest, a file's name, a server or a ledger is shown as text and nothing else: no character in it
moves the cursor, changes a colour or the reading direction, or ends a line where one line is meant.
"""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_BY_NAME = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_SOFT_HYPHEN = "\u00ad"
_EMOJI_SELECTOR = "\ufe0f"  # the character before it is drawn as a picture
_NO_BREAK_BEFORE = frozenset({"Pe", "Pf", "Po", "Lm"})  # a line may not begin with closing marks and long vowels
_NO_BREAK_AFTER = frozenset({"Ps", "Pi"})  # a line may not end with opening marks


_COMMAND = re.compile(r"`?hailuo-batch [a-z]")
_PIECES = re.compile(r"`hailuo-batch [^`]*`\S*|(?<=: )hailuo-batch [a-z]+ .*|\s+|\S+")
SYMBOLS = {"✓": "v", "✗": "x", "▸": ">", "◦": ".", "…": "~", "█": "#", "░": "."}
"""The symbols that this program prints, each with what stands for it where only ASCII can be shown."""
_STAND_INS = str.maketrans(SYMBOLS)


def with_stand_ins(text: str) -> str:
    """The text with an ASCII sign, as wide, in place of each symbol."""
    return text.translate(_STAND_INS)


def sanitize(text: str, keep: Sequence[str] = ()) -> str:
    """The text with control and direction characters escaped. Line breaks and the sequences of `keep` stay."""
    if text.isascii() and text.isprintable():
        return text
    if not keep:
        return "".join(c if c == "\n" or not _is_hostile(c) else _escape(c) for c in text)
    ours = re.compile("|".join(map(re.escape, keep)))
    kept = [*ours.findall(text), ""]
    return "".join(sanitize(piece) + own for piece, own in zip(ours.split(text), kept, strict=True))


def one_line(text: str) -> str:
    """The sanitised text on one line: line breaks are escaped, too."""
    return sanitize(text).replace("\n", _BY_NAME["\n"])


def clean(text: str) -> str:
    """The sanitised text on one line, with each run of white space replaced by one blank."""
    return one_line(" ".join(text.split()))


def quote(word: str) -> str:
    """The word quoted for a shell. Words with control characters use `$'...'`, which bash, zsh and ksh know."""
    if one_line(word) == word:
        return shlex.quote(word)
    return "$'" + "".join(_for_shell(character) for character in word) + "'"


def shell_line(words: Iterable[str]) -> str:
    """A command, ready to be pasted into a shell."""
    return " ".join(map(quote, words))


def display_width(text: str) -> int:
    """The width of the text in columns."""
    return len(text) if text.isascii() else sum(map(columns_of, text))


def columns_of(character: str) -> int:
    """The width of a character in columns, at most."""
    if character.isascii():
        return 1
    if character == _EMOJI_SELECTOR:
        return 1  # it makes the character before it one column wider
    if unicodedata.category(character) in _NO_WIDTH and character != _SOFT_HYPHEN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, columns: int) -> str:
    """The text wrapped at whole words.

    A word longer than a line, such as a path, stays whole, unless it has characters of two columns: lines may end
    between those. A command in backquotes, or after a colon at the end of a line, stays whole, too: pasted with a line
    break in it, it would be two commands.
    """
    return "\n".join("\n".join(_wrap_line(line, columns)) for line in text.splitlines())


def _wrap_line(text: str, columns: int) -> list[str]:
    lines, line, room = list[str](), "", columns
    for piece in _PIECES.findall(text.expandtabs()):
        if piece.isspace():
            line, room = line + piece, room - display_width(piece)
            continue
        indented = 0 if line.strip() else display_width(line)
        parts = [piece] if _COMMAND.match(piece) else _breakable_parts(piece, columns - indented)
        for part in parts:
            width = display_width(part)
            if width > room and line.strip():
                lines.append(line.rstrip())
                line, room = "", columns
            line, room = line + part, room - width
    return [*lines, line.rstrip()]


def _breakable_parts(word: str, columns: int) -> list[str]:
    """The word in pieces between which a line may end; one piece if it fits."""
    if display_width(word) <= columns:
        return [word]
    parts = [""]
    for character in word:
        last = parts[-1][-1:]
        if last and _can_break_between(last, character):
            parts.append("")
        parts[-1] += character
    return parts


def _can_break_between(before: str, after: str) -> bool:
    """Whether a line may end between these: one must be two columns wide, and no mark may forbid it."""
    if columns_of(after) == 0 or 2 not in {columns_of(before), columns_of(after)}:
        return False
    return unicodedata.category(after) not in _NO_BREAK_BEFORE and unicodedata.category(before) not in _NO_BREAK_AFTER


def _is_hostile(character: str) -> bool:
    return unicodedata.category(character) in _CONTROLS or character in _DIRECTIONS


def _escape(character: str) -> str:
    return _BY_NAME.get(character) or f"\\u{ord(character):04x}"


def _for_shell(character: str) -> str:
    if character in {"'", "\\"}:
        return f"\\{character}"
    if not _is_hostile(character):
        return character
    named = _BY_NAME.get(character)
    return named or "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True, slots=True)
class Palette:
    """The escape sequences before each kind of text, and after it. All are of the 16 basic colours, which every
    terminal's theme makes readable on its own background."""

    error: str = ""
    warning: str = ""
    strong: str = ""
    quiet: str = ""
    removed: str = ""
    added: str = ""
    done: str = ""
    running: str = ""
    doubt: str = ""
    end: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """All sequences of the palette."""
        return tuple(self.code_of(each.name) for each in fields(self))

    def code_of(self, kind: str) -> str:
        """The sequence before text of this kind, such as `error`."""
        code = getattr(self, kind)
        assert isinstance(code, str)
        return code


PLAIN = Palette()
COLOURED = Palette(
    error="\x1b[1;31m",
    warning="\x1b[1;33m",  # bold: thin yellow cannot be read on white
    strong="\x1b[1m",
    quiet="\x1b[2m",
    removed="\x1b[31m",
    added="\x1b[32m",
    done="\x1b[32m",
    running="\x1b[36m",
    doubt="\x1b[1;35m",
    end="\x1b[0m",
)

"""Names for collected videos: a template filled with what a take is made from, as one harmless part of a path.

Pure. A value may come from anybody's table, and the name has to work on any machine that the files are sent to. Two
names are the same where a file system could take them for the same: in other case, or with an accent written in
another way.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from hailuo_batch.values import Take

DEFAULT_NAME = "${take}"
LONGEST_BYTES = 200
"""The longest name in UTF-8, without what follows it: file systems take 255 bytes."""

_PIECE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[^{}]{0,200})\})?")
_BARE = re.compile(r"\{([^{}]{1,200})\}")
_UNSAFE = re.compile(r'[/\\:*?"<>|]')
_UNSAFE_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?=$|[. ])", re.IGNORECASE
)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A template, split into plain text and the names of variables: `parts` are (text, is it a variable's name)."""

    parts: tuple[tuple[str, bool], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its variables, each once."""
        return tuple(dict.fromkeys(text for text, is_name in self.parts if is_name))

    @property
    def bare_names(self) -> tuple[str, ...]:
        """What stands in it as `{name}`, without the dollar sign that would make a variable of it."""
        return tuple(name for text, is_name in self.parts if not is_name for name in _BARE.findall(text))

    def fill(self, values: Mapping[str, str]) -> str:
        """The name for these values, each of which is plain text. Raises KeyError for a name without a value."""
        return safe_name("".join(values[text] if is_name else text for text, is_name in self.parts))


def parse_name_template(text: str) -> NameTemplate:
    """Split a template at its `${name}`; `$$` is a dollar sign. Raises ValueError for any other `$`."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in _PIECE.finditer(text):
        parts.append((text[end : match.start()], False))
        end = match.end()
        if match["name"] is not None:
            parts.append((match["name"], True))
        elif match["escaped"] is not None:
            parts.append(("$", False))
        else:
            raise ValueError("a `$` in it begins no variable: write ${name}, or $$ for a dollar sign")
    parts.append((text[end:], False))
    return NameTemplate(tuple(part for part in parts if part[0] or part[1]))


def values_of(take: Take, run_id: str, campaign: str) -> dict[str, str]:
    """What a name can be made of. A variable of the take comes before a name of ours, as in the manifest."""
    ours = {"take": take.id, "shot": take.shot, "number": str(take.number), "run": run_id, "campaign": campaign}
    return {**ours, **take.variables}


def safe_name(text: str) -> str:
    """The text as one part of a path, without an extension; empty where nothing is left of it.

    Separators, control characters and whatever Windows forbids become `-`. Dots, dashes and blanks in front are left
    out, as are blanks and dots at the end.
    """
    plain = unicodedata.normalize("NFC", text)
    signs = ("-" if _UNSAFE.match(sign) or unicodedata.category(sign) in _UNSAFE_KINDS else sign for sign in plain)
    name = _shorten("".join(signs).lstrip(".- ").rstrip(". "))
    return _RESERVED.sub(lambda found: f"{found[0]}-", name, count=1) if _RESERVED.match(name) else name


def file_name(stem: str, path: str, index: int) -> str:
    """The name of an output's file: the extension of the path where it is saved, and its number from the second on."""
    saved_as = path.rpartition("/")[2]
    extension = f".{saved_as.rpartition('.')[2]}" if "." in saved_as else ""
    return f"{stem}{'' if index == 0 else f'.out{index + 1}'}{extension}"


def find_collisions(named: Iterable[tuple[str, _T]]) -> dict[str, list[_T]]:
    """What would have one name on some file system, by the first such name, for each name that several have."""
    found: dict[str, tuple[str, list[_T]]] = {}
    for name, item in named:
        found.setdefault(_same_name(name), (name, []))[1].append(item)
    return {name: items for name, items in found.values() if len(items) > 1}


def _same_name(name: str) -> str:
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", folded)


def _shorten(name: str) -> str:
    data = name.encode("utf-8")
    if len(data) <= LONGEST_BYTES:
        return name
    return data[: LONGEST_BYTES - 1].decode("utf-8", "ignore").rstrip(". ") + "-"

"""`${name}` in a manifest's texts: Python's string.Template, split once and filled many times.

Pure; knows nothing of places or of YAML. A value that is put in is text and is not looked at again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template

_PATTERN: re.Pattern[str] = Template.pattern


@dataclass(frozen=True, slots=True)
class Name:
    """A variable in a text, and the offset where it is written."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text split into what stands and what is put in. `lone` are the offsets of `$` that begin nothing."""

    parts: tuple[str | Name, ...]
    lone: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[Name, ...]:
        """The variables, in the order in which they are written."""
        return tuple(part for part in self.parts if isinstance(part, Name))

    def size(self, scope: Mapping[str, str]) -> int:
        """How many characters `filled` would make; a name the scope lacks counts nothing."""
        return sum(len(part) if isinstance(part, str) else len(scope.get(part.name, "")) for part in self.parts)

    def filled(self, scope: Mapping[str, str], spell: Callable[[str], str] = str) -> str:
        """The text with each value put in as `spell` writes it. Raises KeyError for a name the scope lacks."""
        # rule filled_once
        return "".join(part if isinstance(part, str) else spell(scope[part.name]) for part in self.parts)


def parse_pattern(text: str) -> Pattern:
    """The text as a pattern; `$$` is a dollar sign."""
    if "$" not in text:
        return Pattern((text,))
    parts: list[str | Name] = []
    lone: list[int] = []
    end = 0
    for match in _PATTERN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        # rule named_or_braced
        name = match["named"] or match["braced"]
        if name is not None:
            parts.append(Name(name, match.start()))
        elif match["escaped"] is not None:
            # rule dollar_sign
            parts.append("$")
        else:
            # rule lone_dollar
            lone.append(match.start())
    parts.append(text[end:])
    return Pattern(tuple(part for part in parts if part), tuple(lone))

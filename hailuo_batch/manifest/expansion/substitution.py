"""`${name}` in a manifest's texts: Python's string.Template, split once and filled many times.

Pure; knows nothing of places or of YAML. A value that is put in is text and is not looked at again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template

_TEMPLATE_PATTERN: re.Pattern[str] = Template.pattern


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable in a text, and the offset where it is written."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class ParsedTemplate:
    """A text split into what stands and what is put in. `lone` are the offsets of `$` that begin nothing."""

    parts: tuple[str | Variable, ...]
    lone_dollars: tuple[int, ...] = ()

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables, in the order in which they are written."""
        return tuple(group for group in self.parts if isinstance(group, Variable))

    def length(self, variables: Mapping[str, str]) -> int:
        """How many characters `filled` would make; a name the scope lacks counts nothing."""
        return sum(len(group) if isinstance(group, str) else len(variables.get(group.name, "")) for group in self.parts)

    def substitute(self, variables: Mapping[str, str], convert: Callable[[str], str] = str) -> str:
        """The text with each value put in as `spell` writes it. Raises KeyError for a name the scope lacks."""
        # rule filled_once
        return "".join(group if isinstance(group, str) else convert(variables[group.name]) for group in self.parts)


def parse_template(text: str) -> ParsedTemplate:
    """The text as a pattern; `$$` is a dollar sign."""
    if "$" not in text:
        return ParsedTemplate((text,))
    groups: list[str | Variable] = []
    lone: list[int] = []
    end = 0
    for match in _TEMPLATE_PATTERN.finditer(text):
        groups.append(text[end : match.start()])
        end = match.end()
        # rule named_or_braced
        name = match["named"] or match["braced"]
        if name is not None:
            groups.append(Variable(name, match.start()))
        elif match["escaped"] is not None:
            # rule dollar_sign
            groups.append("$")
        else:
            # rule lone_dollar
            lone.append(match.start())
    groups.append(text[end:])
    return ParsedTemplate(tuple(group for group in groups if group), tuple(lone))

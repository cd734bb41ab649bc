"""`${name}` in a manifest's texts: Python's `string.Template`, split once and filled in many times.

A filled-in value is plain text and is not searched for variables again. Knows nothing of where values come from.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from string import Template as StringTemplate

from hailuo_batch.manifest.diagnostics import Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.slugs import to_variable_name
from hailuo_batch.manifest.validation.suggestions import closest_match
from hailuo_batch.manifest.yaml.nodes import ScalarNode

MAX_DOLLARS = 10_000
_MOST_SUGGESTED = 100
_PATTERN: re.Pattern[str] = StringTemplate.pattern
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BRACED = re.compile(r"(?P<escape>\$)?\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_OTHER_START = re.compile(r"\$[({]\s*([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)
_ANY_BRACED = re.compile(r"\$\{+([^{}\n]{0,200})\}+")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable in a text, and the offset where it is written."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text of the manifest, split into literal text and variables.

    `names` are those of the variables, in the order in which they are written. `lone_dollars` are the offsets of each
    `$` that starts no variable.
    """

    node: ScalarNode
    parts: tuple[str | Variable, ...]
    names: tuple[str, ...] = ()
    lone_dollars: tuple[int, ...] = ()

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables, in the order in which they are written."""
        return tuple(part for part in self.parts if isinstance(part, Variable)) if self.names else ()

    def length(self, variables: Mapping[str, str]) -> int:
        """How many characters `substitute` would give; an unknown name counts as empty."""
        return sum(len(part) if isinstance(part, str) else len(variables.get(part.name, "")) for part in self.parts)

    def substitute(self, variables: Mapping[str, str], convert: Callable[[str], str] = str) -> str:
        """The text with each variable replaced by its converted value. Raises KeyError for an unknown name."""
        # rule filled_once
        return "".join([part if isinstance(part, str) else convert(variables[part.name]) for part in self.parts])


def parse_template(node: ScalarNode) -> Template:
    """Split the text at its variables; `$$` is a dollar sign.

    Raises FatalDiagnostic for a text with so many variables that splitting it would take long.
    """
    text = node.text
    if "$" not in text:
        return Template(node, (text,))
    if text.count("$") > MAX_DOLLARS:
        raise FatalDiagnostic(node, f"this text has more than {MAX_DOLLARS:,} `$`", "shorten it")
    parts: list[str | Variable] = []
    lone: list[int] = []
    end = 0
    for match in _PATTERN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        # rule named_or_braced
        name = match["named"] or match["braced"]
        if name is not None:
            parts.append(Variable(name, match.start()))
        elif match["escaped"] is not None:
            # rule dollar_sign
            parts.append("$")
        else:
            # rule lone_dollar
            lone.append(match.start())
    parts.append(text[end:])
    names = tuple(part.name for part in parts if isinstance(part, Variable))
    return Template(node, tuple(part for part in parts if part), names, tuple(lone))


def lone_variable(template: Template) -> str | None:
    """The name of the variable that the text wholly consists of; None for any other text."""
    only = template.parts[0] if len(template.parts) == 1 else None
    return only.name if isinstance(only, Variable) and not template.lone_dollars else None


def fill_known(text: str, values: Mapping[str, str]) -> str:
    """The text with each `${name}` of a known name replaced, and every other `$` as it stands.

    `$${name}` is the way to write such a variable as text.
    """

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        # rule known_only
        if name not in values:
            return match[0]
        return f"${{{name}}}" if match["escape"] else values[name]

    return _BRACED.sub(fill, text) if "${" in text else text


def filled_length(text: str, values: Mapping[str, str]) -> int:
    """How many characters `fill_known` would give, at most."""
    names = (match["name"] for match in _BRACED.finditer(text)) if "${" in text else ()
    return len(text) + sum(len(values.get(name, "")) for name in names)


def braced_names(text: str) -> set[str]:
    """The names that the text has between `${` and `}`."""
    return {match["name"] for match in _BRACED.finditer(text)} if "${" in text else set()


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names that have a value, and how each that cannot be written between `${` and `}` is written.

    `columns` maps a table's headers to the names that stand for them, empty where none can. `remedy` is what to do
    where there is no name to propose.
    """

    names: Collection[str]
    columns: Mapping[str, str] = field(default_factory=dict)
    remedy: str = "add it to `vars`"

    @property
    def writable(self) -> list[str]:
        """Every name that a text can use."""
        # rule writable_names
        return [name for name in self.names if _NAME.fullmatch(name)]

    @property
    def proposed(self) -> list[str]:
        """The same without the second name of a column that can be written as it is called."""
        second = {slug for header, slug in self.columns.items() if _NAME.fullmatch(header)}
        return [name for name in self.writable if name not in second]

    def suggest(self, written: str) -> str:
        """What to write instead of an unknown or an impossible name; empty if nothing is near."""
        if written in self.columns:
            name = self.columns[written]
            return f"write `${{{name}}}`" if name else "rename it in the table's header, with the letters a to z"
        plain = to_variable_name(written[:_MOST_SUGGESTED]) or written
        near = closest_match(plain, self.writable)
        parts = [name for name in self.proposed if plain in name.lower().split("_")]
        if near is not None or len(parts) == 1:
            return f"did you mean `${{{near or parts[0]}}}`?"
        if not self.writable:
            return ""
        shown = ", ".join(f"`${{{name}}}`" for name in self.proposed[:12])
        return f"known: {shown}" + (", …" if len(self.proposed) > 12 else "")


def check_template(template: Template, known: KnownNames | None, diagnostics: Diagnostics) -> bool:
    """Whether the template can be filled in with these names; reports why not.

    `known` is None if it cannot be told which names there are, so that none is reported as unknown.
    """
    for offset in template.lone_dollars:
        _report_lone_dollar(template.node, offset, known or KnownNames(()), diagnostics)
    # rule unknown_name
    unknown = [] if known is None else [each for each in template.variables if each.name not in known.names]
    for variable in unknown:
        assert known is not None
        hint = known.suggest(variable.name) or known.remedy
        # rule unknown_name_place
        diagnostics.error(template.node.position(variable.offset), f"unknown variable {quoted(variable.name)}", hint)
    return not unknown and not template.lone_dollars


def _report_lone_dollar(node: ScalarNode, offset: int, known: KnownNames, diagnostics: Diagnostics) -> None:
    written, begun = _ANY_BRACED.match(node.text, offset), _OTHER_START.match(node.text, offset)
    if written is None and begun is not None and begun[1] in known.names:
        message = f"{quoted(begun[0])} is not how a variable is written"
        diagnostics.error(node.position(offset), message, f"did you mean `${{{begun[1]}}}`?")
        return
    # rule never_doubled
    if written is None:
        # rule two_dollars
        diagnostics.error(node.position(offset), "this `$` does not start a variable", "write `$$` for a dollar sign")
        return
    name = written[1].strip("{} ")
    if name in known.columns:
        message = f"the column {quoted(name)} cannot be written like that: names have only letters, digits and `_`"
    else:
        message = (
            f"{quoted(written[0])} is not a variable: a name has only letters a to z, digits and `_`, no digit first"
        )
    # rule other_braces
    hint = known.suggest(name) or "write it like `${name}`, and give `name` a value in `vars`"
    diagnostics.error(node.position(offset), message, hint)

"""`${name}` in a manifest's texts: Python's `string.Template`, split once and filled in many times.

A filled-in value is plain text and is not searched for variables again. Knows nothing of where values come from.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from string import Template as StringTemplate

from hailuo_batch.manifest.diagnostics import Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.validation.schema_errors import suggest
from hailuo_batch.manifest.yaml.nodes import ScalarNode

MAX_DOLLARS = 10_000
_PATTERN: re.Pattern[str] = StringTemplate.pattern


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable in a text, and the offset where it is written."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text of the manifest, split into literal text and variables.

    `lone_dollars` are the offsets of each `$` that starts no variable.
    """

    node: ScalarNode
    parts: tuple[str | Variable, ...]
    lone_dollars: tuple[int, ...] = ()

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables, in the order in which they are written."""
        return tuple(part for part in self.parts if isinstance(part, Variable))

    @property
    def names(self) -> list[str]:
        """The names of the variables, in the order in which they are written."""
        return [variable.name for variable in self.variables]

    def length(self, variables: Mapping[str, str]) -> int:
        """How many characters `substitute` would give; an unknown name counts as empty."""
        return sum(len(part) if isinstance(part, str) else len(variables.get(part.name, "")) for part in self.parts)

    def substitute(self, variables: Mapping[str, str], convert: Callable[[str], str] = str) -> str:
        """The text with each variable replaced by its converted value. Raises KeyError for an unknown name."""
        # rule filled_once
        return "".join(part if isinstance(part, str) else convert(variables[part.name]) for part in self.parts)


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
    return Template(node, tuple(part for part in parts if part), tuple(lone))


def check_template(template: Template, names: Collection[str] | None, diagnostics: Diagnostics) -> bool:
    """Whether the template can be filled in with these names; reports why not.

    `names` is None if it cannot be told which names there are, so that none is reported as unknown.
    """
    for offset in template.lone_dollars:
        _report_lone_dollar(template.node, offset, names or (), diagnostics)
    # rule unknown_name
    unknown = [] if names is None else [each for each in template.variables if each.name not in names]
    for variable in unknown:
        hint = suggest(variable.name, list(names or ())) or "add it to `vars`, or write `$$` for a dollar sign"
        # rule unknown_name_place
        diagnostics.error(template.node.position(variable.offset), f"unknown variable {quoted(variable.name)}", hint)
    return not unknown and not template.lone_dollars


def _report_lone_dollar(node: ScalarNode, offset: int, names: Collection[str], diagnostics: Diagnostics) -> None:
    name = node.text[offset + 2 : offset + 1000].partition("}")[0]
    if node.text.startswith("${", offset) and name in names:
        message = f"the column {quoted(name)} cannot be used as a variable: names have only letters, digits and `_`"
        diagnostics.error(node.position(offset), message, "rename it in the table's header")
    else:
        # rule two_dollars
        diagnostics.error(node.position(offset), "this `$` does not start a variable", "write `$$` for a dollar sign")

"""How much a manifest asks for, counted before anything of it is built.

Owns the limits on takes and on text. A raw shot that cannot be expanded, being wrong, counts as one shot.
"""

from collections import Counter
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import FatalDiagnostic, Positioned
from hailuo_batch.manifest.document import Document, RawShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs
from hailuo_batch.manifest.expansion.templates import Template, lone_variable
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.quoting import format_count
from hailuo_batch.manifest.validation.schema_errors import is_take_count
from hailuo_batch.manifest.yaml.nodes import MappingNode

# rule most_takes
MAX_TAKES = 100_000
MAX_CHARACTERS = 256 * 1024 * 1024
_MOST_DIGITS = 3


@dataclass(frozen=True, slots=True)
class ShotGroup:
    """A raw shot and what it is expanded by, None if that is wrong: how many shots and takes it makes."""

    raw: RawShot
    expansion: Expansion | None
    size: int
    take_count: int


def count_group(raw: RawShot, expansion: Expansion | None) -> ShotGroup:
    """The raw shot with its numbers. Raises FatalDiagnostic for more shots or takes than a campaign may have."""
    size = 1 if expansion is None else expansion.size
    formula = "" if expansion is None else expansion.formula
    if raw.takes_text is None:
        takes = size * raw.takes
        if takes > MAX_TAKES:
            times = f" x {raw.takes} takes" if raw.takes > 1 else ""
            # rule product_of_part
            _check_limit(takes, formula + times, _place_of(raw))
        return ShotGroup(raw, expansion, size, takes)
    _check_limit(size, formula, _place_of(raw))  # takes are read shot by shot: there must not be too many of those
    takes = _count_row_takes(raw, raw.takes_text, expansion)
    _check_limit(takes, f"{formula or 1} and their takes", _place_of(raw))
    return ShotGroup(raw, expansion, size, takes)


def _count_row_takes(raw: RawShot, template: Template, expansion: Expansion | None) -> int:
    """How many takes all shots have together; one whose value is no number counts as one."""
    name = lone_variable(template)
    if expansion is None or name is None or name not in expansion.known.names:
        return 1
    # rule row_takes_counted
    return sum(parse_takes(variables[name], raw.takes) or 1 for variables in expansion.variable_sets())


def parse_takes(text: str, usual: int) -> int | None:
    """How many takes a value asks for, `usual` if it is blank; None if it is no number of takes."""
    written = text.strip()
    # rule blank_takes
    if not written:
        return usual
    is_number = written.isascii() and written.isdecimal() and len(written) <= _MOST_DIGITS
    # rule takes_in_plain
    return int(written) if is_number and written[0] != "0" and is_take_count(int(written)) else None


def check_take_count(document: Document, groups: list[ShotGroup]) -> None:
    """Raise FatalDiagnostic, with the product, if all together make more takes than a campaign may have."""
    total = sum(group.take_count for group in groups)
    if total <= MAX_TAKES:
        return
    shots = sum(group.size for group in groups)
    takes = {group.raw.takes for group in groups if group.raw.takes_text is None}
    # rule told_product
    product = f"{shots:,} shots x {takes.pop()} takes" if len(takes) == 1 else f"{shots:,} shots"
    # rule most_takes_together
    _check_limit(total, product, document.node.entries["shots"][0])


def _check_limit(takes: int, product: str, place: Positioned) -> None:
    if takes > MAX_TAKES:
        message = f"{product} make {format_count(takes)} takes; a campaign has at most {MAX_TAKES:,}"
        raise FatalDiagnostic(place, message, "split the campaign")


def _place_of(raw: RawShot) -> Positioned:
    for key in ("matrix", "rows"):
        if key in raw.node.entries:
            return raw.node.entries[key][0]
    return raw.node


def check_text_size(groups: list[ShotGroup], inputs: ExtraInputs) -> None:
    """Raise FatalDiagnostic if there is too much text once the variables are filled in."""
    total = 0
    for group in groups:
        total += sum(_expanded_length(template, group.expansion) for template in group.raw.templates())
        total += 0 if group.raw.input is None else _input_length(group.raw.input, group, inputs)
        if total > MAX_CHARACTERS:
            message = f"with its variables filled in, the manifest has more than {MAX_CHARACTERS:,} characters of text"
            raise FatalDiagnostic(group.raw.node, message, "split the campaign")


def _input_length(node: MappingNode, group: ShotGroup, inputs: ExtraInputs) -> int:
    """About how many characters a shot's `input` has in all shots together."""
    length = group.size * inputs.size(node)
    if group.expansion is None:
        return length
    return length + sum(count * group.expansion.length_of(name) for name, count in inputs.names(node).items())


def _expanded_length(template: Template, expansion: Expansion | None) -> int:
    """How many characters the text has in all shots together."""
    if expansion is None or "$" not in template.node.text:
        return len(template.node.text) * (1 if expansion is None else expansion.size)
    literal = sum(len(part) for part in template.parts if isinstance(part, str))
    names = Counter(template.names)
    return expansion.size * literal + sum(count * expansion.length_of(name) for name, count in names.items())

"""How much a manifest asks for, counted before anything of it is built.

Owns the limits on takes and on text. What cannot be expanded, being wrong, counts as one shot.
"""

from collections import Counter
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import FatalDiagnostic, Positioned
from hailuo_batch.manifest.document import Document, RawShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs
from hailuo_batch.manifest.expansion.substitution import Variable, parse_template
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.quoting import format_count
from hailuo_batch.values import DEFAULT_MODEL

# rule most_takes
MAX_TAKES = 100_000
MAX_CHARACTERS = 256 * 1024 * 1024
MAX_DOLLARS = 10_000


@dataclass(frozen=True, slots=True)
class ShotGroup:
    """A written shot and what it is expanded by: None where that is wrong."""

    raw: RawShot
    expansion: Expansion | None

    @property
    def size(self) -> int:
        """How many shots it makes."""
        return 1 if self.expansion is None else self.expansion.size

    @property
    def model(self) -> str:
        """The model that makes them."""
        return DEFAULT_MODEL if self.raw.model is None else self.raw.model.text


def check_take_count(document: Document, groups: list[ShotGroup]) -> None:
    """Raises Refused, with the product, where there are more takes than a campaign may have."""
    for group in groups:
        # rule product_of_part
        _check_limit(group.size * group.raw.takes, _formula(group), _place(group))
    shots = sum(part.size for part in groups)
    same = {part.raw.takes for part in groups}
    # rule told_product
    product = f"{shots:,} shots x {same.pop()} takes" if len(same) == 1 else f"{shots:,} shots"
    total = sum(part.size * part.raw.takes for part in groups)
    if groups:
        # rule most_takes_together
        _check_limit(total, product, document.node.entries["shots"][0])


def _check_limit(takes: int, product: str, place: Positioned) -> None:
    if takes > MAX_TAKES:
        message = f"{product} make {format_count(takes)} takes; a campaign has at most {MAX_TAKES:,}"
        raise FatalDiagnostic(place, message, "split the campaign")


def _formula(group: ShotGroup) -> str:
    times = f" x {group.raw.takes} takes" if group.raw.takes > 1 else ""
    return "" if group.expansion is None else group.expansion.formula + times


def _place(group: ShotGroup) -> Positioned:
    for key in ("matrix", "rows"):
        if key in group.raw.node.entries:
            return group.raw.node.entries[key][0]
    return group.raw.node


def check_dollar_count(shots: list[RawShot]) -> None:
    """Raises Refused where a text has so many variables that splitting it would take long."""
    for raw in shots:
        for node in raw.template_nodes():
            if node.text.count("$") > MAX_DOLLARS:
                raise FatalDiagnostic(node, f"this text has more than {MAX_DOLLARS:,} `$`", "shorten it")


def check_text_size(groups: list[ShotGroup], inputs: ExtraInputs) -> None:
    """Raises Refused where there is too much text, once the variables are put in."""
    total = 0
    for group in groups:
        raw = group.raw
        total += sum(_expanded_length(node.text, group.expansion) for node in raw.template_nodes())
        total += 0 if raw.input is None else group.size * inputs.size(raw.input)
        if total > MAX_CHARACTERS:
            message = f"with its variables put in, the manifest has more than {MAX_CHARACTERS:,} characters of text"
            raise FatalDiagnostic(raw.node, message, "split the campaign")


def _expanded_length(text: str, expansion: Expansion | None) -> int:
    """How many characters the text has in all scopes together."""
    if expansion is None or "$" not in text:
        return len(text) * (1 if expansion is None else expansion.size)
    pattern = parse_template(text)
    names = Counter(group.name for group in pattern.parts if isinstance(group, Variable))
    stands = sum(len(part) for part in pattern.parts if isinstance(part, str))
    return expansion.size * stands + sum(count * expansion.length_of(name) for name, count in names.items())

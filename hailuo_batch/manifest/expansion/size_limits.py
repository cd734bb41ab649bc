"""How much a manifest asks for, counted before anything of it is built.

Owns the limits on takes and on text. What cannot be expanded, being wrong, counts as one shot.
"""

from collections import Counter
from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import Place, Refused
from hailuo_batch.manifest.document import Document, WrittenShot
from hailuo_batch.manifest.expansion.extra_input import ExtraInputs
from hailuo_batch.manifest.expansion.substitution import Name, parse_pattern
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.quoting import counted
from hailuo_batch.values import DEFAULT_MODEL

# rule most_takes
MAX_TAKES = 100_000
MAX_CHARACTERS = 256 * 1024 * 1024
MAX_DOLLARS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A written shot and what it is expanded by: None where that is wrong."""

    written: WrittenShot
    expansion: Expansion | None

    @property
    def size(self) -> int:
        """How many shots it makes."""
        return 1 if self.expansion is None else self.expansion.size

    @property
    def model(self) -> str:
        """The model that makes them."""
        return DEFAULT_MODEL if self.written.model is None else self.written.model.text


def count_takes(document: Document, parts: list[Part]) -> None:
    """Raises Refused, with the product, where there are more takes than a campaign may have."""
    for part in parts:
        # rule product_of_part
        _refuse_above(part.size * part.written.takes, _formula(part), _place(part))
    shots = sum(part.size for part in parts)
    same = {part.written.takes for part in parts}
    # rule told_product
    product = f"{shots:,} shots x {same.pop()} takes" if len(same) == 1 else f"{shots:,} shots"
    total = sum(part.size * part.written.takes for part in parts)
    if parts:
        # rule most_takes_together
        _refuse_above(total, product, document.node.entries["shots"][0])


def _refuse_above(takes: int, product: str, place: Place) -> None:
    if takes > MAX_TAKES:
        message = f"{product} make {counted(takes)} takes; a campaign has at most {MAX_TAKES:,}"
        raise Refused(place, message, "split the campaign")


def _formula(part: Part) -> str:
    times = f" x {part.written.takes} takes" if part.written.takes > 1 else ""
    return "" if part.expansion is None else part.expansion.formula + times


def _place(part: Part) -> Place:
    for key in ("matrix", "rows"):
        if key in part.written.node.entries:
            return part.written.node.entries[key][0]
    return part.written.node


def count_dollars(shots: list[WrittenShot]) -> None:
    """Raises Refused where a text has so many variables that splitting it would take long."""
    for written in shots:
        for node in written.texts():
            if node.text.count("$") > MAX_DOLLARS:
                raise Refused(node, f"this text has more than {MAX_DOLLARS:,} `$`", "shorten it")


def count_characters(parts: list[Part], inputs: ExtraInputs) -> None:
    """Raises Refused where there is too much text, once the variables are put in."""
    total = 0
    for part in parts:
        written = part.written
        total += sum(_length(node.text, part.expansion) for node in written.texts())
        total += 0 if written.input is None else part.size * inputs.size(written.input)
        if total > MAX_CHARACTERS:
            message = f"with its variables put in, the manifest has more than {MAX_CHARACTERS:,} characters of text"
            raise Refused(written.node, message, "split the campaign")


def _length(text: str, expansion: Expansion | None) -> int:
    """How many characters the text has in all scopes together."""
    if expansion is None or "$" not in text:
        return len(text) * (1 if expansion is None else expansion.size)
    pattern = parse_pattern(text)
    names = Counter(part.name for part in pattern.parts if isinstance(part, Name))
    stands = sum(len(part) for part in pattern.parts if isinstance(part, str))
    return expansion.size * stands + sum(count * expansion.length_of(name) for name, count in names.items())

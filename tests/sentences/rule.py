"""What a table of rules is made of, and how it is read. The package's own text says how one is written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = tuple(sorted((Path(__file__).parent / "tables").glob("*.txt")))

_LINE = re.compile(r"(?P<indent>(?:  ){0,2})(?P<text>\S.*\S)")
_BREAKAGE = re.compile(r"(?P<place>\S+): (?P<change>.+)")


@dataclass(frozen=True, slots=True)
class Breakage:
    """One change of the product after which the rule does not hold, and the test that must fail then.

    `place` is an anchor in the source, or a JSON pointer into one of the schemas; `test` is a node ID below `tests`.
    """

    place: str
    change: str
    test: str

    @property
    def is_in_schema(self) -> bool:
        """Whether a schema is broken, and not the program."""
        return "#" in self.place


@dataclass(slots=True)
class Rule:
    """A sentence, or one rule of a sentence that holds several. `because` says why nothing of it can be broken."""

    words: str
    breakages: list[Breakage] = field(default_factory=list)
    because: str = ""


def read_table(path: Path) -> list[Rule]:
    """The rules of one table. Raises ValueError for a line that is none of a table's."""
    return list(_rules(path.read_text(encoding="utf-8").split("\n")))


def _rules(lines: list[str]) -> Iterator[Rule]:
    rule: Rule | None = None
    changes: list[tuple[str, str]] = []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        indent, text = (len(match["indent"]), match["text"]) if match else (-1, line)
        breakage = _BREAKAGE.fullmatch(text)
        if indent == 0 and not changes:
            if rule is not None:
                yield rule
            rule = Rule(text)
        elif rule is not None and indent == 2 and breakage is not None:
            changes.append((breakage["place"], breakage["change"]))
        elif rule is not None and indent == 2 and text.startswith("because "):
            rule.because = text.removeprefix("because ")
        elif rule is not None and indent == 4 and changes:
            rule.breakages += [Breakage(place, change, text) for place, change in changes]
            changes = []
        else:
            raise ValueError(f"`{line}` is no line of a table here")
    if changes or rule is None:
        raise ValueError("a change at the end has no test, or there is no rule")
    yield rule

"""What a table of rules is made of: a rule in short words, and what breaks it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Breakage:
    """One change of the product after which the rule does not hold, and the test that must fail then.

    `file` is below the repository, `old` is there exactly once; `test` is a node ID below `tests`.
    """

    file: str
    old: str
    new: str
    test: str

    @property
    def path(self) -> Path:
        """The file that is broken."""
        return ROOT / self.file


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence, or one rule of a sentence that holds several. `because` says why nothing of it can be broken."""

    words: str
    breakages: tuple[Breakage, ...] = ()
    because: str = ""


def rule(words: str, *breakages: Breakage) -> Rule:
    """A rule that is kept by tests."""
    return Rule(words, breakages)


def remark(words: str, because: str) -> Rule:
    """A sentence that promises nothing of its own."""
    return Rule(words, because=because)

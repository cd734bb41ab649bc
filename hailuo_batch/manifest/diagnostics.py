"""What is wrong with a manifest, and where: the place, the message and the hint of every finding.

Knows nothing of YAML or of the manifest's language. A report keeps one finding per place and message, so that a
cause that is met twice is told once, and hands them out in the order of the files.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

MAX_DIAGNOSTICS = 1000


class Severity(StrEnum):
    """Whether a finding stands in the way of a campaign."""

    ERROR = "error"
    WARNING = "warning"


class Positioned(Protocol):
    """Anything that lies somewhere in the file; lines and columns count from 1."""

    @property
    def line(self) -> int:
        """The line that it begins on."""

    @property
    def column(self) -> int:
        """The column that it begins at."""


@dataclass(frozen=True, slots=True)
class Position:
    """A bare place."""

    line: int
    column: int


FILE_START = Position(1, 1)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `path` is the file as the user named it; lines and columns count from 1; `hint` may be empty.

    `origin` says for which row or combination it is, where it comes from an expansion; the message says it too.
    `source` is the line it is in, shortened, and `caret` its place there, counted from 0; both may be empty.
    """

    path: str
    line: int
    column: int
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    origin: str = ""
    source: str = ""
    caret: int = 0

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.heading}{hint}"

    @property
    def heading(self) -> str:
        """The finding in one line, without its hint."""
        return f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.message}"

    def with_source(self, source: str, caret: int) -> "Diagnostic":
        """The same, with the line that it is in."""
        return replace(self, source=source, caret=caret)


class FatalDiagnostic(Exception):  # noqa: N818 - it carries a finding that ends the reading, no failure of ours
    """A finding after which nothing more of the file can be understood."""

    def __init__(self, place: Positioned, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class Diagnostics:
    """Collects the findings of a manifest. `path` is the file that they are in."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._by_key: dict[tuple[str, int, int, str], Diagnostic] = {}

    def error(self, place: Positioned, message: str, hint: str = "", *, origin: str = "", path: str = "") -> None:
        """Something that must be changed, in the manifest or in the file at `path`.

        Raises Refused where there are so many that reading on helps nobody.
        """
        where = path or self.path
        self._add(Diagnostic(where, place.line, place.column, message, hint, origin=origin))
        if len(self._by_key) >= MAX_DIAGNOSTICS:
            raise FatalDiagnostic(
                FILE_START if path else place,
                f"with {MAX_DIAGNOSTICS:,} findings the check stops here",
                "mend the first ones",
            )

    def warn(self, place: Positioned, message: str, hint: str = "") -> None:
        """Something that is only worth a look."""
        self._add(Diagnostic(self.path, place.line, place.column, message, hint, Severity.WARNING))

    def add_fatal(self, fatal: FatalDiagnostic) -> None:
        """The finding that ended the reading."""
        self._add(Diagnostic(self.path, fatal.place.line, fatal.place.column, fatal.message, fatal.hint))

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return any(found.severity is Severity.ERROR for found in self._by_key.values())

    def in_order(self) -> tuple[Diagnostic, ...]:
        """All findings: those of the manifest first, each file's in their order."""
        return tuple(sorted(self._by_key.values(), key=self._sort_key))

    def _sort_key(self, found: Diagnostic) -> tuple[bool, str, int, int]:
        return (found.path != self.path, found.path, found.line, found.column)

    def _add(self, diagnostic: Diagnostic) -> None:
        self._by_key.setdefault((diagnostic.path, diagnostic.line, diagnostic.column, diagnostic.message), diagnostic)

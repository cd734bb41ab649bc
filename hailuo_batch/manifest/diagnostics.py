"""What is wrong with a manifest, and where: the place, the message and the hint of everything found.

Knows nothing of YAML or of the manifest's language. Diagnostics are kept once per place and message, so that a cause
that is met twice is reported once, and are given out in the order of the files.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MAX_DIAGNOSTICS = 1000


class Severity(StrEnum):
    """Whether a diagnostic prevents a campaign."""

    ERROR = "error"
    WARNING = "warning"


class Positioned(Protocol):
    """Anything with a place in a file; lines and columns count from 1."""

    @property
    def line(self) -> int:
        """The line, from 1."""

    @property
    def column(self) -> int:
        """The column in characters, from 1."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file, and nothing else."""

    line: int
    column: int


FILE_START = Position(1, 1)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning. `path` is the file as the user named it; lines and columns count from 1.

    `hint` says what to write instead; it may be empty. `origin` names the rows or combinations that it is about, if it
    comes from an expansion; the message names them too. `source` is the line it is in, shortened, and `caret` its place
    there, from 0; both may be empty.
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
        return f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.message}{hint}"


class FatalDiagnostic(Exception):  # noqa: N818 - it carries what was found, and is no failure of the program
    """An error after which nothing more of the file can be understood."""

    def __init__(self, place: Positioned, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class Diagnostics:
    """Collects the diagnostics of a manifest. `path` is the manifest's file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._by_key: dict[tuple[str, int, int, str], Diagnostic] = {}

    def error(self, place: Positioned, message: str, hint: str = "", *, origin: str = "", path: str = "") -> None:
        """Add something that must be changed, in the manifest or in the file at `path`.

        Raises FatalDiagnostic when there are so many that more help nobody.
        """
        self._add(Diagnostic(path or self.path, place.line, place.column, message, hint, origin=origin))
        if len(self._by_key) >= MAX_DIAGNOSTICS:
            message = f"the check stopped after {MAX_DIAGNOSTICS:,} errors and warnings"
            raise FatalDiagnostic(FILE_START if path else place, message, "fix the first ones")

    def warn(self, place: Positioned, message: str, hint: str = "") -> None:
        """Add something that may be a mistake."""
        self._add(Diagnostic(self.path, place.line, place.column, message, hint, Severity.WARNING))

    def add_fatal(self, fatal: FatalDiagnostic, path: str = "") -> None:
        """Add the error that ended the reading of the manifest, or of the file at `path`."""
        place = fatal.place
        self._add(Diagnostic(path or self.path, place.line, place.column, fatal.message, fatal.hint))

    @property
    def has_errors(self) -> bool:
        """Whether any diagnostic is an error."""
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self._by_key.values())

    def in_order(self) -> list[Diagnostic]:
        """All diagnostics: the manifest's first, each file's in the order of their places."""
        return sorted(self._by_key.values(), key=lambda at: (at.path != self.path, at.path, at.line, at.column))

    def _add(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.path, diagnostic.line, diagnostic.column, diagnostic.message)
        self._by_key.setdefault(key, diagnostic)

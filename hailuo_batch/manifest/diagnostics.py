"""What is wrong with a manifest, and where: the place, the message and the hint of everything found.

Knows nothing of YAML or of the manifest's language. What has one cause is one finding, at the first of its places, with
the number of the others, and the findings are given out in the order of the files.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from hailuo_batch.warning_codes import WarningCode

MAX_DIAGNOSTICS = 1000
_AS_BEFORE = nullcontext()  # for the many shots that accept nothing


class Severity(StrEnum):
    """Whether a diagnostic prevents a campaign."""

    ERROR = "error"
    WARNING = "warning"


def warning_severity(*, strict: bool) -> Severity:
    """What warnings count as, by the option `--strict`."""
    # rule strict_option
    return Severity.ERROR if strict else Severity.WARNING


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
    there, from 0; both may be empty. `code` is that of a warning, also where warnings count as errors. `more` is how
    many other places there are with the same cause; the message says so.
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
    code: WarningCode | None = None
    more: int = 0

    @property
    def text(self) -> str:
        """The message, with the code that accepts it if it is a warning."""
        return self.message if self.code is None else f"{self.message} [{self.code}]"

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.text}{hint}"


class FatalDiagnostic(Exception):  # noqa: N818 - it carries what was found, and is no failure of the program
    """An error after which nothing more of the file can be understood."""

    def __init__(self, place: Positioned, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


@dataclass(slots=True)
class _Finding:
    """What has one cause: its first place, all its places, and how many more were only counted."""

    first: Diagnostic
    places: set[tuple[int, int]] = field(default_factory=set)
    uncounted: int = 0

    def add(self, diagnostic: Diagnostic) -> bool:
        """Add a place. Returns whether it is a new one."""
        place = (diagnostic.line, diagnostic.column)
        if place in self.places:
            return False
        self.places.add(place)
        self.uncounted += diagnostic.more
        # rule first_place
        if place < (self.first.line, self.first.column):
            self.first = diagnostic
        return True

    def summed_up(self) -> Diagnostic:
        """The finding as it is shown."""
        # rule counted_more
        more = len(self.places) - 1 + self.uncounted
        # rule and_more
        suffix = f", and for {more:,} more" if more else ""
        return replace(self.first, message=f"{self.first.message}{suffix}", more=more)


class Diagnostics:
    """Collects the diagnostics of a manifest. `path` is the manifest's file.

    Warnings count as `warning_severity`.
    """

    def __init__(self, path: str, warning_severity: Severity = Severity.WARNING) -> None:
        self.path = path
        self._accepted: frozenset[WarningCode] = frozenset()
        self._warning_severity = warning_severity
        self._findings: dict[tuple[str, Severity, str], _Finding] = {}
        self._place_count = 0

    def accepting(self, codes: frozenset[WarningCode]) -> AbstractContextManager[None]:
        """Collect no warnings of these kinds meanwhile."""
        return self._accepting(codes) if codes else _AS_BEFORE

    @contextmanager
    def _accepting(self, codes: frozenset[WarningCode]) -> Iterator[None]:
        before = self._accepted
        self._accepted = before | codes
        try:
            yield
        finally:
            # rule accepted_here
            self._accepted = before

    @property
    def accepted(self) -> frozenset[WarningCode]:
        """The kinds of warnings that are not collected now."""
        return self._accepted

    def error(
        self,
        place: Positioned,
        message: str,
        hint: str = "",
        *,
        origin: str = "",
        path: str = "",
        cause: str = "",
        more: int = 0,
    ) -> None:
        """Add something that must be changed, in the manifest or in the file at `path`.

        `cause` is what it has in common with others that are the same finding, by default its message. `more` is how
        many others there are that are not added. Raises FatalDiagnostic when there are so many that more help nobody.
        """
        found = Diagnostic(path or self.path, place.line, place.column, message, hint, origin=origin, more=more)
        if self._add(found, cause) and self._place_count >= MAX_DIAGNOSTICS:
            message = f"the check stopped after {MAX_DIAGNOSTICS:,} errors and warnings"
            raise FatalDiagnostic(FILE_START if path else place, message, "fix the first ones")

    def warn(
        self,
        place: Positioned,
        code: WarningCode,
        message: str,
        hint: str = "",
        *,
        path: str = "",
        cause: str = "",
        more: int = 0,
    ) -> None:
        """Add something that may be a mistake, unless its kind is accepted. The rest is as for `error`."""
        # rule accepted_code
        if code in self._accepted:
            return
        # rule strict_warnings
        severity = self._warning_severity
        # rule warning_found
        found = Diagnostic(path or self.path, place.line, place.column, message, hint, severity, code=code, more=more)
        self._add(found, cause)

    def add_fatal(self, fatal: FatalDiagnostic, path: str = "") -> None:
        """Add the error that ended the reading of the manifest, or of the file at `path`."""
        place = fatal.place
        self._add(Diagnostic(path or self.path, place.line, place.column, fatal.message, fatal.hint), "")

    @property
    def has_errors(self) -> bool:
        """Whether any diagnostic is an error."""
        return any(severity is Severity.ERROR for _, severity, _ in self._findings)

    @property
    def has_mistakes(self) -> bool:
        """Whether any diagnostic is an error and no warning that counts as one."""
        found = self._findings.values()
        return any(each.first.severity is Severity.ERROR and each.first.code is None for each in found)

    def in_order(self) -> list[Diagnostic]:
        """All diagnostics: the manifest's first, each file's in the order of their places."""
        found = [finding.summed_up() for finding in self._findings.values()]
        return sorted(found, key=lambda at: (at.path != self.path, at.path, at.line, at.column))

    def _add(self, diagnostic: Diagnostic, cause: str) -> bool:
        """Add to what has the same cause. Returns whether anything was new."""
        # rule one_cause
        key = (diagnostic.path, diagnostic.severity, cause or diagnostic.message)
        finding = self._findings.setdefault(key, _Finding(diagnostic))
        is_new = finding.add(diagnostic)
        self._place_count += is_new
        return is_new

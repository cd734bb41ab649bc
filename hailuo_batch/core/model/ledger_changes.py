"""Changes to the ledger, in the imperative, that come from a plan or a command and not from an answer of the API.

The ledger carries them out in the given order, all in one transaction; none of them sends a request or deletes anything
that was paid for. The names of the classes and of their fields are written into the journal: they are a file format.
"""

from dataclasses import dataclass

from hailuo_batch.core.model.runs import Replacement, Supersession
from hailuo_batch.values import Take


@dataclass(frozen=True, slots=True)
class WantTake:
    """Record this take as the manifest asks for it, at this position in the manifest's order."""

    take: Take
    position: int


@dataclass(frozen=True, slots=True)
class UnwantTake:
    """Record that the manifest does not ask for this take; its runs are kept."""

    take_id: str


@dataclass(frozen=True, slots=True)
class ForgetTake:
    """Delete from the ledger a take that the manifest does not ask for and nothing was ever sent for."""

    take_id: str


@dataclass(frozen=True, slots=True)
class ForgetRuns:
    """Hide this take, as the user asked (`state rm`). Its runs stay on record: their money still counts."""

    take_id: str


@dataclass(frozen=True, slots=True)
class SupersedeRun:
    """Make this run a superseded one: it stops being the live run of its take."""

    key: int
    by: Supersession


@dataclass(frozen=True, slots=True)
class ReviveRun:
    """Make this run the live one of this take, whichever take it belonged to before."""

    key: int
    take_id: str


@dataclass(frozen=True, slots=True)
class DropAttempt:
    """Delete this attempt, which is unsent and not needed."""

    key: int


@dataclass(frozen=True, slots=True)
class AddAttempt:
    """Give this take a new, unsent attempt at what the manifest asks for. The next apply pays for it."""

    take_id: str


@dataclass(frozen=True, slots=True)
class OpenReplacement:
    """Record that these takes are to be replaced, before any replacement is paid for."""

    replacement: Replacement


LedgerChange = (
    WantTake
    | UnwantTake
    | ForgetTake
    | ForgetRuns
    | SupersedeRun
    | ReviveRun
    | DropAttempt
    | AddAttempt
    | OpenReplacement
)

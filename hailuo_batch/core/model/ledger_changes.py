"""The ledger's bookkeeping, in the imperative: changes that no answer of the API brings about.

A plan gives them in the order in which they must be carried out, all in one transaction. Only the ledger
carries them out; none of them sends or deletes anything that was paid for.
"""

from dataclasses import dataclass

from hailuo_batch.core.model.runs import Replacement, Supersession
from hailuo_batch.values import Take


@dataclass(frozen=True, slots=True)
class WantTake:
    """The manifest asks for this take, at this place in its order: record it as it is wanted now."""

    take: Take
    position: int


@dataclass(frozen=True, slots=True)
class UnwantTake:
    """The manifest no longer asks for this take; its runs are kept."""

    take_id: str


@dataclass(frozen=True, slots=True)
class ForgetTake:
    """Nothing was ever sent for this take and nobody wants it: take it out of the ledger."""

    take_id: str


@dataclass(frozen=True, slots=True)
class ForgetRuns:
    """The user had this take forgotten: nothing of it is told any more, and only its money still counts."""

    take_id: str


@dataclass(frozen=True, slots=True)
class SupersedeRun:
    """This run no longer speaks for its take."""

    key: int
    by: Supersession


@dataclass(frozen=True, slots=True)
class ReviveRun:
    """This run speaks for this take from now on, whatever it belonged to before."""

    key: int
    take_id: str


@dataclass(frozen=True, slots=True)
class DropAttempt:
    """This attempt is unsent and not wanted: take it out."""

    key: int


@dataclass(frozen=True, slots=True)
class AddAttempt:
    """Give this take a new, unsent attempt of what it asks for now."""

    take_id: str


@dataclass(frozen=True, slots=True)
class OpenReplacement:
    """Record the wish that these takes be made anew, before any of them is."""

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

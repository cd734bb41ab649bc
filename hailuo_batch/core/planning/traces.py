"""What the files beside a ledger show of its runs: the sidecars, report.json and the ledger's backup. Pure.

They are written after the ledger. So a ledger that lacks a run which they name is older than they are: a copy that was
put back. If it were believed, that run would be paid for a second time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from hailuo_batch.core.model.runs import Output, Run
from hailuo_batch.core.model.states import RunState
from hailuo_batch.values import compute_fingerprint

UNNAMED_MAYBE_PAID = frozenset({RunState.SUBMITTING, RunState.IN_DOUBT, RunState.ABANDONED})
"""States in which a run without a run ID may have been paid for."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One run as a file beside the ledger shows it; `source` names that file.

    `input_json` is as much of the input as the file shows, all of it only where `is_whole`. `create_id` is None where
    the file does not name the create. The other fields are as in Run.
    """

    source: str
    take_id: str
    attempt: int
    state: RunState
    model: str
    fingerprint: str
    input_json: str = "{}"
    create_id: str | None = None
    run_id: str | None = None
    is_superseded: bool = False
    cost_micro_usd: int | None = None
    error: str | None = None
    submitted_at: float | None = None
    completed_at: float | None = None
    outputs: tuple[Output, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the input is exactly what was sent, and not shortened."""
        return compute_fingerprint(self.model, self.input_json) == self.fingerprint

    @property
    def may_be_paid(self) -> bool:
        """Whether it shows a payment, or a create that may have been charged."""
        return self.run_id is not None or (self.create_id is not None and self.state in UNNAMED_MAYBE_PAID)

    @classmethod
    def from_run(cls, run: Run, source: str) -> "Trace":
        """The trace that a ledger, such as a backup, shows of a run."""
        return cls(source, error=run.reason, **{name: getattr(run, name) for name in _FIELDS_OF_RUN})


_FIELDS_OF_RUN = frozenset(field.name for field in fields(Trace)) - {"source", "error"}


@dataclass(frozen=True, slots=True)
class UnreadableTrace:
    """A file beside the ledger that cannot be read as a whole: it may name a run that was paid for.

    `source` names the file, `video` the one it was written for; `run_id` and `create_id` are what could be read.
    """

    source: str
    video: str | None = None
    run_id: str | None = None
    create_id: str | None = None


@dataclass(frozen=True, slots=True)
class KnownIds:
    """The IDs of all runs and creates that some file knows."""

    run_ids: frozenset[str] = frozenset()
    create_ids: frozenset[str] = frozenset()

    def __or__(self, other: "KnownIds") -> "KnownIds":
        return KnownIds(self.run_ids | other.run_ids, self.create_ids | other.create_ids)

    def unknown(self, traces: Iterable[Trace]) -> tuple[Trace, ...]:
        """The traces of payments that are not among these. Where the run ID is known, the create ID need not be."""
        return tuple(trace for trace in traces if trace.may_be_paid and not self.contains(trace))

    def contains(self, trace: Trace | UnreadableTrace) -> bool:
        """Whether its run is known, or, where it has no run ID, its create."""
        return trace.run_id in self.run_ids if trace.run_id is not None else trace.create_id in self.create_ids

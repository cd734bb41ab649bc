"""What the files beside a ledger tell of its campaign's runs: the sidecars, report.json and the ledger's backup.

They are written after the ledger, so that a ledger that does not know a run which they name is older than they are: a
copy that was put back. Taken for the truth, it would have that run paid for a second time. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Output, Run
from hailuo_batch.core.model.states import RunState
from hailuo_batch.values import compute_fingerprint

UNNAMED_MAYBE_PAID = frozenset({RunState.SUBMITTING, RunState.IN_DOUBT, RunState.ABANDONED})
"""States in which a run that the API has not named may have been paid for."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One run, as a file beside the ledger tells of it; `source` names that file.

    `input_json` is as much of the input as the file shows: all of it only where `is_whole`. `create_id` is None where
    the file does not name the create. The other fields are as those of a run.
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
        """Whether the input is the one that was sent, and not an abbreviation of it."""
        return compute_fingerprint(self.model, self.input_json) == self.fingerprint

    @property
    def may_be_paid(self) -> bool:
        """Whether it tells of a payment, or of a create that may have been one."""
        return self.run_id is not None or (self.create_id is not None and self.state in UNNAMED_MAYBE_PAID)

    @classmethod
    def from_run(cls, run: Run, source: str) -> "Trace":
        """What a ledger, such as a backup, tells of a run."""
        return cls(
            source=source,
            take_id=run.take_id,
            attempt=run.attempt,
            state=run.state,
            model=run.model,
            fingerprint=run.fingerprint,
            input_json=run.input_json,
            create_id=run.create_id,
            run_id=run.run_id,
            is_superseded=run.is_superseded,
            cost_micro_usd=run.cost_micro_usd,
            error=run.reason,
            submitted_at=run.submitted_at,
            completed_at=run.completed_at,
            outputs=run.outputs,
        )


@dataclass(frozen=True, slots=True)
class UnreadableTrace:
    """What a file beside the ledger says, and nobody can read: it may name a run that was paid for.

    `source` names the file, `video` the one that it was written for; `run_id` and `create_id` are as much of a run as
    can be read. Each is None where there is none.
    """

    source: str
    video: str | None = None
    run_id: str | None = None
    create_id: str | None = None


@dataclass(frozen=True, slots=True)
class KnownIds:
    """The runs and creates that somebody knows, by their IDs."""

    run_ids: frozenset[str] = frozenset()
    create_ids: frozenset[str] = frozenset()

    def __or__(self, other: "KnownIds") -> "KnownIds":
        return KnownIds(self.run_ids | other.run_ids, self.create_ids | other.create_ids)

    def unknown(self, traces: Iterable[Trace]) -> tuple[Trace, ...]:
        """The traces of money that is not among these. A run that is known by its ID needs no create that is."""
        return tuple(trace for trace in traces if trace.may_be_paid and not self.contains(trace))

    def contains(self, trace: Trace | UnreadableTrace) -> bool:
        """Whether its run, or where it names none its create, is one of these."""
        return trace.run_id in self.run_ids if trace.run_id is not None else trace.create_id in self.create_ids

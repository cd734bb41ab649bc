"""What the user has said may be paid for once more, counted when, and only when, it is recorded.

A wish that dies with its process before it was recorded is no wish: the same command, repeated, may then have it
recorded once. One that was recorded counts once, however often the command is repeated, until an apply has ended well
with all of it done, its reports written: what is asked after that is a new wish, even where the process is killed
between its last write and its exit.
"""

from dataclasses import dataclass, field

from hailuo_batch.core.lifecycle import RunState, TakeState
from hailuo_batch.core.plan import InDoubt, Plan, Wishes
from hailuo_batch.core.records import Replacement, Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.steps import OpenReplacement
from hailuo_batch.errors import ExitCode
from hailuo_batch.values import Campaign
from tests.sim.truth import Truth, Violation

_WELL = frozenset({ExitCode.DONE, ExitCode.UNFINISHED})
_NOT_ENDED = frozenset({TakeState.WAITING, TakeState.IN_DOUBT, TakeState.RUNNING, TakeState.DOWNLOADING})


@dataclass
class Grants:
    """The wishes of one history, on their way from the command line into the ledger."""

    truth: Truth
    _replacement: Replacement | None = None
    _open: Replacement | None = None  # the one that is recorded and has not come to its end
    _requests: dict[str, str] = field(default_factory=dict)
    _doubtful: dict[str, str] = field(default_factory=dict)
    _to_forget: set[str] = field(default_factory=set)
    _forgotten: set[str] = field(default_factory=set)  # the creates that were counted as forgotten
    _named: set[tuple[str, int]] = field(default_factory=set)  # by take and attempt, as a user names them

    def propose(self, campaign: Campaign, snapshot: Snapshot, plan: Plan, wishes: Wishes) -> None:
        """A command asks for this. `snapshot` is the ledger before its plan."""
        opened = [step.replacement for step in plan.steps if isinstance(step, OpenReplacement)]
        before = snapshot.replacement
        is_repeated = any(known is not None and known.patterns == wishes.replace for known in (before, self._open))
        self._replacement = opened[0] if opened and not is_repeated else None
        self._requests = {take.id: take.fingerprint for take in campaign.takes}
        self._doubtful = {}
        if wishes.in_doubt is InDoubt.RESUBMIT:
            doubtful = (run for run in snapshot.runs if _may_be_made_again(run))
            self._doubtful = {run.create_id or "": run.fingerprint for run in doubtful}

    @property
    def is_waiting(self) -> bool:
        """Whether something was asked that is not known to be recorded."""
        return bool(self._replacement or self._doubtful or self._named or self._to_forget)

    def expect_again(self, run: Run) -> None:
        """A command asks that this run be made again."""
        if run.superseded_by is not Supersession.RESUBMIT:
            self._named.add((run.take_id, run.attempt))

    def expect_forgotten(self, take_id: str) -> None:
        """A command asks that a take be forgotten, so that what its runs were made for may be paid for once more."""
        self._to_forget.add(take_id)

    def end(self, code: ExitCode | None, snapshot: Snapshot | None, *, is_reported: bool) -> None:
        """An apply has ended, None where it was interrupted, and has left the ledger so. A `--replace` of which nothing
        is left to be made ends with it, if it has ended well. Raises Violation where such a one is left open."""
        if snapshot is None or self._open is None or not (code in _WELL or (code is None and is_reported)):
            return
        if any(_is_to_be_made(record, self._open) for record in snapshot.takes):
            return
        if code is ExitCode.DONE and snapshot.replacement is not None:
            raise Violation(f"the --replace of {self._open.patterns} is done, and the ledger holds it for open")
        if snapshot.replacement is None:
            self._open = None

    def confirm(self, snapshot: Snapshot) -> None:
        """This is the ledger now: what of the proposal is in it counts, the rest is forgotten."""
        if self._replacement is not None and snapshot.replacement == self._replacement:
            self.truth.grant(self._requests[id_] for id_ in self._replacement.take_ids)
            self._open = self._replacement
        resubmitted = [run for run in snapshot.runs if run.superseded_by is Supersession.RESUBMIT]
        again = {run.create_id for run in resubmitted}
        self.truth.grant(fingerprint for create_id, fingerprint in self._doubtful.items() if create_id in again)
        self.truth.grant(run.fingerprint for run in resubmitted if (run.take_id, run.attempt) in self._named)
        forgotten = {run.create_id: run for run in snapshot.forgotten if run.take_id in self._to_forget}
        fresh = [run.fingerprint for create_id, run in forgotten.items() if create_id not in self._forgotten]
        self.truth.grant(fresh)
        self._forgotten |= {create_id for create_id in forgotten if create_id is not None}
        self._replacement, self._doubtful, self._named, self._to_forget = None, {}, set(), set()


def _is_to_be_made(record: TakeRecord, replacement: Replacement) -> bool:
    return record.take.id in replacement.take_ids and record.state in _NOT_ENDED


def _may_be_made_again(run: Run) -> bool:
    return run.state is RunState.IN_DOUBT and run.superseded_by is not Supersession.RESUBMIT

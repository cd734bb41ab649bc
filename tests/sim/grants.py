"""What the user has said may be paid for once more, counted when, and only when, it is recorded.

A wish that dies with its process before it was recorded is no wish: the same command, repeated, may then have it
recorded once. One that was recorded counts once, however often the command is repeated, until an apply has ended well
with all of it done: what is asked after that is a new wish.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from hailuo_batch.core.model.ledger_changes import AddAttempt, SupersedeRun
from hailuo_batch.core.model.runs import Replacement, Run, Snapshot, Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.plan import InDoubtPolicy, Plan, PlanRequest
from hailuo_batch.core.planning.selection import matches_any
from hailuo_batch.errors import ExitCode
from hailuo_batch.values import CampaignSpec
from tests.sim.truth import Truth, Violation

_WELL = frozenset({ExitCode.DONE, ExitCode.UNFINISHED})
_NOT_ENDED = frozenset({TakeState.WAITING, TakeState.IN_DOUBT, TakeState.RUNNING, TakeState.DOWNLOADING})


@dataclass
class Grants:
    """The wishes of one history, on their way from the command line into the ledger."""

    truth: Truth
    _replacement: Replacement | None = None
    _replaced: frozenset[str] = frozenset()  # the takes of it that are made anew
    _left: frozenset[str] = frozenset()  # the takes that --limit left for later when it was proposed
    _sent: int = 0  # creates that had left before it was proposed
    _open: list[Replacement] = field(default_factory=list)  # those recorded that have not come to their end
    asked: frozenset[str] = (
        frozenset()
    )  # what the last command was asked to replace, be it by a plan whose wish is spent
    _scope: frozenset[str] = frozenset()
    _requests: dict[str, str] = field(default_factory=dict)
    _doubtful: dict[str, str] = field(default_factory=dict)
    _to_forget: set[str] = field(default_factory=set)
    _forgotten: set[str] = field(default_factory=set)  # the creates that were counted as forgotten
    _named: set[tuple[str, int]] = field(default_factory=set)  # by take and attempt, as a user names them
    _marked: dict[tuple[str, str], str] = field(default_factory=dict)  # requests by the take and run of a mark
    _rerolled: set[str] = field(default_factory=set)  # the runs whose mark was counted: it counts once

    def propose(self, campaign: CampaignSpec, snapshot: Snapshot, plan: Plan, request: PlanRequest) -> None:
        """A command asks for this. `snapshot` is the ledger before its plan."""
        known = [
            each for each in (*snapshot.replacements, *self._open) if _words(each.patterns) == _words(request.replace)
        ]
        is_repeated = any(_words(each.only) == _words(request.only) for each in known)
        begun = frozenset[str]().union(*(each.take_ids for each in known))
        # what is done and left for later by --limit was not asked for
        done = {record.take.id for record in snapshot.takes if record.state is TakeState.DONE}
        asked = plan.scope | (plan.left_for_later - done) if request.limit != 0 else frozenset[str]()
        about = frozenset(id_ for id_ in asked - begun if matches_any(id_, request.replace))
        self._replacement = Replacement(request.replace, about, request.only) if about and not is_repeated else None
        self._replaced = about & _replaced(plan)
        self._left = plan.left_for_later
        self._sent = len(self.truth.sent)
        self._scope = plan.scope
        self._requests = {take.id: take.fingerprint for take in campaign.takes}
        self._marked = self._find_marked(snapshot, request)
        self._doubtful = {}
        if request.in_doubt is InDoubtPolicy.RESUBMIT:
            doubtful = (run for run in snapshot.runs if _may_be_made_again(run))
            self._doubtful = {run.create_id or "": run.fingerprint for run in doubtful}

    def forget_lost(self, snapshot: Snapshot) -> None:
        """The ledger was put back to what it was: a wish that it does not know any more is a new one when asked."""
        self._open = [each for each in self._open if each in snapshot.replacements]
        self._rerolled -= {run.run_id for run in snapshot.runs if run.run_id is not None and not run.is_superseded}

    @property
    def is_waiting(self) -> bool:
        """Whether something was asked that is not known to be recorded."""
        return bool(self._replacement or self._marked or self._doubtful or self._named or self._to_forget)

    def expect_again(self, run: Run) -> None:
        """A command asks that this run be made again."""
        if run.superseded_by is not Supersession.RESUBMIT:
            self._named.add((run.take_id, run.attempt))

    def expect_forgotten(self, take_id: str) -> None:
        """A command asks that a take be forgotten, so that what its runs were made for may be paid for once more."""
        self._to_forget.add(take_id)

    def end(self, code: ExitCode | None, snapshot: Snapshot | None, *, has_printed_all: bool) -> None:
        """An apply has ended, None where it was interrupted, and has left the ledger so. A `--replace` of which nothing
        is left to be made ends with it, if it has ended well and was asked for no other. Raises Violation where such
        one is left open. Killed while it ends them, once it `has_printed_all`, it leaves a wish open or not."""
        if snapshot is None:
            return
        for each in tuple(self._open):
            is_over = (code in _WELL or has_printed_all) and self._is_finished(each, snapshot)
            if is_over and code is ExitCode.DONE and each in snapshot.replacements:
                raise Violation(f"the --replace of {each.patterns} is done, and the ledger holds it for open")
            if is_over and each not in snapshot.replacements:
                self._open.remove(each)

    def _is_finished(self, replacement: Replacement, snapshot: Snapshot) -> bool:
        if self.asked and _words(replacement.patterns) != self.asked:
            return False
        of_it = [record for record in snapshot.takes if record.take.id in replacement.take_ids]
        return not any(
            record.state in _NOT_ENDED or (record.in_manifest and record.take.id not in self._scope) for record in of_it
        )

    def confirm(self, snapshot: Snapshot) -> None:
        """This is the ledger now: what of the proposal is in it counts, the rest is forgotten."""
        if self._replacement is not None:
            recorded = self._find_recorded(self._replacement, snapshot)
            if recorded is not None or self._is_under_way(self._replacement):
                self.truth.grant(self._requests[id_] for id_ in self._replaced)
                self._open.append(recorded or self._replacement)
        resubmitted = [run for run in snapshot.runs if run.superseded_by is Supersession.RESUBMIT]
        again = {run.create_id for run in resubmitted}
        self.truth.grant(fingerprint for create_id, fingerprint in self._doubtful.items() if create_id in again)
        self.truth.grant(run.fingerprint for run in resubmitted if (run.take_id, run.attempt) in self._named)
        replaced = {run.run_id for run in snapshot.runs if run.superseded_by is Supersession.REPLACE}
        fresh_marks = {run_id: request for (_, run_id), request in self._marked.items() if run_id in replaced}
        self.truth.grant(request for run_id, request in fresh_marks.items() if run_id not in self._rerolled)
        self._rerolled |= fresh_marks.keys()
        forgotten = {run.create_id: run for run in snapshot.forgotten if run.take_id in self._to_forget}
        fresh = [run.fingerprint for create_id, run in forgotten.items() if create_id not in self._forgotten]
        self.truth.grant(fresh)
        self._forgotten |= {create_id for create_id in forgotten if create_id is not None}
        self._replacement, self._marked, self._doubtful = None, {}, {}
        self._named, self._to_forget = set(), set()

    def _find_marked(self, snapshot: Snapshot, request: PlanRequest) -> dict[tuple[str, str], str]:
        """The requests that marks may have paid for once more, which no pattern of the same command replaces.

        Each names a run of just what its take asks for: the one that the take has, or that it had before an edit or a
        name which is taken back now. Whether it was that one which gave way is seen in the ledger afterwards.
        """
        free = (run for run in snapshot.runs if run.superseded_by in {None, Supersession.EDIT})
        requests = {run.run_id: run.fingerprint for run in free if run.run_id is not None}
        by_pattern = frozenset[str]() if self._replacement is None else self._replaced
        marks = ((pick.take_id, pick.run_id) for pick in request.rerolls if pick.take_id not in by_pattern)
        asked = ((take_id, run_id, self._requests.get(take_id)) for take_id, run_id in marks)
        return {(id_, run_id): wanted for id_, run_id, wanted in asked if wanted and requests.get(run_id) == wanted}

    def _find_recorded(self, proposed: Replacement, snapshot: Snapshot) -> Replacement | None:
        """What the ledger has of it. Which of the takes that --limit leaves for later belong to it is the product's to
        say: those that no video serves, wherever it may have been moved from."""
        words, about = (proposed.patterns, proposed.only), proposed.take_ids - self._left
        recorded = (each for each in snapshot.replacements if (each.patterns, each.only) == words)
        return next((each for each in recorded if each.take_ids - self._left == about), None)

    def _is_under_way(self, replacement_request: Replacement) -> bool:
        """Whether a take that it is about was paid for since it was proposed: then it is under way, recorded or not."""
        sent = tuple(self.truth.sent.values())[self._sent :]
        return any(each.take_id in replacement_request.take_ids for each in sent)


def _replaced(plan: Plan) -> frozenset[str]:
    """The takes that the plan's steps have made in place of one that is done."""
    pairs = pairwise(plan.ledger_changes)
    return frozenset(
        after.take_id
        for before, after in pairs
        if isinstance(before, SupersedeRun) and before.by is Supersession.REPLACE and isinstance(after, AddAttempt)
    )


def _words(patterns: Iterable[str]) -> frozenset[str]:
    return frozenset(patterns)


def _may_be_made_again(run: Run) -> bool:
    return run.state is RunState.IN_DOUBT and run.superseded_by is not Supersession.RESUBMIT

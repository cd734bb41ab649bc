"""Campaign and ledger snapshot to plan: what an apply does with each take, and why.

Pure. A plan has two parts: lines for the user to read, and changes for the ledger to carry out before anything is sent.
A take is paid for if and only if its live run is unsent once those changes are carried out.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.runs import OutputKey, Replacement, Run, Snapshot, Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.picks.picks import Pick
from hailuo_batch.core.planning.diff import Difference, RecordedRequest, attempt_before, why_unserved
from hailuo_batch.core.planning.failures import FAILS_AGAIN, attempts_left, is_refused_content
from hailuo_batch.core.planning.matching import match_runs
from hailuo_batch.core.planning.replacements import UNFINISHED, is_repeated, with_patterns
from hailuo_batch.core.planning.selection import chooses, matches_any
from hailuo_batch.values import CampaignSpec, Take, format_utc_minute


class InDoubtPolicy(StrEnum):
    """What an apply does with takes that are in doubt when it begins."""

    HOLD = "hold"
    RESUBMIT = "resubmit"


class PlanAction(StrEnum):
    """What an apply does with a take."""

    CREATE = "create"
    REPLACE = "replace"
    RESUME = "resume"
    DOWNLOAD = "download"
    KEEP = "keep"
    HOLD = "hold"
    UNWANTED = "unwanted"


PAYING = frozenset({PlanAction.CREATE, PlanAction.REPLACE})
FOLLOWED = frozenset({PlanAction.RESUME, PlanAction.DOWNLOAD})


@dataclass(frozen=True, slots=True)
class PlanLine:
    """What an apply does with one take, and the reason.

    `moved_from` names the take whose run it takes over, else it is empty. `image_urls` are those that changed, each as
    it was and as it is. `before` is what the run was made from that this one replaces, None where that is no other
    request. `template` is the ID of the take's shot as the manifest writes it, empty where that is unknown. `note` is
    what was noted about the video that this one replaces. `remedy` is what a user can do about a take that is held,
    where many takes can have the same; else it is empty.
    """

    take: Take
    action: PlanAction
    reason: str
    moved_from: str = ""
    image_urls: tuple[tuple[str, str], ...] = ()
    before: RecordedRequest | None = None
    template: str = ""
    note: str = ""
    remedy: str = ""

    @property
    def explanation(self) -> str:
        """The reason and the remedy."""
        return "; ".join(filter(None, (self.reason, self.remedy)))

    @property
    def take_id(self) -> str:
        """The take's ID."""
        return self.take.id

    @property
    def model(self) -> str:
        """The model that makes it."""
        return self.take.model


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines for the user and changes for the ledger, both in order.

    `scope` holds the takes that were asked for; `followed` also those that left the manifest and whose runs, being paid
    for, are followed to their end. `redownload` holds outputs to download although they are on record. `left_for_later`
    are the takes that would be paid for but for --limit: they were not asked for this time.
    """

    lines: tuple[PlanLine, ...]
    ledger_changes: tuple[st.LedgerChange, ...]
    scope: frozenset[str]
    followed: frozenset[str]
    redownload: frozenset[OutputKey] = frozenset()
    left_for_later: frozenset[str] = frozenset()

    @property
    def paying(self) -> tuple[PlanLine, ...]:
        """The lines of takes that will be paid for."""
        # rule paying_lines
        return tuple(line for line in self.lines if line.action in PAYING)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the command line asks for beyond the manifest. An empty `only` means every take.

    `replaceable` are the takes of which `replace` may begin a replacement, None for every take that matches it. `limit`
    is the most runs that may be created, None without one; `payable` are the takes that may be paid for at all, None
    for every take. `rerolls` are marks that ask for another video than that of the run which each names.
    """

    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: InDoubtPolicy = InDoubtPolicy.HOLD
    replaceable: frozenset[str] | None = None
    limit: int | None = None
    payable: frozenset[str] | None = None
    rerolls: tuple[Pick, ...] = ()


def make_plan(campaign: CampaignSpec, snapshot: Snapshot, request: PlanRequest = PlanRequest()) -> Plan:
    """Decide what to do with every take of the manifest and of the ledger."""
    return _Planner(campaign, snapshot, request).plan()


class _Planner:
    def __init__(self, campaign: CampaignSpec, snapshot: Snapshot, request: PlanRequest) -> None:
        self.snapshot = snapshot
        self.changes: list[st.LedgerChange] = []
        self._request = request
        self._max_attempts = campaign.limits.max_attempts
        self._replacement: Replacement | None = None
        self._replaceable: frozenset[str] = frozenset()
        # rule wanted_takes
        self._wanted = {take.id: take for take in campaign.takes}
        self._recorded = {record.take.id: record for record in snapshot.takes}
        self._templates = {take.id: shot.template for shot in campaign.shots for take in shot.takes}
        chosen = (take for take in self._wanted.values() if not request.only or chooses(request.only, take))
        self._scope = frozenset(take.id for take in chosen)
        # rule takes_matched
        self._served = match_runs(self._wanted, self._recorded)
        self._lines: list[PlanLine] = []
        self._rerolls = {(pick.take_id, pick.run_id): pick for pick in request.rerolls}
        self._creates = 0
        self._left_for_later: set[str] = set()

    def plan(self) -> Plan:
        # runs make room first: the ledger allows one live run for each take
        self._release_runs()
        self._request_takes()
        replaced, rerolled = self._takes_to_replace(), self._takes_to_reroll()
        before_takes = len(self.changes)
        for take in self._wanted.values():
            run = self._served.get(take.id)
            if run is None:
                self._create(take)
            else:
                because = REPLACED if take.id in replaced else REROLLED if take.id in rerolled else ""
                self._plan_served(take, run, replaced_by=because)
        self._record_replacement(before_takes)
        self._plan_removed_takes()
        # rule still_collected
        followed = self._scope if self._request.only else self._scope | self._recorded.keys()
        left = frozenset(self._left_for_later)
        return Plan(tuple(self._lines), tuple(self.changes), self._scope - left, followed, left_for_later=left)

    def _release_runs(self) -> None:
        """Take the place from live runs that do not serve their take, and drop attempts that need not be sent."""
        for id_, record in self._recorded.items():
            live, served, take = record.live, self._served.get(id_), self._wanted.get(id_)
            superseded = (run for run in record.runs if run.is_superseded)
            self.changes += [st.DropAttempt(run.key) for run in superseded if run.state is RunState.UNSENT]
            if live is None or (served is not None and served.key == live.key):
                continue
            # rule edited_take
            if live.state is RunState.UNSENT:
                if take is None or served is not None or not _is_same_request(live, take):
                    self.changes.append(st.DropAttempt(live.key))
            elif take is not None:
                # kept as an edit, so that changing the prompt back finds the paid run again
                self.changes.append(st.SupersedeRun(live.key, Supersession.EDIT))

    def _request_takes(self) -> None:
        in_place = [id_ for id_, record in self._recorded.items() if record.in_manifest] == list(self._wanted)
        for position, (id_, take) in enumerate(self._wanted.items()):
            record = self._recorded.get(id_)
            if not in_place or record is None or record.take != take:
                self.changes.append(st.WantTake(take, position))

    def _takes_to_replace(self) -> frozenset[str]:
        """The takes whose replacement begins with this plan, as far as --limit admits them."""
        patterns, only, replaceable = self._request.replace, self._request.only, self._request.replaceable
        if not patterns or is_repeated(self.snapshot, patterns, only):
            return frozenset()
        # the same patterns with another --only: what was begun for some of these takes is not paid for again
        begun = frozenset[str]().union(*(each.take_ids for each in with_patterns(self.snapshot, patterns)))
        asked = frozenset(id_ for id_ in self._scope - begun if matches_any(id_, patterns))
        served = {id_: self._served.get(id_) for id_ in asked}
        done = frozenset(id_ for id_, run in served.items() if run is not None and run.state is RunState.SUCCEEDED)
        chosen = done if replaceable is None else done & replaceable
        self._replaceable = chosen
        if chosen or any(run is None or run.take_state in UNFINISHED for run in served.values()):
            self._replacement = Replacement(patterns, asked, only)
        return chosen

    def _takes_to_reroll(self) -> frozenset[str]:
        """The takes of which a mark asks for another video than the one they have.

        Nothing but the run that the mark names is recorded of it: once this plan is carried out that run is superseded,
        and the same mark, repeated after whatever interruption, finds another live run and begins nothing.
        """
        if not self._rerolls:
            return frozenset()
        runs = ((id_, self._served.get(id_)) for id_ in self._scope)
        asked = frozenset(id_ for id_, run in runs if run is not None and self._is_marked(id_, run))
        replaceable = self._request.replaceable
        # rule rerolled_as_planned
        return asked if replaceable is None else asked & replaceable

    def _is_marked(self, take_id: str, run: Run) -> bool:
        """Whether a mark asks for another video than that of this run, which serves the take, and of no other run."""
        # rule seen_run_only
        return run.state is RunState.SUCCEEDED and (take_id, run.run_id or "") in self._rerolls

    def _record_replacement(self, at: int) -> None:
        """Have the request recorded, before the changes of its takes: the same command, repeated after an interruption,
        then finishes what was begun and pays for nothing twice.

        A take that --limit leaves for later was not asked for and stays as it is: no later apply may pay for it because
        of this one.
        """
        if self._replacement is None or self._request.limit == 0:
            return
        # rule replaced_this_time
        take_ids = self._replacement.take_ids - (self._replaceable & self._left_for_later)
        if take_ids:
            self.changes.insert(at, st.OpenReplacement(replace(self._replacement, take_ids=take_ids)))

    def _plan_served(self, take: Take, run: Run, *, replaced_by: str) -> None:
        """Plan a take that a recorded run serves. `replaced_by` is what asks for another one, empty if nothing does."""
        moved_from = "" if run.take_id == take.id else run.take_id
        live = self._live_run(take.id)
        if live is None or live.key != run.key:
            self.changes.append(st.ReviveRun(run.key, take.id))
        by = Supersession.REPLACE if replaced_by else self._repeated_because(take, run)
        remedy = ""
        if take.id not in self._scope:
            action, reason = PlanAction.HOLD, _NOT_SELECTED
        elif by is not None:
            action, reason = self._repeat(take, run, by, replaced_by)
        else:
            (action, reason), remedy = _action_for(run), _REMEDIES.get(run.take_state, "")
            remedy = FAILS_AGAIN if run.state is RunState.FAILED and is_refused_content(run) else remedy
            # rule reason_moved
            reason = f"renamed from {moved_from}; {reason}" if moved_from else reason
        self._add_line(take, action, Difference(reason), moved_from, self._note(take, run), remedy)

    def _repeated_because(self, take: Take, run: Run) -> Supersession | None:
        """Why a take that a recorded run serves is paid for once more unasked, None where it is not."""
        if run.state is RunState.IN_DOUBT and self._request.in_doubt is InDoubtPolicy.RESUBMIT:
            return Supersession.RESUBMIT
        # rule failed_again
        if run.state is RunState.FAILED and self._has_attempts_left(run, take):
            return Supersession.RETRY
        return None

    def _repeat(self, take: Take, run: Run, by: Supersession, replaced_by: str) -> tuple[PlanAction, str]:
        if not self._admit(take):
            return PlanAction.HOLD, LEFT_FOR_LATER
        self.changes += [st.SupersedeRun(run.key, by), st.AddAttempt(take.id)]
        match by:
            case Supersession.REPLACE:
                # rule action_replaced
                return PlanAction.REPLACE, f"{replaced_by}; the video of {run.run_id} is kept as superseded"
            case Supersession.RESUBMIT:
                return PlanAction.CREATE, "in doubt; --in-doubt resubmit sends it again, which may pay twice"
            case _:
                return PlanAction.CREATE, f"attempt {run.attempt} failed and was refunded: {run.reason}"

    def _create(self, take: Take) -> None:
        """Plan a take that no recorded run serves: its next attempt is paid for, unless an option leaves it out."""
        record, live = self._recorded.get(take.id), self._live_run(take.id)
        if live is None or live.state is not RunState.UNSENT or not _is_same_request(live, take):
            # rule new_take
            self.changes.append(st.AddAttempt(take.id))
        if take.id not in self._scope:
            self._add_line(take, PlanAction.HOLD, Difference(_NOT_SELECTED))
        elif not self._admit(take):
            self._add_line(take, PlanAction.HOLD, Difference(LEFT_FOR_LATER))
        else:
            before = None if record is None else attempt_before(record)
            replaces = before is not None and before.superseded_by is Supersession.REPLACE
            action = PlanAction.REPLACE if replaces else PlanAction.CREATE
            self._add_line(take, action, why_unserved(take, record), note=self._note(take, before))

    def _admit(self, take: Take) -> bool:
        """Whether this take may be paid for as well. It counts from then on; otherwise it is left for later."""
        limit, payable = self._request.limit, self._request.payable
        # rule no_more_than_limit
        if (limit is not None and self._creates >= limit) or (payable is not None and take.id not in payable):
            self._left_for_later.add(take.id)
            return False
        self._creates += 1
        return True

    def _live_run(self, take_id: str) -> Run | None:
        record = self._recorded.get(take_id)
        return None if record is None else record.live

    def _has_attempts_left(self, run: Run, take: Take) -> bool:
        record = self._recorded.get(take.id)
        # a run that another take hands over is the only attempt at what this one asks for
        runs = record.runs if record is not None and run.take_id == take.id else (run,)
        # rule attempts_left
        return attempts_left(runs, run.fingerprint, self._max_attempts) > 0

    def _plan_removed_takes(self) -> None:
        used = {run.key for run in self._served.values()}
        for id_, record in self._recorded.items():
            if id_ in self._wanted:
                continue
            live = record.live
            # rule kept_runs
            left = [run for run in record.runs if run.key not in used and run.state is not RunState.UNSENT]
            # rule left_alone
            if not left:
                self.changes.append(st.ForgetTake(id_))
                continue
            # name left_the_manifest
            if record.in_manifest:
                self.changes.append(st.UnwantTake(id_))
            if live is not None and live in left:
                # rule not_in_manifest
                reason = f"no longer in the manifest; {_action_for(live)[1]}"
                self._add_line(record.take, PlanAction.UNWANTED, Difference(reason))

    def _note(self, take: Take, run: Run | None) -> str:
        """What was noted about the video of this run, where it was marked as a re-roll."""
        pick = None if run is None else self._rerolls.get((take.id, run.run_id or ""))
        return "" if pick is None else pick.note

    def _add_line(
        self, take: Take, action: PlanAction, why: Difference, moved_from: str = "", note: str = "", remedy: str = ""
    ) -> None:
        template = self._templates.get(take.id, "")
        line = PlanLine(take, action, why.reason, moved_from, why.image_urls, why.before, template, note, remedy)
        self._lines.append(line)


_REMEDIES = {
    TakeState.IN_DOUBT: "use `resolve`",
    TakeState.FAILED: "`retry` allows one more attempt",
    TakeState.REJECTED: "change it, or use `retry`",
}
_NOT_SELECTED = "not selected by --only"
REPLACED = "--replace"
REROLLED = "re-roll"
"""How the reason of a take begins that is replaced because of an option or of a mark."""
LEFT_FOR_LATER = "left for later by --limit"
"""The reason of a take that --limit leaves out."""


def _is_same_request(run: Run, take: Take) -> bool:
    """Whether this unsent attempt would send exactly what the take asks for."""
    return run.fingerprint == take.fingerprint and run.images_sha256 == take.images_sha256


def _action_for(run: Run) -> tuple[PlanAction, str]:
    """What an apply does with a run that serves its take, and how that is explained."""
    because = f": {run.reason}" if run.reason else ""
    match run.take_state:
        case TakeState.RUNNING:
            # rule action_resumed
            return PlanAction.RESUME, f"resumes {run.run_id}"
        case TakeState.DOWNLOADING:
            # name file_is_gone
            is_gone = any(output.path is None and output.sha256 is not None for output in run.outputs)
            # rule file_gone
            again = " again: its file is gone" if is_gone else ""
            return PlanAction.DOWNLOAD, f"downloads {run.run_id}{again}"
        case TakeState.DONE:
            # rule action_kept
            return PlanAction.KEEP, f"done, damaged: {'; '.join(run.flaws)}" if run.flaws else "done"
        case TakeState.IN_DOUBT:
            since = "" if run.submitted_at is None else f" since {format_utc_minute(run.submitted_at)}"
            return PlanAction.HOLD, f"in doubt{since}, may have been charged{because}"
        case TakeState.LOST:
            return PlanAction.RESUME, f"lost; {run.run_id} is checked again"
        case TakeState.FAILED:
            return PlanAction.HOLD, f"failed and refunded{because}"
        case TakeState.REJECTED:
            return PlanAction.HOLD, f"rejected, nothing paid{because}"
        case TakeState.ABANDONED:
            return PlanAction.HOLD, "abandoned"
        case TakeState.WAITING:
            return PlanAction.HOLD, "its request is being sent"
        case _:
            assert_never(run.take_state)

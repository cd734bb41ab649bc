"""Campaign x ledger snapshot -> what to do with each take, and why.

Pure: given which recorded run serves which wanted take, it gives two things: lines for the user to read, and steps
for the ledger to carry out before anything is sent. A take is paid for if and only if its live run is unsent once the
steps are carried out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.runs import OutputKey, Replacement, Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.diff import Difference, describe_difference
from hailuo_batch.core.planning.matching import match_runs, serves
from hailuo_batch.core.planning.replacements import UNFINISHED, is_repeated, with_patterns
from hailuo_batch.values import CampaignSpec, Take, format_utc_minute


class InDoubtPolicy(StrEnum):
    """What becomes of takes that are in doubt when an apply begins."""

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


@dataclass(frozen=True, slots=True)
class PlanLine:
    """What an apply does with one take, and the reason.

    `moved_from` names the take whose run it takes over, else it is empty. `image_urls` are those that have changed
    since, as they were and as they are now.
    """

    take_id: str
    model: str
    action: PlanAction
    reason: str
    moved_from: str = ""
    image_urls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines for the user, steps for the ledger, in order.

    `scope` holds the takes that were asked for; `collected` also those that nobody wants any more but whose runs,
    being paid for, are followed to their end. `again` holds outputs, each a run's key and an index, that are downloaded
    although they are on record.
    """

    lines: tuple[PlanLine, ...]
    ledger_changes: tuple[st.LedgerChange, ...]
    scope: frozenset[str]
    followed: frozenset[str]
    redownload: frozenset[OutputKey] = frozenset()

    @property
    def paying(self) -> tuple[PlanLine, ...]:
        """The takes that are to be paid for."""
        # rule paying_lines
        return tuple(line for line in self.lines if line.action in PAYING)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the command line asks beyond the manifest. Empty `only` means every take.

    `replaceable` are the takes of which `replace` may begin a replacement, None for whichever fits it.
    """

    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: InDoubtPolicy = InDoubtPolicy.HOLD
    replaceable: frozenset[str] | None = None


def make_plan(campaign: CampaignSpec, snapshot: Snapshot, request: PlanRequest = PlanRequest()) -> Plan:
    """Decide what to do with every take, wanted or recorded."""
    return _Planner(campaign, snapshot, request).plan()


def matches_any(take_id: str, patterns: Iterable[str]) -> bool:
    """Whether a take ID fits one of the patterns (`*`, `?`, `[...]`)."""
    return any(fnmatchcase(take_id, pattern) for pattern in patterns)


def is_same_request(run: Run, take: Take) -> bool:
    """Whether this attempt, which is unsent, would ask for just what the take wants now."""
    return run.fingerprint == take.fingerprint and run.images_sha256 == take.images_sha256


@dataclass
class _Planner:
    campaign: CampaignSpec
    snapshot: Snapshot
    request: PlanRequest
    lines: list[PlanLine] = field(default_factory=list)
    changes: list[st.LedgerChange] = field(default_factory=list)

    def plan(self) -> Plan:
        # rule wanted_takes
        wanted = {take.id: take for take in self.campaign.takes}
        recorded = {record.take.id: record for record in self.snapshot.takes}
        scope = frozenset(id_ for id_ in wanted if not self.request.only or matches_any(id_, self.request.only))
        # rule takes_matched
        served = match_runs(wanted, recorded)
        self._release(wanted, recorded, served)
        self._request_takes(wanted, recorded)
        replacing = self._takes_to_replace(served, scope)
        for take in wanted.values():
            self._plan_take(take, recorded.get(take.id), served.get(take.id), replacing, take.id in scope)
        self._plan_removed_takes(wanted, recorded, {run.key for run in served.values()})
        # rule still_collected
        collected = scope if self.request.only else scope | recorded.keys()
        return Plan(tuple(self.lines), tuple(self.changes), scope, collected)

    def _release(
        self, wanted: Mapping[str, Take], recorded: Mapping[str, TakeRecord], served: Mapping[str, Run]
    ) -> None:
        """Live runs that no longer serve their take make room, before any other takes its place."""
        for id_, record in recorded.items():
            live = record.live
            for run in record.runs:
                if run.is_superseded and run.state is RunState.UNSENT:
                    self.changes.append(st.DropAttempt(run.key))
            if live is None or (id_ in served and served[id_].key == live.key):
                continue
            # rule edited_take
            if live.state is RunState.UNSENT:
                if id_ not in wanted or id_ in served or not is_same_request(live, wanted[id_]):
                    self.changes.append(st.DropAttempt(live.key))
            elif id_ in wanted:
                self.changes.append(st.SupersedeRun(live.key, Supersession.EDIT))

    def _request_takes(self, wanted: Mapping[str, Take], recorded: Mapping[str, TakeRecord]) -> None:
        in_place = [record.take.id for record in self.snapshot.takes if record.in_manifest] == list(wanted)
        for position, (id_, take) in enumerate(wanted.items()):
            record = recorded.get(id_)
            if not in_place or record is None or record.take != take:
                self.changes.append(st.WantTake(take, position))

    def _takes_to_replace(self, served: Mapping[str, Run], scope: frozenset[str]) -> frozenset[str]:
        """The takes whose replacement begins with this plan; none when the same wish is already under way.

        The wish is remembered with every take that it fits and that is still to be made, too: made by the same command,
        and interrupted, it is not made a second time when the command is repeated.
        """
        wishes = self.request
        if not wishes.replace or is_repeated(self.snapshot, wishes.replace, wishes.only):
            return frozenset()
        # the same words for other takes: what was begun among them is finished, and not paid for again
        begun = frozenset[str]().union(*(each.take_ids for each in with_patterns(self.snapshot, wishes.replace)))
        asked = frozenset(id_ for id_ in scope - begun if matches_any(id_, wishes.replace))
        done = frozenset(id_ for id_ in asked & served.keys() if served[id_].state is RunState.SUCCEEDED)
        chosen = done if wishes.replaceable is None else done & wishes.replaceable
        if chosen or any(id_ not in served or served[id_].take_state in UNFINISHED for id_ in asked):
            self.changes.append(st.OpenReplacement(Replacement(wishes.replace, asked, wishes.only)))
        return chosen

    def _plan_take(
        self, take: Take, record: TakeRecord | None, run: Run | None, replacing: frozenset[str], in_scope: bool
    ) -> None:
        if run is None:
            self._create(take, record, in_scope)
            return
        moved_from = "" if run.take_id == take.id else run.take_id
        live = record.live if record is not None else None
        if live is None or live.key != run.key:
            self.changes.append(st.ReviveRun(run.key, take.id))
        if not in_scope:
            self._add_line(take, PlanAction.HOLD, "not among the takes of --only", moved_from)
        elif take.id in replacing:
            self._add_attempt(run, take, Supersession.REPLACE)
            # rule action_replaced
            self._add_line(
                take, PlanAction.REPLACE, f"--replace; the video of {run.run_id} is kept as superseded", moved_from
            )
        elif self._retries(run, take, record):
            self._add_line(take, PlanAction.CREATE, _again_reason(run), moved_from)
        else:
            action, reason = _action_for(run)
            # rule reason_moved
            self._add_line(take, action, f"moved from {moved_from}; {reason}" if moved_from else reason, moved_from)

    def _create(self, take: Take, record: TakeRecord | None, in_scope: bool) -> None:
        live = record.live if record is not None else None
        if live is None or live.state is not RunState.UNSENT or not is_same_request(live, take):
            # rule new_take
            self.changes.append(st.AddAttempt(take.id))
        if not in_scope:
            self._add_line(take, PlanAction.HOLD, "not among the takes of --only")
        else:
            replaces = live is not None and record is not None and _is_replacement(record, live)
            action = PlanAction.REPLACE if replaces else PlanAction.CREATE
            change = _why_new(take, record)
            self.lines.append(PlanLine(take.id, take.model, action, change.reason, image_urls=change.image_urls))

    def _retries(self, run: Run, take: Take, record: TakeRecord | None) -> bool:
        if run.state is RunState.IN_DOUBT and self.request.in_doubt is InDoubtPolicy.RESUBMIT:
            self._add_attempt(run, take, Supersession.RESUBMIT)
            return True
        runs = record.runs if record is not None and run.take_id == take.id else (run,)
        # rule failed_again
        if run.state is RunState.FAILED and count_failures(runs, run.fingerprint) < self.campaign.limits.max_attempts:
            self._add_attempt(run, take, Supersession.RETRY)
            return True
        return False

    def _add_attempt(self, run: Run, take: Take, by: Supersession) -> None:
        self.changes += [st.SupersedeRun(run.key, by), st.AddAttempt(take.id)]

    def _plan_removed_takes(
        self, wanted: Mapping[str, Take], recorded: Mapping[str, TakeRecord], used: set[int]
    ) -> None:
        for id_, record in recorded.items():
            if id_ in wanted:
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
            if live is not None and live.key not in used and live.state is not RunState.UNSENT:
                # rule not_in_manifest
                reason = f"no longer in the manifest; {_action_for(live)[1]}"
                self._add_line(record.take, PlanAction.UNWANTED, reason)

    def _add_line(self, take: Take, action: PlanAction, reason: str, moved_from: str = "") -> None:
        self.lines.append(PlanLine(take.id, take.model, action, reason, moved_from))


def count_failures(runs: Iterable[Run], fingerprint: str) -> int:
    """How many attempts at this very request have failed."""
    return sum(run.state is RunState.FAILED and run.fingerprint == fingerprint for run in runs)


def _is_replacement(record: TakeRecord, live: Run) -> bool:
    older = [run for run in record.runs if run.attempt < live.attempt]
    return bool(older) and older[-1].superseded_by is Supersession.REPLACE


def _again_reason(run: Run) -> str:
    if run.state is RunState.FAILED:
        return f"attempt {run.attempt} failed and was refunded: {run.reason}"
    return "in doubt; --in-doubt resubmit has it made again, which may pay twice"


def _why_new(take: Take, record: TakeRecord | None) -> Difference:
    if record is None or not record.runs:
        # rule reason_new
        return Difference("new")
    live = record.live
    if live is not None and live.state is RunState.UNSENT:
        older = [run for run in record.runs if run.attempt < live.attempt]
        if not serves(live, take):
            return Difference("new") if not older else describe_difference(older[-1], take)
        if not older:
            return Difference("new" if live.reason is None else f"not made yet: {live.reason}")
        if serves(older[-1], take):
            return Difference(_attempted_again(live, older[-1]))
        return describe_difference(older[-1], take)
    return describe_difference(live or record.runs[-1], take)


def _attempted_again(live: Run, before: Run) -> str:
    ended = "failed" if before.state is RunState.FAILED else f"was {before.state}"
    return {
        Supersession.REPLACE: "--replace, not made yet",
        Supersession.RETRY: f"attempt {live.attempt}, after one that {ended}",
        Supersession.RESUBMIT: "made again, as asked",
    }.get(before.superseded_by or Supersession.EDIT, "new")


def _since(run: Run) -> str:
    return "" if run.submitted_at is None else f" since {format_utc_minute(run.submitted_at)}"


def _action_for(run: Run) -> tuple[PlanAction, str]:
    """What an apply does with a run as it stands."""
    because = f": {run.reason}" if run.reason else ""
    match run.take_state:
        case TakeState.RUNNING:
            # rule action_resumed
            return PlanAction.RESUME, f"resumes {run.run_id}"
        case TakeState.DOWNLOADING:
            # name file_is_gone
            gone = any(output.path is None and output.sha256 is not None for output in run.outputs)
            # rule file_gone
            return PlanAction.DOWNLOAD, f"downloads {run.run_id}{' again: its file is gone' if gone else ''}"
        case TakeState.DONE:
            if run.flaws:
                return PlanAction.KEEP, f"done, damaged: {'; '.join(run.flaws)}"
            # rule action_kept
            return PlanAction.KEEP, "done"
        case TakeState.IN_DOUBT:
            return PlanAction.HOLD, f"in doubt{_since(run)}, may be paid for{because}; settle it with resolve"
        case TakeState.LOST:
            return PlanAction.RESUME, f"lost; {run.run_id} is asked for once more"
        case TakeState.FAILED:
            return PlanAction.HOLD, f"failed and refunded{because}; retry grants one more attempt"
        case TakeState.REJECTED:
            return PlanAction.HOLD, f"rejected, nothing paid{because}; change it, or retry"
        case TakeState.ABANDONED:
            return PlanAction.HOLD, "abandoned"
        case TakeState.WAITING:  # pragma: no branch - there is no other state
            return PlanAction.HOLD, "its create is being sent"

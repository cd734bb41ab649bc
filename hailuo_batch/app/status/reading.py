"""One look at where a campaign stands: its ledger, and what the next apply would still do. Sends and writes nothing."""

from contextlib import suppress
from dataclasses import dataclass, replace

from hailuo_batch.app.config import ApplyOptions, check_only, read_settings
from hailuo_batch.app.ledger_access import (
    LedgerView,
    empty_snapshot,
    load_history,
    read_ledger,
    snapshot_before_first_apply,
)
from hailuo_batch.app.reports import report_of
from hailuo_batch.app.workspace import CampaignContext
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.estimate import TimeNeeded, estimate_remaining
from hailuo_batch.core.planning.plan import PlanRequest, make_plan
from hailuo_batch.core.planning.selection import chooses
from hailuo_batch.errors import UsageError
from hailuo_batch.report.model import Report
from hailuo_batch.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class StatusReading:
    """The ledger as it was read, with only the takes that were chosen, and the report of it.

    `has_ledger` is whether there is one yet. `recorded` is how many takes it has in all, `new` how many of those asked
    for it does not have. `time` is what is left for the apply that is running, or for the next one; None for nothing.
    """

    view: LedgerView
    report: Report
    has_ledger: bool
    recorded: int
    new: int
    time: TimeNeeded | None

    @property
    def is_done(self) -> bool:
        """Whether every take that is shown is done, and no other is asked for."""
        takes = self.report.takes
        return not self.new and all(take.state is TakeState.DONE and not take.damaged for take in takes)

    @property
    def mark(self) -> object:
        """What differs between two readings that have something to tell: not the time that has passed."""
        takes = tuple((take.id, take.state, take.damaged, len(take.attempts)) for take in self.report.takes)
        return takes, self.report.spend, self.view.holder, self.new


def read_status(context: CampaignContext, only: tuple[str, ...]) -> StatusReading:
    """Read it. Raises what reading a ledger raises, and UsageError for a pattern that chooses no take."""
    found = read_ledger(context)
    view = found
    if view is None:
        snapshot = snapshot_before_first_apply(context)
        view = LedgerView(snapshot, None, snapshot)
    view = _as_manifest_says(view, context)
    chosen = _choose(view, context, only) if only else view
    resume, state, now = view.resume_command, view.submitting_state, Clock().wall()
    report = report_of(context, chosen.snapshot, now, resume=resume, submitting_state=state)
    recorded = {take.id for take in report.takes}
    asked = (take.id for take in context.campaign.takes if not only or chooses(only, take))
    new = sum(take_id not in recorded for take_id in asked)
    return StatusReading(
        chosen, report, found is not None, len(view.snapshot.takes), new, _time_left(context, found, only, now)
    )


def _as_manifest_says(view: LedgerView, context: CampaignContext) -> LedgerView:
    """The view in which a take has left the manifest that is not in it now: the ledger says what the last apply found,
    and a restored one may say nothing. An apply that is running does what it found."""
    if view.holder is not None:
        return view
    asked = {take.id for take in context.campaign.takes}
    takes = tuple(replace(record, in_manifest=record.take.id in asked) for record in view.snapshot.takes)
    return replace(view, snapshot=replace(view.snapshot, takes=takes))


def _choose(view: LedgerView, context: CampaignContext, only: tuple[str, ...]) -> LedgerView:
    """The view of the chosen takes alone, and of their money. Those that left the manifest can be chosen too."""
    recorded = view.snapshot.takes
    known = {take.id: take for take in (*(record.take for record in recorded), *context.campaign.takes)}
    check_only(only, [*known.values()])
    # a take that is in both is chosen as the manifest has it: its tags may be newer than those on record
    # rule status_chosen
    chosen = {take.id for take in known.values() if chooses(only, take)}
    takes = tuple(record for record in recorded if record.take.id in chosen)
    return replace(view, snapshot=replace(view.snapshot, takes=takes, forgotten=()))


def _time_left(
    context: CampaignContext, view: LedgerView | None, only: tuple[str, ...], now: float
) -> TimeNeeded | None:
    snapshot = empty_snapshot(context) if view is None else view.snapshot_with_doubts
    settings = None
    with suppress(UsageError):  # a wrong rate limit in the environment is for an apply to refuse
        settings = read_settings(ApplyOptions(), context.campaign, context.where.access.keys)
    if settings is None:
        return None
    plan = make_plan(context.campaign, snapshot, PlanRequest(only))
    return estimate_remaining(plan, snapshot, load_history(context.paths, snapshot), settings, now)

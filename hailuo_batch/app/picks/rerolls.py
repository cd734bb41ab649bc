"""Re-rolls from a file of picks, for `plan` and `apply`: read before anything is planned, explained beside the plan."""

from pathlib import Path

from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.picks.picks_file import load_picks
from hailuo_batch.app.workspace import CampaignContext, short_path
from hailuo_batch.core.model.ledger_changes import SupersedeRun
from hailuo_batch.core.model.runs import Snapshot, Supersession
from hailuo_batch.core.picks.picks import Mark, Pick
from hailuo_batch.core.picks.rerolls import Reroll, judge_rerolls
from hailuo_batch.core.planning.plan import Plan, PlanAction, PlanRequest
from hailuo_batch.ui.rerolls import render_rerolls


def read_rerolls(path: Path | None, context: CampaignContext) -> tuple[Pick, ...]:
    """The re-rolls in the file, none without a file. Raises UsageError if it cannot be used for this campaign."""
    return () if path is None else load_picks(path, context).marked(Mark.REROLL)


def rerolls_of(request: PlanRequest, plan: Plan, snapshot: Snapshot) -> dict[Reroll, tuple[Pick, ...]]:
    """The re-rolls of a request by what becomes of them. `snapshot` is what the plan was made from."""
    changes = [change for change in plan.ledger_changes if isinstance(change, SupersedeRun)]
    keys = {change.key for change in changes if change.by is Supersession.REPLACE}
    replaced = frozenset(run.run_id for run in snapshot.runs if run.run_id is not None and run.key in keys)
    wanted = frozenset(line.take_id for line in plan.lines if line.action is not PlanAction.UNWANTED)
    # a kept plan replaces what it names and nothing else: a mark on what it keeps was left for later when it was made
    kept = frozenset(line.take_id for line in plan.lines if line.action is PlanAction.KEEP)
    by_plan = frozenset[str]() if request.replaceable is None else (kept & plan.scope) - request.replaceable
    later = plan.left_for_later | by_plan
    return {**judge_rerolls(request.rerolls, snapshot, wanted, replaced=replaced, later=later, scope=plan.scope)}


def tell_rerolls(source: Path | None, request: PlanRequest, plan: Plan, snapshot: Snapshot, frontend: Frontend) -> None:
    """Tell what becomes of the re-rolls of a file, None where none was given. Those that begin are in the plan."""
    if source is None:
        return
    for sentence in render_rerolls(rerolls_of(request, plan, snapshot), short_path(source)):
        frontend.remark(sentence)


def may_name_picks(request: PlanRequest, plan: Plan, snapshot: Snapshot) -> bool:
    """Whether the command that continues an apply may name its file of picks.

    It must pay for no more than the apply that prints it. A re-roll that had no video when that began could have one
    by the time the command is pasted, and would then be paid for. Those that began are in the ledger without the file.
    """
    return Reroll.NO_VIDEO not in rerolls_of(request, plan, snapshot)


def still_names_picks(request: PlanRequest, plan: Plan, snapshot: Snapshot) -> bool:
    """Whether the command that continues an apply, which ended with this snapshot, names its file of picks: as long as
    one of its re-rolls is not finished, unless another one would begin with it."""
    wanted = frozenset(line.take_id for line in plan.lines if line.action is not PlanAction.UNWANTED)
    later, scope = plan.left_for_later, plan.scope
    now = judge_rerolls(request.rerolls, snapshot, wanted, replaced=frozenset(), later=later, scope=scope)
    # with every change of the plan carried out, what the manifest asks for otherwise is superseded: what still counts
    # as edited is a video that came during the apply
    # rule picks_named_again
    return bool({Reroll.LATER, Reroll.UNDER_WAY} & now.keys()) and not {Reroll.NO_VIDEO, Reroll.EDITED} & now.keys()

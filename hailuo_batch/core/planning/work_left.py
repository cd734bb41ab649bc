"""Whether a plan leaves anything to do: to be sent or downloaded, or at least to be written down or renamed. Pure."""

from hailuo_batch.core.model.file_layout import Shelf
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.plan import Plan

_OPEN = frozenset({RunState.SUBMITTING, RunState.PENDING, RunState.PROCESSING, RunState.LOST})


def has_work(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether anything may have to be sent or downloaded."""
    return bool(plan.paying) or collects(plan, snapshot)


def collects(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether anything is under way that has to be followed to its end. Pays for nothing."""
    collected = (record for record in snapshot.takes if record.take.id in plan.collected)
    return any(_is_open(run) for record in collected for run in record.runs)


def changes_anything(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether an apply of this plan would leave anything other than it is."""
    # rule anything-to-do
    return bool(plan.steps) or has_work(plan, snapshot) or bool(Shelf(snapshot.runs).next_moves())


def _is_open(run: Run) -> bool:
    return run.state in _OPEN or (run.state is RunState.SUCCEEDED and not run.outputs_saved)

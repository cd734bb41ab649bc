"""The ledger as a reader sees it before anybody has written the receipts into it."""

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.recovery import CreateIntent, MissingAttempt
from hailuo_batch.core.planning.replay import _restore_attempt
from tests.helpers.snapshots import COST, STARTED_AT, take


def test_what_happened_to_a_run_after_its_create_is_restore_attempt_with_it() -> None:
    asked = take()
    intent = CreateIntent("create-x", STARTED_AT, asked.id, 1, asked.model, asked.input_json, None)
    later = (ev.RunSucceeded(("https://runbase.net/files/generated/0.mp4",)),)
    lost = MissingAttempt(
        intent, ev.RunCreated("run_x", COST), STARTED_AT, later_events=later, ended_at=STARTED_AT + 90.0
    )
    [run] = _restore_attempt(None, lost, -1, 1).runs
    assert (run.state, run.run_id, run.completed_at) == (RunState.SUCCEEDED, "run_x", STARTED_AT + 90.0)

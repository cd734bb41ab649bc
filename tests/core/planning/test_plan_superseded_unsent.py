"""A superseded attempt that proved unsent does not keep its take."""

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.states import RunState
from tests.core.planning_session import PlanningSession, take, wants

A, B = take("a", prompt="first"), take("b", prompt="second")


def test_a_superseded_attempt_that_proved_unsent_does_not_keep_its_take_from_being_forgotten(
    session: PlanningSession,
) -> None:
    session.apply_plan(wants(A, B))
    doubtful, _ = session.finish(RunState.IN_DOUBT, RunState.SUCCEEDED)
    session.apply_plan(wants(take("a", prompt="edited"), B))
    session.record_events(doubtful, ev.CreateNotSent("connection refused"))
    session.apply_plan(wants(B))
    assert [record.take.id for record in session.snapshot.takes] == ["b"]
    assert session.plan(wants(B)).ledger_changes == ()

"""`--limit`: at most so many takes are paid for, the first of the manifest; the rest is left for later."""

from dataclasses import replace

import pytest

from hailuo_batch.core.model.ledger_changes import SupersedeRun
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanAction, PlanRequest
from tests.core.planning_session import PlanningSession, paying, take, wants

A, B, C, D = (take(name, prompt=f"lamp {name}") for name in "abcd")
LATER = "left for later by --limit"


def test_the_first_of_the_manifest_are_paid_for_and_the_rest_is_held(session: PlanningSession) -> None:
    plan = session.plan(wants(C, A, B), PlanRequest(limit=2))
    assert [(line.take_id, str(line.action), line.reason) for line in plan.lines] == [
        ("c", "create", "new"),
        ("a", "create", "new"),
        ("b", "hold", LATER),
    ]
    assert plan.scope == {"c", "a"}
    assert plan.left_for_later == {"b"}


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_no_more_than_the_limit_are_paid_for(session: PlanningSession, limit: int) -> None:
    plan = session.plan(wants(A, B, C, D), PlanRequest(limit=limit))
    assert len(plan.paying) == min(4, limit)
    assert len(plan.left_for_later) == 4 - min(4, limit)


def test_what_only_leaves_out_takes_no_place(session: PlanningSession) -> None:
    plan = session.plan(wants(A, B, C), PlanRequest(only=("b", "c"), limit=1))
    assert [line.reason for line in plan.lines] == ["not selected by --only", "new", LATER]


@pytest.mark.parametrize("state", [RunState.PENDING, RunState.SUCCEEDED, RunState.IN_DOUBT, RunState.FAILED])
def test_what_is_made_already_is_not_limited(session: PlanningSession, state: RunState) -> None:
    session.apply_plan(wants(A))
    session.finish(state)
    plan = session.plan(wants(A, B, C), PlanRequest(limit=1))
    assert [line.take_id for line in plan.paying] == ["b"]
    assert plan.left_for_later == {"c"}
    assert {"a", "b"} == plan.scope


def test_a_run_that_an_edit_superseded_is_followed_though_its_take_is_left_for_later(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.PENDING)
    plan = session.plan(wants(A, take("b", prompt="edited")), PlanRequest(limit=0))
    assert plan.left_for_later == {"b"}
    assert plan.followed == {"a", "b"}


def test_the_same_command_repeated_goes_on_with_the_next(session: PlanningSession) -> None:
    made = []
    for _ in range(3):
        made.append(paying(session.apply_plan(wants(A, B, C, D), PlanRequest(limit=2))))
        _succeed(session, made[-1])
    assert made == [{"a", "b"}, {"c", "d"}, set()]


def _succeed(session: PlanningSession, ids: set[str]) -> None:
    for id_ in ids:
        session.bring_to(session.live(id_), RunState.SUCCEEDED)


def test_a_failed_run_that_is_left_for_later_stays_as_it_is(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.FAILED)
    wanted = wants(A, B, max_attempts=2)
    plan = session.plan(wanted, PlanRequest(limit=1))
    assert [(line.action, line.reason == LATER) for line in plan.lines] == [
        (PlanAction.CREATE, False),
        (PlanAction.HOLD, True),
    ]
    assert [change.key for change in plan.ledger_changes if isinstance(change, SupersedeRun)] == [session.live("a").key]


def test_what_is_in_doubt_is_resubmitted_within_the_limit_and_held_beyond_it(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.IN_DOUBT)
    lines = session.apply_plan(wants(A, B), PlanRequest(in_doubt=InDoubtPolicy.RESUBMIT, limit=1))
    assert paying(lines) == {"a"}
    assert lines["b"].action is PlanAction.HOLD
    assert session.live("b").state is RunState.IN_DOUBT


def test_a_replacement_begins_no_more_takes_than_the_limit_and_leaves_the_others_done(session: PlanningSession) -> None:
    campaign, request = wants(A, B, C), PlanRequest(replace=("*",), limit=2)
    session.apply_plan(campaign)
    session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(campaign, request)
    assert paying(lines) == {"a", "b"}
    assert (lines["c"].action, lines["c"].reason) == (PlanAction.HOLD, "left for later by --limit")
    (replacement,) = session.snapshot.replacements
    assert replacement.take_ids == {"a", "b"}
    assert session.live("c").state is RunState.SUCCEEDED
    _succeed(session, {"a"})
    assert paying(session.apply_plan(campaign, request)) == {"b"}
    _succeed(session, {"b"})
    assert not paying(session.apply_plan(campaign))
    assert [len(session.record_of(id_).runs) for id_ in "abc"] == [2, 2, 1]


def test_a_replacement_for_which_the_limit_leaves_nothing_is_not_remembered(session: PlanningSession) -> None:
    session.apply_plan(wants(B))
    session.finish(RunState.SUCCEEDED)
    assert paying(session.apply_plan(wants(A, B), PlanRequest(replace=("b",), limit=1))) == {"a"}
    assert session.snapshot.replacements == ()


def test_a_replacement_that_may_create_nothing_is_not_remembered(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    assert not paying(session.apply_plan(wants(A, B), PlanRequest(replace=("*",), limit=0)))
    assert session.snapshot.replacements == ()
    assert not paying(session.apply_plan(wants(A, B)))


def test_only_the_takes_that_may_be_paid_for_are(session: PlanningSession) -> None:
    """A kept plan that is applied again makes what it began with, and not the next takes of the manifest."""
    request = PlanRequest(limit=2, payable=frozenset("ab"))
    session.apply_plan(wants(A, B, C), request)
    _succeed(session, {"a"})
    plan = session.plan(wants(A, B, C), replace(request))
    assert [line.take_id for line in plan.paying] == ["b"]
    assert plan.left_for_later == {"c"}

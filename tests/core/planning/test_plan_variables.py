"""What a shot uses of its row decides about no payment, and to learn it is no change."""

import dataclasses

import pytest

from hailuo_batch.core.model.ledger_changes import WantTake
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.estimate import changes_anything
from hailuo_batch.core.planning.plan import make_plan
from hailuo_batch.values import Take
from tests.core.planning_session import PlanningSession, paying, take, wants

TEAL = take("a", prompt="a teal lamp", variables={"colour": "teal"})
RED = take("b", prompt="a red lamp", variables={"colour": "red"})
PLAIN = take("c")


def has_changes(known: Snapshot, *wanted: Take) -> bool:
    return changes_anything(make_plan(wants(*wanted), known), known)


def without_variables(known: Snapshot) -> Snapshot:
    """As a ledger from before they were kept is read."""
    old = (
        dataclasses.replace(record, take=dataclasses.replace(record.take, variables_json="{}"), knows_variables=False)
        for record in known.takes
    )
    return dataclasses.replace(known, takes=tuple(old))


@pytest.fixture
def made(session: PlanningSession) -> Snapshot:
    session.apply_plan(wants(TEAL, RED, PLAIN))
    session.finish(RunState.FAILED)
    return session.snapshot


def test_what_is_recorded_is_not_recorded_again(made: Snapshot) -> None:
    assert made.takes[0].take == TEAL
    assert make_plan(wants(TEAL, RED, PLAIN), made).ledger_changes == ()


def test_an_older_ledger_learns_them_which_is_no_change(made: Snapshot) -> None:
    old = without_variables(made)
    plan = make_plan(wants(TEAL, RED, PLAIN), old)
    assert plan.ledger_changes == (WantTake(TEAL, 0), WantTake(RED, 1))
    assert not plan.paying
    assert not changes_anything(plan, old)


@pytest.mark.parametrize(
    "wanted",
    [
        (RED, TEAL, PLAIN),
        (TEAL, RED),
        (dataclasses.replace(TEAL, tags=("spring",)), RED, PLAIN),
        (TEAL, RED, dataclasses.replace(PLAIN, tags=("spring",))),
        (TEAL, RED, PLAIN, take("d")),
    ],
    ids=["another order", "one take less", "another tag", "another tag elsewhere", "one take more"],
)
def test_whatever_else_is_new_is_a_change(made: Snapshot, wanted: tuple[Take, ...]) -> None:
    assert has_changes(without_variables(made), *wanted)
    assert has_changes(made, *wanted)


def test_another_name_for_a_variable_is_a_change_as_another_tag_is(made: Snapshot, session: PlanningSession) -> None:
    renamed = take("a", prompt="a teal lamp", variables={"tint": "teal"})
    assert has_changes(made, renamed, RED, PLAIN)
    assert paying(session.apply_plan(wants(renamed, RED, PLAIN))) == set()
    assert session.record_of("a").take == renamed

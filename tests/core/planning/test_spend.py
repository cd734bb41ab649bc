"""What was paid, what came back, and what is at risk."""

from dataclasses import replace

import pytest

from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.spend import Spend, count_creates, is_in_doubt, newest_costs, spend_of
from tests.helpers.snapshots import COST, STARTED_AT, record, run, snapshot, take

OTHER = take(model="other/model")


def known() -> Run:
    """A finished run that teaches the price, superseded or not, must not disturb what a test counts."""
    return run(RunState.SUCCEEDED)


@pytest.mark.parametrize(
    ("state", "money"),
    [
        (RunState.UNSENT, Spend(0, 0, 0, 0)),
        (RunState.REJECTED, Spend(0, 0, 0, 0)),
        (RunState.SUBMITTING, Spend(0, 0, 1, COST)),
        (RunState.IN_DOUBT, Spend(0, 0, 1, COST)),
        (RunState.PENDING, Spend(COST, 0, 0, 0)),
        (RunState.PROCESSING, Spend(COST, 0, 0, 0)),
        (RunState.SUCCEEDED, Spend(COST, 0, 0, 0)),
        (RunState.LOST, Spend(COST, 0, 0, 0)),
        (RunState.FAILED, Spend(COST, COST, 0, 0)),
    ],
)
@pytest.mark.parametrize("superseded_by", [None, *Supersession])
def test_what_a_run_costs_by_its_state_superseded_or_not(
    state: RunState, money: Spend, superseded_by: Supersession | None
) -> None:
    total = spend_of([known(), run(state, superseded_by=superseded_by)])
    assert total == replace(money, charged_micro_usd=money.charged_micro_usd + COST)


def test_a_run_given_up_still_costs_what_it_cost() -> None:
    assert spend_of([run(RunState.ABANDONED, run_id="run_x")]) == Spend(COST, 0, 0, 0)


def test_a_run_given_up_that_nobody_can_name_still_may_have_cost_money() -> None:
    abandoned = run(RunState.ABANDONED)
    assert is_in_doubt(abandoned)
    assert spend_of([known(), abandoned]) == Spend(COST, 0, 1, COST)


def test_no_runs_cost_nothing() -> None:
    assert spend_of([]) == Spend(0, 0, 0, 0)


def test_the_net_is_what_was_charged_less_what_came_back() -> None:
    money = spend_of([run(), run(RunState.FAILED), run(RunState.PENDING)])
    assert (money.charged_micro_usd, money.refunded_micro_usd, money.net_micro_usd) == (3 * COST, COST, 2 * COST)


def test_a_run_in_doubt_is_charged_nothing_while_it_is_in_doubt() -> None:
    assert spend_of([known(), run(RunState.IN_DOUBT)]).net_micro_usd == COST


def test_while_no_cost_is_known_what_is_in_doubt_has_no_amount() -> None:
    assert spend_of([run(RunState.IN_DOUBT), run(RunState.IN_DOUBT)]) == Spend(0, 0, 2, None)


def test_one_create_in_doubt_without_a_price_leaves_the_whole_amount_unknown() -> None:
    assert spend_of([known(), run(RunState.IN_DOUBT), run(RunState.IN_DOUBT, OTHER)]) == Spend(COST, 0, 2, None)


def test_an_unknown_cost_counts_as_the_newest_known_one_of_its_model() -> None:
    runs = [
        run(cost=40_000, at=STARTED_AT),
        run(cost=60_000, at=STARTED_AT + 10),
        run(RunState.PENDING, cost=None),
        run(RunState.IN_DOUBT, at=STARTED_AT - 10),
        run(of=OTHER, cost=999),
    ]
    assert spend_of(runs) == Spend(40_000 + 60_000 + 60_000 + 999, 0, 1, 60_000)


def test_a_failed_run_of_unknown_cost_comes_back_as_it_went() -> None:
    money = spend_of([known(), run(RunState.FAILED, cost=None)])
    assert money.net_micro_usd == COST


def test_the_newest_cost_is_that_of_the_create_sent_last_whatever_the_order() -> None:
    runs = [replace(run(cost=n), create_number=n) for n in (30, 10, 20)]
    assert newest_costs(runs) == newest_costs(reversed(runs)) == {"hailuo/pro": 30}


def test_a_clock_that_was_set_back_makes_no_older_price_the_newest() -> None:
    runs = [run(cost=28), run(cost=50, at=STARTED_AT - 400 * 86_400)]
    assert newest_costs(runs) == newest_costs(reversed(runs)) == {"hailuo/pro": 50}


def test_of_runs_whose_order_is_not_known_the_highest_cost_counts() -> None:
    runs = [replace(run(cost=cost), create_number=7) for cost in (28, 50, 14)]
    assert newest_costs(runs) == {"hailuo/pro": 50}


def test_each_model_has_its_own_price() -> None:
    assert newest_costs([run(cost=10), run(of=OTHER, cost=20), run(RunState.PENDING, cost=None)]) == {
        "hailuo/pro": 10,
        "other/model": 20,
    }


def test_a_cost_of_nothing_is_a_known_cost() -> None:
    assert newest_costs([run(cost=0)]) == {"hailuo/pro": 0}
    assert spend_of([run(cost=0), run(RunState.IN_DOUBT)]) == Spend(0, 0, 1, 0)


def test_what_was_created_in_between_is_what_made_a_run_or_may_have() -> None:
    old, waiting = run(), run(RunState.UNSENT)
    states = (RunState.PENDING, RunState.IN_DOUBT, RunState.FAILED, RunState.REJECTED)
    refused = replace(waiting, create_id="refused")
    before = snapshot(record(take(), old, waiting))
    after = snapshot(record(take(), old, refused, *map(run, states)))
    assert count_creates(before, after) == 3
    assert count_creates(after, after) == 0

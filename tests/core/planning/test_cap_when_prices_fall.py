"""The cap holds also while prices fall and answers overtake each other."""

from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.spend import spend_of
from tests.core.planning.test_cap import CapSession
from tests.helpers.snapshots import run


@given(
    some.lists(some.tuples(some.booleans(), some.integers(0, 5), some.integers(0, 3)), max_size=40),
    some.integers(0, 99),
)
def test_while_prices_only_fall_and_answers_overtake_each_other_the_cap_holds(
    moves: list[tuple[bool, int, int]], cap: int
) -> None:
    price, charged = 20, 20
    till = CapSession(cap, run(cost=price))
    under_way = []
    for is_create, which, fall in moves:
        price = max(0, price - fall)
        if is_create and (sent := till.create()) is not None:
            under_way.append((sent, price))
            charged += price
        elif not is_create and under_way:
            sent, paid = under_way.pop(which % len(under_way))
            till.answer(sent, ev.RunCreated(f"run_{sent.key}", paid))
        assert charged <= max(cap, 20)


def test_what_an_earlier_apply_left_in_doubt_counts_at_the_price_it_may_have_had() -> None:
    dear, doubtful, cheap = run(cost=280), run(RunState.IN_DOUBT, cost=None), run(cost=140)
    till = CapSession(1_000, dear, doubtful, cheap)
    assert till.cap.committed_micro_usd == 280 + 280 + 140
    sent = till.create()
    assert sent is not None
    assert till.cap.committed_micro_usd == 700 + 140, "what is on its way now costs what a run costs now"


def test_the_most_that_a_create_in_doubt_may_have_cost_is_the_highest_price_known() -> None:
    runs = (run(cost=280), run(RunState.IN_DOUBT, cost=None), run(cost=140))
    assert spend_of(runs).in_doubt_micro_usd == 280

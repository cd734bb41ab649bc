"""The cap holds also while prices fall and answers overtake each other."""

from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core import events as ev
from tests.core.test_cap import Till
from tests.helpers.snapshots import run


@given(
    some.lists(some.tuples(some.booleans(), some.integers(0, 5), some.integers(0, 3)), max_size=40),
    some.integers(0, 99),
)
def test_while_prices_only_fall_and_answers_overtake_each_other_the_cap_holds(
    moves: list[tuple[bool, int, int]], cap: int
) -> None:
    price, charged = 20, 20
    till = Till(cap, run(cost=price))
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

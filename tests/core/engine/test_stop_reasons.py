"""What is said where the cap stops an apply."""

from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.planning.cap import Cap
from tests.helpers.snapshots import COST, run


def test_what_to_raise_the_cap_to_is_said_where_all_prices_are_known() -> None:
    cap = Cap(COST)
    cap.on_run_changed(run(cost=COST))
    model, other = "hailuo/pro", "other/model"
    assert cap.needed_for([model, model]) == 3 * COST
    assert cap.needed_for([model, other]) is None
    known = stop_reasons.cap_reached(COST, COST, COST, 3 * COST)
    assert "raise limits.max_spend_usd or --max-spend to $0.84, which is what the runs that are left" in known.text
    unknown = stop_reasons.cap_reached(COST, COST, COST, None)
    assert unknown.text.endswith("raise limits.max_spend_usd or --max-spend.")

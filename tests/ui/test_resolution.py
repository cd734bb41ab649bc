"""What `resolve` says of one attempt, and of more than it can name."""

from hailuo_batch.core.model.states import RunState
from hailuo_batch.ui.resolution import abandoned_text, apply_hint, describe_runs, pays_again_text, resubmitted_text
from tests.helpers.snapshots import record, run, snapshot, take

HERO = take()
MANY = [take(f"shot-{number}") for number in range(12)]
DOUBTS = [run(RunState.IN_DOUBT, each) for each in MANY]
KNOWN = snapshot(*(record(of, doubt) for of, doubt in zip(MANY, DOUBTS, strict=True)), record(HERO, run(of=HERO)))
UNPRICED = snapshot(*(record(of, doubt) for of, doubt in zip(MANY, DOUBTS, strict=True)))


def test_of_many_ten_are_named_and_their_cost_is_added_up() -> None:
    assert describe_runs(KNOWN, DOUBTS).startswith("12 attempts chosen, which may have cost $3.36: shot-0, ")
    assert describe_runs(KNOWN, DOUBTS).endswith("shot-8, shot-9 and 2 more")
    assert pays_again_text(KNOWN, DOUBTS) == "Requesting them again pays for them again, at most $3.36"
    assert resubmitted_text(DOUBTS).startswith("The next apply requests 12 takes again, and pays for them: shot-0, ")
    assert abandoned_text(KNOWN, DOUBTS).startswith("12 attempts abandoned, which may have cost $3.36: shot-0, ")
    assert "whatever else is missing: `hailuo-batch apply MANIFEST`" in apply_hint(DOUBTS)


def test_a_price_that_nobody_knows_is_not_made_up() -> None:
    assert describe_runs(UNPRICED, DOUBTS[:1]) == "shot-0: attempt 1 is in doubt, of unknown cost"
    assert pays_again_text(UNPRICED, DOUBTS).endswith("an amount that is not known yet")
    lost = run(RunState.LOST, HERO)
    assert describe_runs(KNOWN, [lost, lost]) == "2 attempts chosen, $0.56 paid: hero"

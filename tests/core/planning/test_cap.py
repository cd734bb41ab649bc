"""The cap on net spend: never passed by a create that it admitted, while prices do not rise."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome, Event
from hailuo_batch.core.model.runs import Run, TakeRecord, fold
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.cap import Cap, StoppedByCap, stopped_by_cap
from hailuo_batch.core.planning.spend import spend_of
from tests.helpers.snapshots import COST, STARTED_AT, record, run, snapshot, take

MODEL = "hailuo/pro"
OTHER = "other/model"
LINK = ("https://runbase.net/files/generated/0.mp4",)


class CapSession:
    """A cap, and the creates that it admits, as an apply carries them along."""

    def __init__(self, cap: int | None, *runs: Run) -> None:
        self.cap = Cap(cap)
        self.runs: dict[int, Run] = {}
        self.clock = STARTED_AT
        for known in runs:
            self.on_run_changed(known)

    def on_run_changed(self, changed: Run) -> None:
        self.runs[changed.key] = changed
        self.cap.on_run_changed(changed)

    def create(self, model: str = MODEL) -> Run | None:
        """Send a create if the cap admits one: reserved, recorded and heard, as the driver does it."""
        if not self.cap.admits(model):
            return None
        unsent = run(RunState.UNSENT, take(model=model))
        self.on_run_changed(unsent)
        self.cap.reserve(unsent)
        return self.record(unsent, ev.CreateStarted(f"create-{unsent.key}"))

    def answer(self, sent: Run, outcome: CreateOutcome) -> Run:
        changed = self.record(sent, outcome)
        self.cap.release(changed)
        return changed

    def record(self, known: Run, event: Event) -> Run:
        self.clock += 1.0
        changed = fold(self.runs[known.key], event, self.clock)
        self.on_run_changed(
            replace(changed, create_number=known.key) if isinstance(event, ev.CreateStarted) else changed
        )
        return self.runs[known.key]


def test_without_a_cap_everything_is_admitted() -> None:
    session = CapSession(None, run(RunState.IN_DOUBT))
    assert all(session.create() for _ in range(5))
    assert not session.cap.waits_for_price(MODEL)


def test_creates_go_on_up_to_the_cap_and_not_beyond() -> None:
    session = CapSession(3 * COST, run())
    assert session.create()
    assert session.create()
    assert session.create() is None
    assert session.cap.committed_micro_usd == 3 * COST


def test_a_cap_of_nothing_admits_nothing() -> None:
    assert CapSession(0).create() is None


def test_the_first_create_goes_alone_to_teach_the_price() -> None:
    session = CapSession(10 * COST)
    first = session.create()
    assert first is not None
    assert session.create() is None
    assert session.cap.waits_for_price(MODEL)
    session.answer(first, ev.RunCreated("run_1", COST))
    assert session.create()
    assert session.cap.cost_of(MODEL) == COST


def test_nothing_follows_a_first_create_that_is_in_doubt() -> None:
    session = CapSession(10 * COST)
    first = session.create()
    assert first is not None
    doubtful = session.answer(first, ev.CreateUnanswered("timed out"))
    assert session.create() is None
    assert not session.cap.waits_for_price(MODEL)
    session.record(doubtful, ev.RunAbandoned("given up"))
    assert session.create() is None, "given up, it still may have cost money"


def test_a_first_create_without_a_cost_is_waited_for_until_its_end_teaches_one() -> None:
    session = CapSession(10 * COST)
    first = session.create()
    assert first is not None
    session.answer(first, ev.RunCreated("run_1", None))
    assert session.create() is None
    assert session.cap.waits_for_price(MODEL)
    session.record(first, ev.RunSucceeded(LINK, cost_micro_usd=COST))
    assert session.create()


def test_a_first_create_that_never_reports_its_cost_is_not_waited_for() -> None:
    session = CapSession(10 * COST)
    first = session.create()
    assert first is not None
    session.answer(first, ev.RunCreated("run_1", None))
    session.record(first, ev.RunSucceeded(LINK))
    assert session.create() is None
    assert not session.cap.waits_for_price(MODEL)


@pytest.mark.parametrize(
    "outcome",
    [
        ev.CreateNotSent("connection refused"),
        ev.CreateRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait"),
        ev.InputRejected("invalid_input", "no prompt"),
    ],
)
def test_a_first_create_that_made_nothing_lets_the_next_one_teach(outcome: CreateOutcome) -> None:
    session = CapSession(10 * COST)
    first = session.create()
    assert first is not None
    session.answer(first, outcome)
    assert session.cap.committed_micro_usd == 0
    assert session.create()


def test_another_models_price_teaches_nothing() -> None:
    session = CapSession(10 * COST, run())
    assert session.create(OTHER)
    assert session.create(OTHER) is None
    assert session.cap.waits_for_price(OTHER)


def test_a_refund_makes_room_and_what_is_lost_or_given_up_does_not() -> None:
    session = CapSession(2 * COST, run(RunState.PENDING), run(RunState.PENDING))
    assert session.create() is None
    first, second = session.runs.values()
    session.record(first, ev.RunLost())
    assert session.create() is None
    session.record(first, ev.RunAbandoned("given up"))
    assert session.create() is None
    session.record(second, ev.RunFailed("broke"))
    assert session.create()


def test_what_is_in_doubt_counts_with_the_newest_cost() -> None:
    session = CapSession(500, run(RunState.IN_DOUBT), run(cost=100, at=STARTED_AT))
    assert session.cap.committed_micro_usd == 200
    session.on_run_changed(run(cost=150, at=STARTED_AT + 5))
    assert session.cap.committed_micro_usd == 100 + 150 + 150
    assert session.create() is None


def test_a_price_that_rose_while_the_clock_was_set_back_counts() -> None:
    session = CapSession(150, run(cost=28), run(cost=50, at=STARTED_AT - 400 * 86_400))
    assert session.cap.cost_of(MODEL) == 50
    assert session.create()
    assert session.create() is None


def test_a_run_that_is_received_again_is_counted_once() -> None:
    session = CapSession(10 * COST)
    known = run(RunState.PENDING)
    for again in (known, known, replace(known, state=RunState.PROCESSING), known):
        session.on_run_changed(again)
    assert session.cap.committed_micro_usd == COST


OUTCOMES = some.sampled_from(["created", "unpriced", "unanswered", "refused", "rejected", "not sent"])
MOVES = some.lists(
    some.tuples(some.sampled_from(["create", "create", "answer", "end"]), some.integers(0, 99), OUTCOMES), max_size=60
)
PRICE = 7
ENDS: list[Event] = [ev.RunFailed("broke"), ev.RunSucceeded(LINK, PRICE), ev.RunSucceeded(LINK), ev.RunLost()]


def outcome_of(kind: str, run_id: str) -> CreateOutcome:
    made: dict[str, CreateOutcome] = {
        "created": ev.RunCreated(run_id, PRICE),
        "unpriced": ev.RunCreated(run_id, None),
        "unanswered": ev.CreateUnanswered("timed out"),
        "refused": ev.CreateRefused(ev.Refusal.RATE, "RATE_LIMITED", "wait"),
        "rejected": ev.InputRejected("invalid_input", "no prompt"),
        "not sent": ev.CreateNotSent("connection refused"),
    }
    return made[kind]


def most_it_cost(paid: Run) -> int:
    """What this run cost at the most, by all that anybody can know."""
    nothing = {RunState.UNSENT, RunState.REJECTED, RunState.FAILED}
    return 0 if paid.state in nothing else PRICE


@given(MOVES, some.integers(0, 60), some.booleans())
def test_whatever_comes_of_the_creates_the_cap_holds(
    moves: list[tuple[str, int, str]], cap: int, price_is_known: bool
) -> None:
    session = CapSession(cap, *([run(RunState.FAILED, cost=PRICE)] if price_is_known else []))
    under_way: list[Run] = []
    for what, which, kind in moves:
        open_runs = [known for known in session.runs.values() if known.state is RunState.PENDING]
        if what == "create" and (sent := session.create()) is not None:
            under_way.append(sent)
        elif what == "answer" and under_way:
            sent = under_way.pop(which % len(under_way))
            session.answer(sent, outcome_of(kind, f"run_{sent.key}"))
        elif what == "end" and open_runs:
            session.record(open_runs[which % len(open_runs)], ENDS[which % 4])
        at_most = sum(map(most_it_cost, session.runs.values()))
        taught_alone = at_most == PRICE and cap > 0 and not price_is_known
        assert at_most <= cap or taught_alone
        if session.cap.cost_of(MODEL) is not None:
            assert session.cap.committed_micro_usd == at_most
        money = spend_of(session.runs.values())
        assert money.net_micro_usd + (money.in_doubt_micro_usd or 0) <= max(cap, PRICE)


@given(
    some.lists(some.tuples(some.booleans(), some.integers(0, 5), some.integers(0, 3)), max_size=40),
    some.integers(0, 99),
)
def test_while_prices_only_fall_the_cap_holds(moves: list[tuple[bool, int, int]], cap: int) -> None:
    price, charged = 20, 20
    session = CapSession(cap, run(cost=price))
    under_way: list[Run] = []
    for is_create, which, fall in moves:
        if is_create and (sent := session.create()) is not None:
            under_way.append(sent)
        elif not is_create and under_way:
            price = max(0, price - fall)
            sent = under_way.pop(which % len(under_way))
            session.answer(sent, ev.RunCreated(f"run_{sent.key}", price))
            charged += price
        assert charged <= max(cap, 20)


def test_what_is_left_needs_so_much() -> None:
    done, waiting = run(cost=COST), run(RunState.UNSENT, take("desk"))
    known = snapshot(record(take(), done), record(take("desk"), waiting), TakeRecord(take("old"), False, ()))
    scope = frozenset({"hero", "desk", "old"})
    assert stopped_by_cap(known, 2 * COST - 1, scope) == StoppedByCap(1, 2 * COST - 1, 2 * COST)
    assert stopped_by_cap(known, 2 * COST, scope) is None
    assert stopped_by_cap(known, 1, frozenset({"hero"})) is None
    assert stopped_by_cap(known, None, scope) is None
    unpriced = snapshot(record(take("desk"), waiting))
    assert stopped_by_cap(unpriced, 1, scope) is None

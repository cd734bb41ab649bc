"""`--limit` in the engine: never more creates are sent than that, but for those that provably made nothing."""

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import CreateRun
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import ManualEngine, unsent

FAILED = ev.RunFailed("the model broke")


def limited(takes: int, limit: int, attempts: int = 3) -> ManualEngine:
    return ManualEngine(unsent(takes), Settings(max_creates=limit, max_attempts=attempts))


def all_creates(engine: ManualEngine) -> list[CreateRun]:
    """Every create that the engine sends, each answered with a run."""
    sent = []
    for _ in range(10):
        creates = engine.creates(20.0)
        sent += creates
        for create in creates:
            engine.created(create)
    return sent


def test_no_more_creates_are_sent_than_the_limit_and_then_it_says_why() -> None:
    engine = limited(5, 3)
    assert len(all_creates(engine)) == 3
    assert ExitCode.UNFINISHED in engine.exit_codes()
    assert any("--limit 3 is reached" in notice for notice in engine.notices)


def test_where_all_creates_fit_nothing_is_said() -> None:
    engine = limited(3, 3)
    assert len(all_creates(engine)) == 3
    assert not engine.exit_codes()


def test_a_failed_run_is_not_made_again_beyond_the_limit() -> None:
    engine = limited(1, 1)
    (create,) = engine.creates()
    engine.created(create)
    engine.answer(engine.wait_for_read(), FAILED)
    assert not all_creates(engine)
    assert any("--limit 1 is reached, so the next apply repeats it" in notice for notice in engine.notices)
    assert [known.state for known in engine.runs.values()] == [RunState.FAILED]  # no attempt is promised
    assert engine.engine.is_finished


def test_a_failed_run_that_is_made_again_counts() -> None:
    engine = limited(1, 2)
    (create,) = engine.creates()
    engine.created(create)
    engine.answer(engine.wait_for_read(), FAILED)
    (again,) = engine.creates(20.0)
    engine.created(again)
    engine.answer(engine.wait_for_read(), FAILED)
    assert not all_creates(engine)
    assert len(engine.runs) == 2


def test_takes_that_wait_come_before_another_attempt() -> None:
    engine = ManualEngine(unsent(2), Settings(max_creates=2, max_attempts=3, max_in_flight=1))
    (first,) = engine.creates()
    engine.created(first)
    engine.answer(engine.wait_for_read(), FAILED)
    (second,) = engine.creates(20.0)
    assert second.run.take_id == "shot-1"


@pytest.mark.parametrize(
    "nothing",
    [
        ev.CreateNotSent("connection refused"),
        ev.CreateRefused(ev.Refusal.RATE, "RATE_LIMITED", "slow down"),
    ],
)
def test_what_provably_made_nothing_does_not_count(nothing: ev.Outcome) -> None:
    engine = limited(1, 1)
    (create,) = engine.creates()
    engine.answer(create, nothing)
    assert len(all_creates(engine)) == 1


def test_a_rejected_input_leaves_its_place_to_another_attempt() -> None:
    engine = limited(2, 2)
    first, second = engine.creates()
    engine.answer(first, ev.InputRejected("invalid_input", "no prompt"))
    engine.created(second)
    engine.answer(engine.wait_for_read(), FAILED)
    assert len(all_creates(engine)) == 1


def test_a_create_in_doubt_counts() -> None:
    engine = limited(2, 1)
    (create,) = engine.creates()
    engine.answer(create, ev.CreateUnanswered("timed out"))
    assert not all_creates(engine)


def test_a_limit_of_nothing_collects_and_creates_nothing() -> None:
    engine = limited(2, 0)
    assert not all_creates(engine)
    assert engine.engine.is_finished

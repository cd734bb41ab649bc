"""An API that is away: what lasts stops at once while it has never answered, and everything else is waited out."""

import pytest

from hailuo_batch.core.engine.stop_reasons import StopScope
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.obstacles import Obstacle, remedy
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import ManualEngine, unsent
from tests.helpers.snapshots import STARTED_AT, run, take

LASTING = [obstacle for obstacle in Obstacle if obstacle.is_permanent]


def not_sent(obstacle: Obstacle) -> ev.ReadNotSent:
    return ev.ReadNotSent("no connection to runbase.net: a reason", obstacle, "HTTPS_PROXY")


def resumed(*, proven: bool) -> ManualEngine:
    return ManualEngine([run(RunState.PENDING, take("old"), at=STARTED_AT - 60)], proven=proven)


@pytest.mark.parametrize("obstacle", LASTING)
def test_what_no_waiting_mends_stops_at_the_first_try(obstacle: Obstacle) -> None:
    for hand in (ManualEngine(unsent(2), proven=False), resumed(proven=False)):
        hand.answer(hand.wait_for_read(), not_sent(obstacle))
        assert hand.decide(100.0) == []
        assert hand.exit_codes() == [ExitCode.UNFINISHED]
        [notice] = hand.notices
        assert "a reason. Nothing was sent, nothing was paid" in notice
        assert remedy(obstacle, "HTTPS_PROXY") in notice


@pytest.mark.parametrize("obstacle", LASTING)
def test_the_same_after_an_answer_is_reported_at_once_and_waited_out(obstacle: Obstacle) -> None:
    hand = resumed(proven=True)
    hand.answer(hand.wait_for_read(), not_sent(obstacle))
    [notice] = hand.notices
    assert "Trying again for up to 3m" in notice
    assert remedy(obstacle, "HTTPS_PROXY") in notice
    hand.answer(hand.wait_for_read(), ev.RunStarted())
    assert hand.exit_codes() == []


@pytest.mark.parametrize("outcome", [ev.ReadUnanswered("timed out"), ev.ReadNotSent("connection refused")])
@pytest.mark.parametrize("proven", [True, False])
def test_an_outage_is_reported_once_and_not_at_the_first_silence(outcome: Outcome, proven: bool) -> None:
    hand = resumed(proven=proven)
    for silences in range(1, 5):
        hand.answer(hand.wait_for_read(), outcome)
        assert len(hand.notices) == (silences > 1)
    hand.answer(hand.wait_for_read(), ev.RunStarted())
    for _ in range(2):
        hand.answer(hand.wait_for_read(), outcome)
    assert len(hand.notices) == 2, "another outage"
    assert hand.exit_codes() == []


def test_an_outage_that_lasts_ends_with_its_reason_and_what_would_mend_it() -> None:
    hand = resumed(proven=True)
    while not hand.engine.stop_reasons:
        for read in hand.reads():
            hand.answer(read, not_sent(Obstacle.PROXY_LOGIN))
        hand.now += 1.0
        assert hand.now < STARTED_AT + 600.0
    assert hand.engine.stop_scope is StopScope.REQUESTS
    assert "has not answered for 3m" in hand.engine.stop_reasons[0].text
    assert "name and password to HTTPS_PROXY" in hand.engine.stop_reasons[0].text

"""Which runs the engine asks about, and what their answers lead to."""

from dataclasses import replace

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.engine.stop_reasons import StopScope, signalled
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome, Refusal
from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import NEW_KEY, SUCCESS, ManualEngine, unsent
from tests.helpers.snapshots import COST, STARTED_AT, output, run, take

EARLIER = STARTED_AT - 600.0


@pytest.mark.parametrize("state", [RunState.PENDING, RunState.PROCESSING, RunState.LOST])
@pytest.mark.parametrize("superseded_by", [None, Supersession.EDIT])
def test_what_runs_is_followed_to_its_end_superseded_or_not(
    state: RunState, superseded_by: Supersession | None
) -> None:
    hand = ManualEngine([run(state, at=EARLIER, superseded_by=superseded_by)])
    assert len(hand.reads()) == 1


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.REJECTED, RunState.IN_DOUBT, RunState.ABANDONED])
def test_what_has_ended_or_has_no_id_is_not_asked_about(state: RunState) -> None:
    hand = ManualEngine([run(state, at=EARLIER)])
    assert hand.decide() == []
    assert hand.engine.is_finished


def test_a_take_that_is_not_collected_is_not_asked_about() -> None:
    hand = ManualEngine(
        [run(RunState.PENDING, take("a"), at=EARLIER), run(RunState.PENDING, take("b"), at=EARLIER)], collected={"b"}
    )
    assert [read.run.take_id for read in hand.reads()] == ["b"]


def test_a_finished_campaign_asks_nothing() -> None:
    hand = ManualEngine([run(), run(RunState.FAILED, take("b"))])
    assert hand.decide() == []
    assert hand.engine.is_finished


def test_reads_go_on_among_many_creates() -> None:
    hand = ManualEngine([*unsent(40), run(RunState.PENDING, take("old"), at=EARLIER)], Settings(rate_limit=40))
    asked: list[str] = []
    while len(asked) < 30:
        for action in hand.decide():
            asked.append(action.run.take_id)
            is_read = isinstance(action, act.ReadRun)
            hand.answer(action, ev.RunStarted() if is_read else ev.RunCreated(f"run_{action.run.key}", COST))
    assert "old" in asked
    assert asked.count("old") < 6


def test_a_lost_run_is_asked_about_once_more_in_every_apply() -> None:
    hand = ManualEngine([run(RunState.LOST, at=EARLIER)])
    (read,) = hand.reads()
    assert hand.answer(read, ev.RunMissing()).state is RunState.LOST
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished
    assert "marked lost" in hand.notices[0]


def test_a_lost_run_that_is_known_again_goes_on() -> None:
    hand = ManualEngine([run(RunState.LOST, at=EARLIER)])
    (read,) = hand.reads()
    assert hand.answer(read, ev.RunStarted()).state is RunState.PROCESSING
    assert not hand.engine.is_finished


def test_a_run_that_the_api_denies_is_asked_about_until_it_is_lost() -> None:
    hand = ManualEngine([run(RunState.PENDING, at=EARLIER)])
    reads = 0
    while not hand.engine.is_finished:
        known = hand.answer(hand.wait_for_read(), ev.RunMissing())
        reads += 1
    assert known.state is RunState.LOST
    assert reads >= 5
    assert hand.now - STARTED_AT >= 10.0


@pytest.mark.parametrize(
    "outcome", [ev.ReadUnanswered("timed out"), ev.ReadNotSent("connection refused"), ev.StatusUnknown("dreaming")]
)
def test_a_read_that_taught_nothing_is_harmless_and_repeated(outcome: Outcome) -> None:
    before = run(RunState.PROCESSING, at=EARLIER)
    hand = ManualEngine([before])
    assert replace(hand.answer(hand.wait_for_read(), outcome), reason=None) == before
    assert hand.wait_for_read().run.key == before.key


def test_an_unknown_status_is_reported_once() -> None:
    hand = ManualEngine([run(RunState.PROCESSING, at=EARLIER)])
    for _ in range(3):
        hand.answer(hand.wait_for_read(), ev.StatusUnknown("dreaming"))
    assert sum("'dreaming'" in text for text in hand.notices) == 1


def test_a_silent_api_is_called_gone_after_a_while() -> None:
    hand = ManualEngine([run(RunState.PENDING, at=EARLIER)])
    while not hand.engine.is_finished:
        for read in hand.reads():
            hand.answer(read, ev.ReadUnanswered("timed out"))
        if not hand.engine.is_finished:
            hand.sleep()
    assert 180 <= hand.now - STARTED_AT <= 600
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert "has not answered" in hand.engine.stop_reasons[0].text


@pytest.mark.parametrize(
    ("refusal", "scope"), [(Refusal.KEY_SPEND, StopScope.CREATES), (Refusal.ACCOUNT, StopScope.REQUESTS)]
)
def test_a_refused_read_stops_as_much_as_it_touches_and_changes_no_run(refusal: Refusal, scope: StopScope) -> None:
    before = run(RunState.PENDING, at=EARLIER)
    hand = ManualEngine([before])
    assert hand.answer(hand.wait_for_read(), ev.ReadRefused(refusal, "some_code", "some message")) == before
    assert (hand.engine.stop_scope, hand.exit_codes()) == (scope, [ExitCode.ACCOUNT])
    assert hand.engine.is_finished is (scope is StopScope.REQUESTS)


def test_reads_refused_for_the_rate_hold_the_key_for_longer_each_time() -> None:
    hand = ManualEngine([run(RunState.PENDING, at=EARLIER)], Settings(rate_limit=400))
    for hold_s in (1.0, 2.0, 4.0, 8.0):
        hand.answer(hand.wait_for_read(), ev.ReadRefused(Refusal.RATE, "RATE_LIMITED", "wait"))
        assert hand.engine.windows[1].next_free_at(hand.now) - hand.now == pytest.approx(hold_s)


def test_waiting_ends_when_no_run_has_finished_for_the_time_allowed() -> None:
    hand = ManualEngine([run(RunState.PENDING, at=EARLIER)], Settings(run_timeout_s=100.0))
    while not hand.engine.is_finished:
        for read in hand.reads():
            hand.answer(read, ev.RunStarted())
        if not hand.engine.is_finished:
            hand.sleep()
    assert 100.0 <= hand.now - STARTED_AT <= 105.0
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert (
        "no run has finished for 1m 40s, and 1 run is still open. It is paid for and recorded"
        in hand.engine.stop_reasons[0].text
    )


def test_every_run_that_finishes_grants_the_others_the_whole_time_again() -> None:
    hand = ManualEngine(
        [run(RunState.PENDING, take(shot), at=EARLIER) for shot in ("a", "b")], Settings(run_timeout_s=100.0)
    )
    hand.now += 90.0
    finishing, other = hand.reads()
    hand.answer(finishing, ev.RunFailed("the model broke"))
    hand.answer(other, ev.RunStarted())
    hand.decide(50.0)
    assert hand.engine.stop_reasons == []
    hand.decide(50.0)
    for read in hand.under_way:
        hand.answer(read, ev.RunStarted(), after_s=0.0)
    for read in hand.reads():
        hand.answer(read, ev.RunStarted())
    hand.decide()
    assert hand.engine.stop_scope is StopScope.REQUESTS


def test_a_time_out_does_not_stop_the_downloads() -> None:
    waiting = run(of=take("b"), outputs=(output(None),))
    hand = ManualEngine([run(RunState.PENDING, at=EARLIER), waiting], Settings(run_timeout_s=100.0))
    for read in hand.reads():
        hand.answer(read, ev.RunStarted())
    for read in hand.reads(after_s=200.0):
        hand.answer(read, ev.RunStarted())
    hand.decide()
    assert hand.engine.stop_scope is StopScope.REQUESTS
    assert not hand.engine.is_finished


def test_a_success_without_an_output_is_reported_and_asked_about_in_the_next_apply() -> None:
    hand = ManualEngine([run(RunState.PENDING, at=EARLIER)])
    done = hand.answer(hand.wait_for_read(), ev.RunSucceeded(()))
    assert done.take_state is TakeState.DOWNLOADING
    assert hand.engine.is_finished
    assert "gives no output" in hand.notices[0]
    again = ManualEngine([done])
    assert len(again.reads()) == 1


def test_a_new_key_asks_about_one_known_run_before_anything_else() -> None:
    hand = ManualEngine([*unsent(3), *(run(RunState.PENDING, take(shot), at=EARLIER) for shot in "ab")], NEW_KEY)
    (check,) = hand.decide()
    assert hand.decide(5.0) == []
    hand.answer(check, ev.RunStarted())
    assert len(hand.decide()) > 1


def test_a_new_key_that_does_not_know_the_runs_loses_none_of_them() -> None:
    before = run(RunState.PENDING, at=EARLIER)
    hand = ManualEngine([*unsent(3), before], NEW_KEY)
    (check,) = hand.decide()
    assert hand.answer(check, ev.RunMissing()) == before
    assert hand.decide(60.0) == []
    assert hand.exit_codes() == [ExitCode.ACCOUNT]
    assert hand.engine.is_finished


def test_a_new_key_with_nothing_to_ask_about_creates_at_once() -> None:
    assert ManualEngine(unsent(2), NEW_KEY).creates()


def test_progress_counts_takes_money_and_open_runs() -> None:
    hand = ManualEngine(
        [*unsent(2), run(of=take("a")), run(RunState.FAILED, take("b")), run(RunState.PENDING, take("c"))]
    )
    progress = hand.engine.progress(hand.now)
    assert progress.takes == 5
    assert progress.states == {
        TakeState.WAITING: 2,
        TakeState.DONE: 1,
        TakeState.FAILED: 1,
        TakeState.RUNNING: 1,
    }
    assert (progress.charged_micro_usd, progress.refunded_micro_usd) == (3 * COST, COST)
    assert (progress.open_runs, progress.active_downloads, progress.next_create_in_s) == (1, 0, 0.0)


def test_of_several_halts_the_furthest_counts_and_none_is_reported_twice() -> None:
    hand = ManualEngine(unsent(1))
    for code in (ExitCode.SIGINT, ExitCode.SIGINT):
        hand.engine.stop(signalled(code))
    assert hand.exit_codes() == [ExitCode.SIGINT]
    assert hand.engine.stop_scope is StopScope.ALL
    assert hand.engine.wake_at(hand.now) == float("inf")


def test_a_run_that_succeeds_is_downloaded_at_once() -> None:
    hand = ManualEngine([run(RunState.PENDING, at=EARLIER)])
    hand.answer(hand.wait_for_read(), SUCCESS)
    assert len(hand.fetches()) == 1

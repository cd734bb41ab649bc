"""An engine whose user has not agreed to pay creates nothing, and still sees to what is paid for."""

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import SUCCESS, ManualEngine, unsent
from tests.helpers.snapshots import COST, STARTED_AT, run, take

CODES = {Consent.MISSING: ExitCode.USAGE, Consent.DECLINED: ExitCode.UNFINISHED}
without = pytest.mark.parametrize("consent", [Consent.MISSING, Consent.DECLINED])


def under_way() -> Run:
    return run(RunState.PENDING, take("old"), at=STARTED_AT)


def test_who_states_nothing_has_not_agreed() -> None:
    assert Settings().consent is Consent.MISSING


@without
def test_nothing_is_created_and_what_runs_is_followed_and_downloaded(consent: Consent) -> None:
    hand = ManualEngine([*unsent(3), under_way()], consent=consent)
    read = None
    for _ in range(100):
        started = hand.decide(1.0)
        assert not [action for action in started if isinstance(action, act.CreateRun)]
        read = next((action for action in started if isinstance(action, act.ReadRun)), read)
        if read is not None:
            break
    assert read is not None
    hand.answer(read, SUCCESS)
    [fetch] = hand.fetches()
    hand.answer(fetch, ev.FileSaved(0, "old.mp4", 1, "0" * 64))
    assert not hand.creates(100.0)
    assert hand.engine.is_finished
    assert [reason.exit_code for reason in hand.engine.stop_reasons] == [CODES[consent]]


@without
def test_what_only_waits_to_be_paid_for_ends_it_at_once(consent: Consent) -> None:
    hand = ManualEngine(unsent(2), consent=consent)
    assert not hand.decide()
    assert hand.engine.is_finished


@without
def test_a_run_that_fails_is_not_made_again_and_no_attempt_is_prepared(consent: Consent) -> None:
    hand = ManualEngine([under_way()], Settings(max_attempts=2), consent=consent)
    reads: list[act.ReadRun] = []
    while not reads:
        reads = hand.reads(1.0)
    hand.answer(reads[0], ev.RunFailed("no luck"))
    assert not hand.engine.take_ledger_changes()
    assert not hand.creates(1.0)
    assert hand.engine.is_finished
    assert [reason.exit_code for reason in hand.engine.stop_reasons] == [CODES[consent]]
    assert any("nobody has agreed to pay" in text for text in hand.notices)


@without
def test_where_nothing_would_be_paid_for_nothing_is_missing(consent: Consent) -> None:
    hand = ManualEngine([under_way()], consent=consent)
    reads: list[act.ReadRun] = []
    while not reads:
        reads = hand.reads(1.0)
    hand.answer(reads[0], ev.RunFailed("no luck"))
    hand.decide()
    assert hand.engine.is_finished
    assert not hand.engine.stop_reasons


@without
def test_a_cap_that_admits_nothing_is_what_is_reported(consent: Consent) -> None:
    hand = ManualEngine([*unsent(1), run(of=take("old"))], Settings(cap_micro_usd=COST), consent=consent)
    assert not hand.creates()
    assert [reason.exit_code for reason in hand.engine.stop_reasons] == [ExitCode.ACCOUNT]


@without
def test_no_turn_among_those_who_use_the_key_is_asked_for(consent: Consent) -> None:
    assert not ManualEngine(unsent(1), consent=consent).engine.windows_to_share(STARTED_AT)
    assert ManualEngine(unsent(1)).engine.windows_to_share(STARTED_AT)

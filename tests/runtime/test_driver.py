"""The loop's order of writing and acting: what is on disk before what happens, whatever the disk does."""

from pathlib import Path

import pytest

from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.engine.stop_reasons import StopScope
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.disk_space import DiskNeed
from hailuo_batch.core.planning.recovery import CreateIntent, CreateResult
from hailuo_batch.errors import ExitCode, LedgerError
from tests.runtime.driver_stage import WatchedApply
from tests.sim.campaigns import VirtualWorkspace, campaign

ONE = campaign([("hero", "a lamp", 1)])
SIX = campaign([(f"shot-{number}", f"lamp {number}", 1) for number in range(6)])


def index_of(calls: list[str], *wanted: str) -> list[int]:
    return [calls.index(call) for call in wanted]


def codes(stage: WatchedApply) -> list[ExitCode]:
    return [reason.exit_code for reason in stage.engine.stop_reasons]


def states(stage: WatchedApply) -> list[TakeState]:
    return [record.state for record in stage.records.values()]


class FullDisk:
    """A disk that has room until so many times were looked."""

    def __init__(self, checks: int) -> None:
        self._checks = checks
        self.asked: list[DiskNeed] = []

    def shortage(self, need: DiskNeed, /) -> str:
        self.asked.append(need)
        return "3 MB are free" if len(self.asked) > self._checks else ""


# --- room ---


def test_no_create_is_written_or_sent_where_there_is_no_room_for_all_of_them(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX, room=FullDisk(0)) as stage:
        stage.driver.run()
        assert stage.receipts == ()
    assert stage.creates == []
    assert codes(stage) == [ExitCode.UNFINISHED]
    assert any("3 MB are free" in text and "Nothing more will be paid for" in text for text in stage.reporter.notices)
    assert set(states(stage)) == {TakeState.WAITING}


def test_room_is_looked_for_before_each_create_and_what_is_paid_for_is_collected(tmp_path: Path) -> None:
    full_disk = FullDisk(3)
    with WatchedApply(tmp_path, SIX, Settings(max_in_flight=1), room=full_disk) as stage:
        stage.driver.run()
        assert len([receipt for receipt in stage.receipts if isinstance(receipt, CreateIntent)]) == 2
    assert (full_disk.asked[0].runs, len(full_disk.asked)) == (6, 4)
    assert len(stage.creates) == 2
    assert sorted(states(stage)) == sorted([TakeState.DONE] * 2 + [TakeState.WAITING] * 4)
    assert codes(stage) == [ExitCode.UNFINISHED]


# --- the order of things ---


def test_a_create_is_written_sent_answered_written_and_only_then_received(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        stage.driver.run()
    assert stage.calls[:7] == [
        "receipts: intent of hero",
        "ledger: CreateStarted",
        "start: CreateRun of hero",
        "answer: RunCreated",
        "receipts: RunCreated",
        "ledger: RunCreated",
        "engine: RunCreated",
    ]
    assert states(stage) == [TakeState.DONE]


def test_who_listens_is_told_what_is_in_the_ledger_by_then(tmp_path: Path) -> None:
    told: list[str] = []

    def listen(run: Run, event: Event) -> None:
        told.append(f"{type(event).__name__}: {stage.calls[-1]}: {run.state}")

    with WatchedApply(tmp_path, ONE, on_recorded=listen) as stage:
        stage.driver.run()
    assert told[0] == "RunCreated: engine: RunCreated: pending"
    assert told[-1] == "FileSaved: engine: FileSaved: succeeded"


def test_who_breaks_while_listening_is_told_no_more_and_nothing_else_changes(tmp_path: Path) -> None:
    told: list[Event] = []

    def listen(_: Run, event: Event) -> None:
        told.append(event)
        raise RuntimeError("enough")

    with WatchedApply(tmp_path, ONE, on_recorded=listen) as stage:
        stage.driver.run()
    assert len(told) == 1
    assert states(stage) == [TakeState.DONE]


def test_a_file_is_in_the_ledger_before_the_engine_gets_it(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        stage.driver.run()
    assert stage.calls[-4:] == [
        "start: FetchFile of hero",
        "answer: FileSaved",
        "ledger: FileSaved",
        "engine: FileSaved",
    ]


def test_when_a_create_starts_others_can_read_its_intent_in_receipts_and_ledger(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        seen: list[tuple[RunState, bool]] = []

        def check(action: Action) -> None:
            if isinstance(action, act.CreateRun):
                run = stage.records[action.run.take_id].runs[0]
                assert run.create_id == action.run.create_id
                intents = {receipt.create_id for receipt in stage.receipts if isinstance(receipt, CreateIntent)}
                seen.append((run.state, run.create_id in intents))

        stage.watched.on_start = check
        stage.driver.run()
    assert seen == [(RunState.SUBMITTING, True)] * 6


def test_creates_that_start_together_are_written_in_one_go(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        stage.driver.run()
    assert stage.calls[:2] == [
        "receipts: intent of shot-0, shot-1, shot-2",
        "ledger: CreateStarted, CreateStarted, CreateStarted",
    ]


def test_a_poll_that_changed_nothing_is_not_written(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        stage.driver.run()
    assert stage.calls.count("answer: RunStarted") > 1
    assert stage.calls.count("ledger: RunStarted") == 1


def test_a_rename_is_in_the_ledger_before_it_begins(tmp_path: Path) -> None:
    before = VirtualWorkspace(tmp_path)
    before.apply(ONE)
    with WatchedApply(tmp_path, campaign([("hero", "another lamp", 1)]), after=before) as stage:
        stage.driver.run()
    moves = ["ledger: FileMoving", "start: MoveFile of hero", "ledger: FileMoved", "engine: FileMoved"]
    assert index_of(stage.calls, *moves) == sorted(index_of(stage.calls, *moves))


def test_the_reporter_is_never_left_alone_for_longer_than_a_tick(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE, tick_s=0.25) as stage:
        began = stage.clock.now()
        waits: list[float] = []
        real = stage.watched.wait

        def wait(timeout_s: float) -> list[object]:
            waits.append(timeout_s)
            return list(real(timeout_s))

        stage.watched.wait = wait  # type: ignore[method-assign,assignment]
        stage.driver.run()
    assert max(waits) <= 0.25
    assert len(waits) >= (stage.clock.now() - began) / 0.25


# --- what cannot be written beforehand is not sent ---


def test_without_receipts_nothing_is_sent(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        stage.files.receipts_work = lambda: False
        stage.driver.run()
        assert (stage.creates, stage.world.stats.creates) == ([], 0)
        assert (codes(stage), stage.receipts) == ([ExitCode.LEDGER], ())
        assert "Nothing is paid for while it cannot be recorded" in stage.reporter.notices[0]
    assert states(stage) == [TakeState.WAITING] * 6


def test_without_a_ledger_nothing_is_sent_and_the_receipts_report_it(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        stage.files.ledger_works = lambda: False
        stage.driver.run()
        assert (stage.creates, codes(stage)) == ([], [ExitCode.LEDGER])
        intent, result = stage.receipts
        assert isinstance(result, CreateResult)
        assert (result.create_id, type(result.outcome)) == (intent.create_id, ev.CreateNotSent)
    assert states(stage) == [TakeState.WAITING]
    stage.apply(ONE)
    assert states(stage) == [TakeState.DONE]


def test_a_disk_that_takes_the_intent_and_nothing_more_leaves_the_take_in_doubt(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        stage.files.ledger_works = lambda: False
        stage.files.receipts_work = lambda: not stage.receipts
        stage.driver.run()
        assert (stage.creates, len(stage.receipts)) == ([], 1)
    stage.apply(ONE)
    assert stage.world.stats.creates == 0
    assert states(stage) == [TakeState.IN_DOUBT]


def test_a_rename_that_cannot_be_written_beforehand_is_not_made(tmp_path: Path) -> None:
    before = VirtualWorkspace(tmp_path)
    before.apply(campaign([("a", "first", 1), ("b", "second", 1)]))
    with WatchedApply(tmp_path, campaign([("a", "second", 1), ("b", "first", 1)]), after=before) as stage:
        stage.files.ledger_works = lambda: False
        stage.driver.run()
    assert not [call for call in stage.calls if call.startswith("start")]
    assert "engine: MoveFailed" in stage.calls


# --- answers that cannot be written ---


def break_at_first_answer(stage: WatchedApply) -> None:
    """The ledger's disk breaks at the moment at which the first create is answered."""
    stage.watched.on_answer = lambda _: setattr(stage.files, "ledger_works", lambda: False)


def test_an_answer_that_the_ledger_refuses_is_in_the_receipts_and_on_the_screen(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        break_at_first_answer(stage)
        with pytest.raises(LedgerError, match="run the same command to continue") as caught:
            stage.driver.run()
        named = {
            receipt.outcome.run_id
            for receipt in stage.receipts
            if isinstance(receipt, CreateResult) and isinstance(receipt.outcome, ev.RunCreated)
        }
        assert named == set(stage.world.created)
        assert all(run_id in str(caught.value) for run_id in named)
        assert any("The ledger cannot be written" in text and " is run_" in text for text in stage.reporter.notices)


def test_while_an_answer_cannot_be_written_nothing_more_is_created(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        break_at_first_answer(stage)
        with pytest.raises(LedgerError):
            stage.driver.run()
    assert stage.creates == ["shot-0", "shot-1", "shot-2"]
    assert ExitCode.LEDGER in codes(stage)


def test_an_answer_that_could_never_be_written_is_taken_over_by_the_next_apply(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        break_at_first_answer(stage)
        with pytest.raises(LedgerError):
            stage.driver.run()
    stage.apply(SIX)
    assert stage.world.stats.creates == 6
    assert states(stage) == [TakeState.DONE] * 6


def test_writing_is_tried_again_about_once_a_second_and_then_given_up(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        break_at_first_answer(stage)
        began = stage.clock.now()
        with pytest.raises(LedgerError):
            stage.driver.run()
    assert stage.calls.count("ledger: RunCreated") == 11
    assert 9 < stage.clock.now() - began < 12


def test_a_disk_that_comes_back_costs_nothing_but_the_creates_not_made(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        back_at = stage.clock.now() + 4
        stage.watched.on_answer = lambda _: setattr(stage.files, "ledger_works", lambda: stage.clock.now() > back_at)
        stage.driver.run()
    assert states(stage) == [TakeState.DONE] * 3 + [TakeState.WAITING] * 3
    assert codes(stage) == [ExitCode.LEDGER]
    assert stage.clock.now() > back_at


def test_an_answer_that_only_the_receipts_refuse_is_kept_by_the_ledger(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        stage.watched.on_answer = lambda _: setattr(stage.files, "receipts_work", lambda: False)
        stage.driver.run()
    assert states(stage) == [TakeState.DONE] * 3 + [TakeState.WAITING] * 3
    assert (codes(stage), stage.creates) == ([ExitCode.LEDGER], ["shot-0", "shot-1", "shot-2"])


def test_where_no_disk_takes_an_answer_the_screen_is_the_last_to_know_the_run(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        stage.watched.on_answer = lambda _: stage.files.fail()
        with pytest.raises(LedgerError) as caught:
            stage.driver.run()
        (run_id,) = stage.world.created
        assert f"hero is {run_id}" in str(caught.value)
    stage.apply(ONE)
    assert stage.world.stats.creates == 1
    assert states(stage) == [TakeState.IN_DOUBT]


def test_a_retry_that_cannot_be_written_is_not_made(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE, Settings(max_attempts=2)) as stage:
        stage.world.settings = type(stage.world.settings)(fail_rate=1.0)
        stage.files.ledger_works = lambda: stage.calls[-1] != "ledger: SupersedeRun, AddAttempt"
        stage.driver.run()
    assert stage.creates == ["hero"]
    assert (states(stage), codes(stage)) == ([TakeState.FAILED], [ExitCode.LEDGER])


# --- stopping ---


def test_a_stop_lets_what_is_under_way_end_and_be_recorded(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        stage.watched.on_start = lambda _: stage.driver.request_stop(stop_reasons.signalled(ExitCode.SIGINT))
        stage.driver.run()
    assert stage.creates == ["shot-0", "shot-1", "shot-2"]
    assert states(stage) == [TakeState.RUNNING] * 3 + [TakeState.WAITING] * 3
    assert "cancel fetches" in stage.calls
    assert codes(stage) == [ExitCode.SIGINT]
    assert stage.engine.stop_scope is StopScope.ALL


def test_a_stop_before_the_first_turn_sends_nothing(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        stage.driver.request_stop(stop_reasons.signalled(ExitCode.SIGTERM))
        stage.driver.run()
    assert (stage.creates, stage.receipts) == ([], ())
    assert codes(stage) == [ExitCode.SIGTERM]


def test_a_stop_while_the_ledger_cannot_be_written_still_tries_to_write(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, ONE) as stage:
        break_at_first_answer(stage)
        stage.watched.on_start = lambda _: stage.driver.request_stop(stop_reasons.signalled(ExitCode.SIGINT))
        with pytest.raises(LedgerError):
            stage.driver.run()
    assert stage.calls.count("ledger: RunCreated") == 11


def test_a_bug_in_a_doer_is_raised_once_all_that_was_under_way_is_recorded(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        stage.watched.bug = ZeroDivisionError("a doer broke")
        with pytest.raises(ZeroDivisionError, match="a doer broke"):
            stage.driver.run()
    assert stage.creates == ["shot-0", "shot-1", "shot-2"]
    assert states(stage) == [TakeState.IN_DOUBT] * 3 + [TakeState.WAITING] * 3
    assert [type(receipt).__name__ for receipt in stage.receipts] == ["CreateIntent"] * 3 + ["CreateResult"] * 3

"""Whole campaigns in virtual time: the real driver, engine and ledger against the sandbox's world."""

from pathlib import Path

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model.actions import CreateRun
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.plan import PlanAction
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.world import Window, WorldSettings
from hailuo_batch.values import Limits
from tests.sim.campaigns import VirtualWorkspace, campaign
from tests.sim.executor import KEY

SIX = [("hero", "a lamp", 1), ("teal", "a teal lamp", 2), ("brass", "a brass lamp", 3)]


@pytest.mark.parametrize("window", list(Window))
@pytest.mark.few(1)
def test_a_hundred_takes_are_made_without_one_429(tmp_path: Path, window: Window) -> None:
    studio = VirtualWorkspace(tmp_path, WorldSettings(window=window))
    shots = [(f"shot-{number}", f"lamp number {number}", 1) for number in range(100)]
    _, engine, executor = studio.apply(campaign(shots))
    assert {record.state for record in studio.snapshot().takes} == {TakeState.DONE}
    assert studio.world.stats.rate_limited == 0
    assert sum(isinstance(action, CreateRun) for _, action in executor.sent) == 100
    assert len(studio.disk.files) == 100
    assert not engine.stop_reasons


def test_a_finished_campaign_sends_nothing(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path)
    studio.apply(campaign(SIX))
    plan, _, executor = studio.apply(campaign(SIX))
    assert executor.sent == []
    assert plan.ledger_changes == ()
    assert {line.action for line in plan.lines} == {PlanAction.KEEP}


def test_one_changed_prompt_is_one_create_and_the_old_file_is_kept(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path)
    studio.apply(campaign(SIX))
    before = dict(studio.disk.files)
    _, _, executor = studio.apply(campaign([("hero", "another lamp", 1), *SIX[1:]]))
    assert [action.run.take_id for _, action in executor.sent if isinstance(action, CreateRun)] == ["hero"]
    old = studio.snapshot().takes[0].runs[0]
    assert studio.disk.files[f"superseded/hero.{old.run_id}.mp4"] == before["hero.mp4"]
    assert studio.disk.files["hero.mp4"] != before["hero.mp4"]


def test_a_prompt_that_is_changed_back_costs_nothing(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path)
    studio.apply(campaign(SIX))
    before = dict(studio.disk.files)
    studio.apply(campaign([("hero", "another lamp", 1), *SIX[1:]]))
    _, _, executor = studio.apply(campaign(SIX))
    assert executor.sent == []
    assert studio.disk.files["hero.mp4"] == before["hero.mp4"]


def test_two_shots_that_swap_names_swap_their_files_and_pay_nothing(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path)
    studio.apply(campaign([("a", "first", 1), ("b", "second", 1)]))
    before = dict(studio.disk.files)
    _, _, executor = studio.apply(campaign([("a", "second", 1), ("b", "first", 1)]))
    assert executor.sent == []
    assert studio.disk.files == {"a.mp4": before["b.mp4"], "b.mp4": before["a.mp4"]}


def test_an_empty_balance_stops_creating_and_the_next_apply_goes_on(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path, WorldSettings(balance_micro_usd=3 * 280_000))
    _, engine, _ = studio.apply(campaign(SIX))
    assert [reason.exit_code for reason in engine.stop_reasons] == [ExitCode.ACCOUNT]
    states = [record.state for record in studio.snapshot().takes]
    assert states.count(TakeState.DONE) == 3
    assert states.count(TakeState.WAITING) == 3
    studio.world.balances[KEY] = None
    studio.apply(campaign(SIX))
    assert {record.state for record in studio.snapshot().takes} == {TakeState.DONE}
    assert len(studio.world.created) == 6


def test_a_failed_run_is_made_again_up_to_the_attempts_allowed(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path, WorldSettings(fail_rate=1.0))
    wanted = campaign([("hero", "a lamp", 1)], Limits(max_attempts=3))
    studio.apply(wanted, Settings(max_attempts=3))
    record = studio.snapshot().takes[0]
    assert record.state is TakeState.FAILED
    assert len(record.runs) == len(studio.world.created) == 3
    _, _, executor = studio.apply(wanted, Settings(max_attempts=3))
    assert executor.sent == []


def test_the_cap_is_never_passed(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path)
    _, engine, _ = studio.apply(campaign(SIX), Settings(cap_micro_usd=1_000_000))
    assert len(studio.world.created) == 3
    assert engine.stop_reasons[0].exit_code is ExitCode.ACCOUNT


def test_no_more_runs_are_open_than_allowed(tmp_path: Path) -> None:
    studio = VirtualWorkspace(tmp_path)
    _, _, executor = studio.apply(campaign(SIX), Settings(max_in_flight=2))
    times = sorted(at for at, action in executor.sent if isinstance(action, CreateRun))
    assert len(times) == 6
    assert all(later - earlier > 20 for earlier, later in zip(times, times[2:], strict=False))

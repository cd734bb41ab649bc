"""Run IDs that come while nothing can be written are put on the screen when they come."""

from pathlib import Path

import pytest

from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model.actions import Action
from hailuo_batch.errors import LedgerError
from tests.runtime.driver_stage import WatchedApply
from tests.sim.campaigns import campaign

THREE = campaign([(f"shot-{number}", f"lamp {number}", 1) for number in range(3)])


def test_every_run_id_is_shown_when_it_comes(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, THREE) as stage:
        stage.watched.on_answer = lambda _: stage.files.fail()
        with pytest.raises(LedgerError):
            stage.driver.run()
    shown = " ".join(stage.reporter.notices)
    assert [run_id for run_id in stage.world.created if run_id not in shown] == []


def test_where_no_run_id_is_unrecorded_it_is_reported_once_that_the_ledger_cannot_be_written(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, THREE) as stage:

        def break_at_a_read(action: Action) -> None:
            if isinstance(action, act.ReadRun):
                stage.files.fail()

        stage.watched.on_answer = break_at_a_read
        with pytest.raises(LedgerError, match="run the same command to continue"):
            stage.driver.run()
    assert [text.partition(":")[0] for text in stage.reporter.notices] == ["Stopped creating", "Stopped"]

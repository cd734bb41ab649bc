"""What goes wrong around the driver's loop, and inside it, takes no answer with it that was paid for."""

import errno
from pathlib import Path

import pytest

from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.errors import ExitCode
from tests.runtime.driver_stage import WatchedApply
from tests.sim.campaigns import campaign

SIX = campaign([(f"shot-{number}", f"prompt {number}", 1) for number in range(6)])


class Broken:
    """A reporter that cannot report."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.calls = 0

    def update(self, progress: Progress) -> None:
        self._fail()

    def notice(self, notice: Notice) -> None:
        self._fail()

    def close(self) -> None:
        self._fail()

    def _fail(self) -> None:
        self.calls += 1
        raise self.failure


def states(stage: WatchedApply) -> list[TakeState]:
    return [record.state for record in stage.records.values()]


def codes(stage: WatchedApply) -> list[ExitCode]:
    return [reason.exit_code for reason in stage.engine.stop_reasons]


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), ZeroDivisionError(), MemoryError()], ids=repr)
def test_a_reporter_that_fails_is_silent_from_then_on_and_stops_nothing(tmp_path: Path, failure: Exception) -> None:
    reporter = Broken(failure)
    with WatchedApply(tmp_path, SIX, reporter=reporter) as stage:
        stage.driver.run()
    assert states(stage) == [TakeState.DONE] * 6
    assert (codes(stage), reporter.calls) == ([], 1)


def test_a_reporter_whose_reader_has_gone_stops_it_as_sighup_does(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX, reporter=Broken(BrokenPipeError(errno.EPIPE, "gone"))) as stage:
        stage.driver.run()
    assert codes(stage) == [ExitCode.SIGTERM]
    assert states(stage) == [TakeState.RUNNING] * 3 + [TakeState.WAITING] * 3


def test_answers_that_a_broken_engine_cannot_receive_are_taken_over_by_the_next_apply(tmp_path: Path) -> None:
    with WatchedApply(tmp_path, SIX) as stage:
        stage.engine.breaks = ZeroDivisionError("an engine broke")
        with pytest.raises(ZeroDivisionError, match="an engine broke"):
            stage.driver.run()
        assert len(stage.world.created) == 3
        assert [type(receipt).__name__ for receipt in stage.receipts].count("CreateResult") == 3
    stage.apply(SIX)
    assert states(stage) == [TakeState.DONE] * 6
    assert stage.world.stats.creates == 6

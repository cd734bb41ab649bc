"""The page while an apply works: often enough, cheap enough, and never in the apply's way."""

import threading
from collections.abc import Iterator

import pytest

from hailuo_batch.app.reports import MIN_INTERVAL_S, LivePageObserver
from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import LedgerError, OutputError
from tests.helpers.snapshots import snapshot
from tests.helpers.timeouts import TEST_TIMEOUT_S

PROGRESS = Progress(1, {}, 0, 0, 0, 0, None)


class FakeObserver:
    """A keeper whose clock and pages are in the test's hands; a page takes `page_s`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.page_s = 0.0
        self.looks = 0
        self.pages: list[Snapshot] = []
        self.fails: Exception | None = None
        self.reported: list[str] = []
        self.keeper = LivePageObserver(self, self.read, self.write, lambda: self.now)

    def read(self) -> Snapshot:
        self.looks += 1
        if isinstance(self.fails, LedgerError):
            raise self.fails
        return snapshot()

    def write(self, seen: Snapshot) -> None:
        self.now += self.page_s
        if self.fails is not None:
            raise self.fails
        self.pages.append(seen)

    def update(self, progress: Progress) -> None:
        self.reported.append("update")

    def notice(self, notice: Notice) -> None:
        self.reported.append(notice.text)

    def close(self) -> None:
        self.reported.append("close")

    def let_pass(self, duration_s: float) -> int:
        """Go on for so long, in quarter seconds. Returns how many pages were written."""
        before, until = len(self.pages), self.now + duration_s
        while self.now < until:
            self.now += 0.25
            self.keeper.update(PROGRESS)
            if self.keeper._writer is not None:
                self.keeper._writer.join()
        return len(self.pages) - before


@pytest.fixture
def observer() -> Iterator[FakeObserver]:
    observer = FakeObserver()
    yield observer
    observer.keeper.close()


def test_a_page_comes_soon_and_then_every_few_seconds(observer: FakeObserver) -> None:
    assert observer.let_pass(2.0) == 1
    assert observer.let_pass(10 * MIN_INTERVAL_S) in {9, 10}


def test_pages_take_no_more_than_a_twentieth_of_the_time(observer: FakeObserver) -> None:
    observer.page_s = 2.0
    spent = observer.let_pass(1000.0) * observer.page_s
    assert 40 <= spent <= 50


@pytest.mark.parametrize("failure", [LedgerError("locked"), OutputError("full")])
def test_a_page_that_cannot_be_written_stops_nothing_and_is_tried_again(
    observer: FakeObserver, failure: Exception
) -> None:
    observer.fails = failure
    assert observer.let_pass(20.0) == 0
    observer.fails = None
    assert observer.let_pass(20.0) >= 3


def test_a_ledger_that_cannot_be_looked_at_is_left_alone_for_a_while(observer: FakeObserver) -> None:
    observer.fails = LedgerError("locked")
    observer.let_pass(4 * MIN_INTERVAL_S)
    assert observer.looks in {4, 5}


def test_everything_is_passed_on(observer: FakeObserver) -> None:
    observer.keeper.update(PROGRESS)
    observer.keeper.notice(Notice("careful"))
    observer.keeper.close()
    assert observer.reported == ["update", "careful", "close"]


def test_the_apply_goes_on_while_a_page_is_written_and_its_end_waits_for_it() -> None:
    observer, gate = FakeObserver(), threading.Event()
    written: list[Snapshot] = []

    def write(seen: Snapshot) -> None:
        gate.wait(TEST_TIMEOUT_S)
        written.append(seen)

    keeper = LivePageObserver(observer, snapshot, write, lambda: observer.now)
    for _ in range(40):
        observer.now += 1.0
        keeper.update(PROGRESS)
    assert (len(observer.reported), written) == (40, [])
    gate.set()
    keeper.close()
    assert len(written) == 1

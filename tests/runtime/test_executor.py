"""The threads: lanes that do not hold each other up, and an outcome for every action whatever its doer does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import CreateOutcome, FetchOutcome, MoveOutcome, Outcome, ReadOutcome
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import HailuoBatchError
from hailuo_batch.runtime.executor import Completion, ThreadExecutor
from tests.helpers.snapshots import run, take
from tests.helpers.timeouts import TEST_TIMEOUT_S

CREATE = act.CreateRun(run(RunState.SUBMITTING))
READ = act.ReadRun(run(RunState.PENDING, run_id="run_1"))
FETCH = act.FetchFile(run(), 0, "https://x/a.mp4", "hero")
MOVE = act.MoveFile(run(), 1, "hero.mp4", "teal.mp4")


class Doers:
    """An API, a downloader and a renamer in one. `breaks` raises in all; a fetch waits for `release` or the cancel."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.breaks: Exception | None = None
        self.release = threading.Event()
        self.fetching = threading.Semaphore(0)
        self.threads: set[str] = set()

    def _called(self, *call: object) -> None:
        self.calls.append(call)
        self.threads.add(threading.current_thread().name)
        if self.breaks is not None:
            raise self.breaks

    def create_run(self, model: str, input_json: str) -> CreateOutcome:
        self._called("create", model, input_json)
        return ev.RunCreated("run_1", 280_000)

    def read_run(self, run_id: str) -> ReadOutcome:
        self._called("read", run_id)
        return ev.RunStarted()

    def fetch(self, url: str, stem: str, index: int, cancelled: Callable[[], bool]) -> FetchOutcome:
        self._called("fetch", url, stem, index)
        self.fetching.release()
        while not self.release.wait(0.001):
            if cancelled():
                return ev.FetchCancelled()
        return ev.FileSaved(index, f"{stem}.mp4", 3, "ab" * 32)

    def move(self, index: int, source: str, target: str) -> MoveOutcome:
        self._called("move", index, source, target)
        return ev.FileMoved(index, target)


@contextmanager
def at_work(doers: Doers, api_threads: int = 2, fetch_threads: int = 2) -> Iterator[ThreadExecutor]:
    executor = ThreadExecutor({1: doers}, doers, doers, api_threads=api_threads, fetch_threads=fetch_threads)
    try:
        yield executor
    finally:
        doers.release.set()
        executor.close()


def collect(executor: ThreadExecutor, count: int) -> list[Completion]:
    completions: list[Completion] = []
    until = monotonic() + TEST_TIMEOUT_S
    while len(completions) < count:
        assert monotonic() < until, f"only {completions} came out"
        completions += executor.wait(TEST_TIMEOUT_S)
    return completions


@pytest.mark.parametrize(
    ("action", "call", "outcome"),
    [
        (CREATE, ("create", "hailuo/pro", take().input_json), ev.RunCreated("run_1", 280_000)),
        (READ, ("read", "run_1"), ev.RunStarted()),
        (FETCH, ("fetch", "https://x/a.mp4", "hero", 0), ev.FileSaved(0, "hero.mp4", 3, "ab" * 32)),
        (MOVE, ("move", 1, "hero.mp4", "teal.mp4"), ev.FileMoved(1, "teal.mp4")),
    ],
)
def test_an_action_comes_out_with_its_outcome(action: Action, call: tuple[object, ...], outcome: Outcome) -> None:
    doers = Doers()
    doers.release.set()
    with at_work(doers) as executor:
        executor.start(action)
        assert collect(executor, 1) == [Completion(action, outcome)]
    assert doers.calls == [call]


def test_slow_downloads_delay_no_request() -> None:
    doers = Doers()
    with at_work(doers, api_threads=1, fetch_threads=2) as executor:
        for _ in range(5):
            executor.start(FETCH)
        executor.start(READ)
        assert collect(executor, 1) == [Completion(READ, ev.RunStarted())]
        doers.release.set()
        assert {type(completion.outcome) for completion in collect(executor, 5)} == {ev.FileSaved}


def test_no_more_downloads_run_at_once_than_allowed() -> None:
    doers = Doers()
    with at_work(doers, fetch_threads=2) as executor:
        for _ in range(5):
            executor.start(FETCH)
        for _ in range(2):
            assert doers.fetching.acquire(timeout=TEST_TIMEOUT_S)
        assert not doers.fetching.acquire(timeout=0.05)
        doers.release.set()
        collect(executor, 5)
    assert len(doers.threads) == 2


def test_what_ended_together_comes_out_together() -> None:
    doers = Doers()
    with at_work(doers) as executor:
        for _ in range(3):
            executor.start(READ)
    completions = executor.wait(0.0)
    assert completions == [Completion(READ, ev.RunStarted())] * 3
    assert executor.wait(0.0) == []


def test_waiting_ends_with_the_time_where_nothing_ended() -> None:
    with at_work(Doers()) as executor:
        assert executor.wait(0.01) == []
        assert executor.wait(-5.0) == []


def test_wake_ends_the_waiting() -> None:
    with at_work(Doers()) as executor:
        timer = threading.Timer(0.02, executor.wake)
        timer.start()
        began = monotonic()
        assert executor.wait(TEST_TIMEOUT_S) == []
        assert monotonic() - began < TEST_TIMEOUT_S / 2
        timer.join()


def test_wake_loses_no_completion() -> None:
    doers = Doers()
    with at_work(doers) as executor:
        executor.wake()
        executor.start(READ)
        executor.wake()
        assert collect(executor, 1) == [Completion(READ, ev.RunStarted())]


@pytest.mark.parametrize(
    ("action", "worst"),
    [
        (CREATE, ev.CreateUnanswered),
        (READ, ev.ReadUnanswered),
        (FETCH, ev.FetchFailed),
        (MOVE, ev.MoveFailed),
    ],
)
def test_a_doer_that_breaks_gives_the_outcome_that_promises_least(action: Action, worst: type[Outcome]) -> None:
    doers = Doers()
    doers.breaks = ZeroDivisionError("sk-secret")
    with at_work(doers) as executor:
        executor.start(action)
        (completion,) = collect(executor, 1)
        assert type(completion.outcome) is worst
        assert completion.bug is doers.breaks
        assert "ZeroDivisionError" in str(completion.outcome)
        assert "sk-secret" not in str(completion.outcome)
        doers.breaks = None
        executor.start(READ)
        assert collect(executor, 1) == [Completion(READ, ev.RunStarted())]


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        (CREATE, ev.CreateNotSent("the program is ending")),
        (READ, ev.ReadUnanswered("the program is ending")),
        (FETCH, ev.FetchCancelled()),
        (MOVE, ev.MoveFailed("the program is ending")),
    ],
)
def test_while_python_is_ending_an_action_comes_to_nothing(
    action: Action, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    doers = Doers()
    with at_work(doers) as executor:
        monkeypatch.setattr("concurrent.futures.thread._shutdown", True)
        executor.start(action)
        assert collect(executor, 1) == [Completion(action, outcome)]
    assert doers.calls == []


def test_a_run_without_an_id_cannot_be_read() -> None:
    with at_work(Doers()) as executor:
        executor.start(act.ReadRun(run(RunState.UNSENT)))
        (completion,) = collect(executor, 1)
    assert isinstance(completion.outcome, ev.ReadUnanswered)
    assert isinstance(completion.bug, AssertionError)


def test_downloads_under_way_and_those_that_follow_end_when_cancelled() -> None:
    with at_work(Doers(), fetch_threads=1) as executor:
        for _ in range(3):
            executor.start(FETCH)
        executor.cancel_fetches()
        assert {completion.outcome for completion in collect(executor, 3)} == {ev.FetchCancelled()}


def test_closing_waits_for_what_is_under_way() -> None:
    doers = Doers()
    executor = ThreadExecutor({1: doers}, doers, doers, api_threads=1, fetch_threads=1)
    executor.start(FETCH)
    assert doers.fetching.acquire(timeout=TEST_TIMEOUT_S)
    timer = threading.Timer(0.02, doers.release.set)
    timer.start()
    executor.close()
    assert [type(completion.outcome) for completion in executor.wait(0.0)] == [ev.FileSaved]
    timer.join()


@contextmanager
def no_further_thread() -> Iterator[None]:
    """This machine is at its limit."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        yield


def test_where_no_further_thread_can_be_had_those_that_there_are_do_it_all() -> None:
    doers = Doers()
    doers.release.set()
    with at_work(doers, api_threads=20) as executor:
        with no_further_thread():
            for action in (CREATE, READ, FETCH):
                executor.start(action)
        outcomes = {type(completion.outcome) for completion in collect(executor, 3)}
    assert outcomes == {ev.RunCreated, ev.RunStarted, ev.FileSaved}


def test_where_no_thread_can_be_had_at_all_that_is_reported_before_anything_is_sent() -> None:
    with no_further_thread(), pytest.raises(HailuoBatchError, match="nothing was paid"):
        ThreadExecutor({1: Doers()}, Doers(), Doers(), api_threads=1, fetch_threads=1)

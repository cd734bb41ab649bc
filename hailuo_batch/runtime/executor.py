"""The one seam to concurrency: actions go in, outcomes come out, in whatever order they end.

Two lanes of threads, so that a slow download never delays a request. It knows neither the ledger nor the engine;
whatever a doer raises becomes the outcome that promises least.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import CreateOutcome, FetchOutcome, MoveOutcome, Outcome, ReadOutcome
from hailuo_batch.errors import HailuoBatchError


class Api(Protocol):
    """Who sends requests to Runbase."""

    def create_run(self, model: str, input_json: str) -> CreateOutcome:
        """Pay for a run, by one request at most."""

    def read_run(self, run_id: str) -> ReadOutcome:
        """Ask where a run stands."""


class Fetcher(Protocol):
    """Who downloads."""

    def fetch(self, url: str, stem: str, index: int, cancelled: Callable[[], bool]) -> FetchOutcome:
        """Download the run's file of this index to a name that begins with `stem`."""


class Mover(Protocol):
    """Who renames."""

    def move(self, index: int, source: str, target: str) -> MoveOutcome:
        """Rename the run's file of this index."""


@dataclass(frozen=True, slots=True)
class Completion:
    """An action that has come to its end. `bug` is what a doer should never have raised, else None."""

    action: Action
    outcome: Outcome
    bug: Exception | None = None


class ThreadExecutor:
    """Carries actions out in threads. `api_threads` bounds the requests under way, `fetch_threads` the downloads."""

    def __init__(self, api: Api, fetcher: Fetcher, mover: Mover, *, api_threads: int, fetch_threads: int) -> None:
        self._api = api
        self._fetcher = fetcher
        self._mover = mover
        self._request_pool = ThreadPoolExecutor(api_threads, "request")
        self._file_pool = ThreadPoolExecutor(fetch_threads, "file")
        self._done: SimpleQueue[Completion | None] = SimpleQueue()
        self._cancelled = threading.Event()
        self._start_threads()

    def start(self, action: Action) -> None:
        """Have the action carried out; its completion comes out of `wait`."""
        lane = self._request_pool if isinstance(action, act.CreateRun | act.ReadRun) else self._file_pool
        with suppress(RuntimeError):  # the machine gives no further thread: those that there are will come to it
            lane.submit(self._run_action, action)

    def wait(self, timeout_s: float) -> list[Completion]:
        """The actions that have ended since, after at least one has, or after the time, or after `wake`."""
        completions: list[Completion] = []
        try:
            first = self._done.get(timeout=max(0.0, timeout_s))
            while first is not None:
                completions.append(first)
                first = self._done.get_nowait()
        except Empty:
            pass
        return completions

    def wake(self) -> None:
        """Have `wait` return. Safe to call from a signal handler."""
        self._done.put(None)

    def cancel_fetches(self) -> None:
        """Have downloads under way end soon, with nothing under their final names."""
        self._cancelled.set()

    def close(self) -> None:
        """Wait for what is under way, and end the threads."""
        self._request_pool.shutdown()
        self._file_pool.shutdown()

    def _start_threads(self) -> None:
        """Have a thread in each lane before anything is paid for, so that nothing which is started waits for ever."""
        try:
            for lane in (self._request_pool, self._file_pool):
                lane.submit(int).result()
        except RuntimeError as error:
            raise HailuoBatchError(
                f"This machine gives the program no thread to work with ({error}). Nothing was sent, nothing was paid. "
                "End other programs, or raise the limit of processes (`ulimit -u`), then run the same command again."
            ) from error

    def _run_action(self, action: Action) -> None:
        try:
            completion = Completion(action, self._outcome(action))
        except Exception as bug:  # noqa: BLE001 - a thread's failure must reach the driver, and may have cost money
            completion = Completion(action, _safest_outcome(action, bug), bug)
        self._done.put(completion)

    def _outcome(self, action: Action) -> Outcome:
        match action:
            case act.CreateRun():
                return self._api.create_run(action.run.model, action.run.input_json)
            case act.ReadRun():
                assert action.run.run_id is not None
                return self._api.read_run(action.run.run_id)
            case act.FetchFile():
                return self._fetcher.fetch(action.url, action.stem, action.index, self._cancelled.is_set)
            case act.MoveFile():
                return self._mover.move(action.index, action.source, action.target)


def _safest_outcome(action: Action, bug: Exception) -> Outcome:
    """The outcome that promises least, for an action whose doer broke."""
    reason = f"a fault of this program ({type(bug).__name__})"
    match action:
        case act.CreateRun():
            return ev.CreateUnanswered(reason)
        case act.ReadRun():
            return ev.ReadUnanswered(reason)
        case act.FetchFile():
            return ev.FetchFailed(reason)
        case act.MoveFile():
            return ev.MoveFailed(reason)

"""The one seam to concurrency: actions go in, outcomes come out, in whatever order they end.

Requests and downloads have separate threads, so that a slow download never delays a request. It knows neither the
ledger nor the engine; whatever an adapter raises becomes the outcome that promises least.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import CreateOutcome, FetchOutcome, MoveOutcome, Outcome, ReadOutcome
from hailuo_batch.errors import HailuoBatchError


class Api(Protocol):
    """The client of the Runbase API."""

    def create_run(self, model: str, input_json: str) -> CreateOutcome:
        """Send the create request of one run, once."""

    def read_run(self, run_id: str) -> ReadOutcome:
        """Read the status of one run."""


class Fetcher(Protocol):
    """The downloader."""

    def fetch(self, url: str, stem: str, index: int, cancelled: Callable[[], bool]) -> FetchOutcome:
        """Download to `stem` plus an extension, until `cancelled` says to stop."""


class Mover(Protocol):
    """The output folder."""

    def move(self, index: int, source: str, target: str) -> MoveOutcome:
        """Rename a saved output."""


@dataclass(frozen=True, slots=True)
class Completion:
    """An action that has ended. `bug` is an exception that should never have been raised, else None."""

    action: Action
    outcome: Outcome
    bug: Exception | None = None


class ThreadExecutor:
    """Carries actions out in threads, at most `api_threads` requests and `fetch_threads` downloads at a time.

    `apis` are the clients, by the numbers of their keys.
    """

    def __init__(
        self, apis: Mapping[int, Api], fetcher: Fetcher, mover: Mover, *, api_threads: int, fetch_threads: int
    ) -> None:
        self._apis = apis
        self._fetcher = fetcher
        self._mover = mover
        self._request_pool = ThreadPoolExecutor(api_threads, "request")
        self._file_pool = ThreadPoolExecutor(fetch_threads, "file")
        self._done: SimpleQueue[Completion | None] = SimpleQueue()
        self._cancelled = threading.Event()
        self._start_threads()

    def start(self, action: Action) -> None:
        """Have the action carried out; its completion comes out of `wait`."""
        pool = self._request_pool if isinstance(action, act.CreateRun | act.ReadRun) else self._file_pool
        try:
            pool.submit(self._run_action, action)
        except RuntimeError as error:
            # Where no further thread could be started, the existing ones will carry it out. Where Python is ending,
            # because its main thread is over, nothing was taken on: the action has come to nothing.
            if _REFUSED in str(error):
                self._done.put(Completion(action, _NOTHING_DONE[type(action)](_ENDING)))

    def wait(self, timeout_s: float) -> list[Completion]:
        """Wait until an action ends, `wake` is called or the time is over. Returns all actions that have ended."""
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
        """Make `wait` return. Safe to call from a signal handler."""
        self._done.put(None)

    def cancel_fetches(self) -> None:
        """Make downloads under way end soon, with no file under their final names."""
        self._cancelled.set()

    def close(self) -> None:
        """Wait for the actions under way, and end the threads."""
        self._request_pool.shutdown()
        self._file_pool.shutdown()

    def _start_threads(self) -> None:
        """Start one thread of each kind before anything is paid for, so that no action waits forever for one."""
        try:
            for pool in (self._request_pool, self._file_pool):
                pool.submit(int).result()
        except RuntimeError as error:
            raise HailuoBatchError(
                f"No thread could be started ({error}). Nothing was sent, nothing was paid. End other programs, or "
                "raise the limit of processes (`ulimit -u`), then run the same command again."
            ) from error

    def _run_action(self, action: Action) -> None:
        try:
            completion = Completion(action, self._outcome(action))
        except Exception as bug:  # noqa: BLE001 - whatever fails here must reach the driver: it may have cost money
            completion = Completion(action, _safest_outcome(action, bug), bug)
        self._done.put(completion)

    def _outcome(self, action: Action) -> Outcome:
        match action:
            case act.CreateRun():
                return self._apis[action.api_key].create_run(action.run.model, action.run.input_json)
            case act.ReadRun():
                assert action.run.run_id is not None
                return self._apis[action.api_key].read_run(action.run.run_id)
            case act.FetchFile():
                return self._fetcher.fetch(action.url, action.stem, action.index, self._cancelled.is_set)
            case act.MoveFile():
                return self._mover.move(action.index, action.source, action.target)


def _safest_outcome(action: Action, bug: Exception) -> Outcome:
    """The outcome that promises least. A create that broke anywhere may have been sent, so it is in doubt."""
    return _SAFEST[type(action)](f"a fault of this program ({type(bug).__name__})")


_REFUSED = "cannot schedule"  # what ThreadPoolExecutor says before anything is queued
_ENDING = "the program is ending"
_NOTHING_DONE: dict[type[Action], Callable[[str], Outcome]] = {
    act.CreateRun: ev.CreateNotSent,
    act.ReadRun: ev.ReadUnanswered,
    act.FetchFile: lambda _: ev.FetchCancelled(),
    act.MoveFile: ev.MoveFailed,
}
"""The outcome of an action that was never begun."""

_SAFEST: dict[type[Action], Callable[[str], Outcome]] = {
    act.CreateRun: ev.CreateUnanswered,
    act.ReadRun: ev.ReadUnanswered,
    act.FetchFile: ev.FetchFailed,
    act.MoveFile: ev.MoveFailed,
}

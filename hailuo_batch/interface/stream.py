"""An apply in a thread of its own, and the events that come out of it.

The thread that asks for events only waits for them. So a KeyboardInterrupt, which Python raises in the main thread at
any place of the program, never lands between a payment and its record: it ends the waiting, and the apply is asked to
stop in good order, as by Ctrl-C on the command line. The ledger, which SQLite binds to its thread, is opened and closed
over there.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from hailuo_batch.errors import ExitCode, HailuoBatchError, UsageError
from hailuo_batch.interface.events import Event
from hailuo_batch.interface.listening import ClosedError, Emit, Listener
from hailuo_batch.interface.values import ApplyResult

Work = Callable[[Listener], ApplyResult]
"""One apply, from its beginning to its result."""
MakeListener = Callable[[Emit], Listener]


_LOOK_AGAIN_S = 1.0  # where an interrupt took the last item of the queue with it


class _Worker:
    """The thread. `result` is how the apply ended, `error` what it raised. The queue ends with None."""

    def __init__(self, work: Work, make_listener: MakeListener) -> None:
        self.queue: SimpleQueue[Event | None] = SimpleQueue()
        self.result: ApplyResult | None = None
        self.error: BaseException | None = None
        self.is_over = False
        self.on_news: Callable[[], object] | None = None
        self.listener = make_listener(self.put)
        self.thread = threading.Thread(target=self._run, args=(work,), name="hailuo-batch apply")

    def put(self, event: Event | None) -> None:
        """Take an event in, and wake whoever waits for it."""
        self.queue.put(event)
        wake = self.on_news
        if wake is not None:
            with suppress(RuntimeError):  # the event loop was closed: nobody waits any more
                wake()

    def stop(self) -> None:
        """Ask the apply to stop in good order. May be called from any thread, and more than once."""
        self.listener.stop.request(ExitCode.SIGINT)

    def wait(self) -> None:
        """Wait until it is over. KeyboardInterrupt ends the waiting and nothing else.

        A thread whose `join` is interrupted counts as ended (Python before 3.13): the interpreter, ending after that,
        would not wait for it, and what was paid for would go unrecorded. So it is only joined when it is at its end.
        """
        while not self.is_over:
            with suppress(Empty):
                self.queue.get(timeout=_LOOK_AGAIN_S)
        self.thread.join()

    def _run(self, work: Work) -> None:
        try:
            self.result = work(self.listener)
        except ClosedError:
            pass  # nothing was begun, and whoever would be told has gone
        except BaseException as error:  # noqa: BLE001 - it is raised where the events are waited for
            if not self.listener.is_left_alone:
                self.error = error
        finally:
            self.is_over = True
            self.put(None)


class EventStream:
    """The events of one apply, which begins with the first of them: an iterator, and an asynchronous iterator.

    `close`, or leaving its `with` or `async with` early, stops the apply in good order: what is being requested comes
    to its end and is recorded, and then the call returns. So does whatever ends the waiting: KeyboardInterrupt, a task
    that is cancelled, an iterator that is thrown away. `result` is there once the last event has come, or the stream is
    closed.
    """

    def __init__(self, work: Work, make_listener: MakeListener) -> None:
        self._worker = _Worker(work, make_listener)
        self._has_begun = False
        self._is_over = False
        self._is_left = False
        self._owner: int | None = None
        self._news: asyncio.Event | None = None

    @property
    def result(self) -> ApplyResult:
        """How the apply ended. Raises UsageError while it has not, and if it was closed before anything was begun."""
        if self._worker.result is None:
            why = "it was closed before anything was begun" if self._is_over else "it is not at its end"
            raise UsageError(f"This stream has no result: {why}.")
        return self._worker.result

    # --- one after the other ---

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        """The next event. Raises what the apply raises."""
        if self._is_over:
            raise StopIteration
        self._begin()
        event = self._worker.queue.get()
        if event is not None:
            return event
        self._end()
        raise StopIteration

    def close(self) -> None:
        """Stop the apply in good order, and wait until all is recorded. May be called more than once.

        Raises what the apply raised, if that was not told yet.
        """
        if self._is_over or not self._has_begun:
            self._is_over = True
            return
        self._worker.stop()
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_left = True
        try:
            self.close()
        except HailuoBatchError as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    # --- beside a running event loop, which never waits here ---

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event. Raises what the apply raises."""
        if self._is_over:
            raise StopAsyncIteration
        self._begin()
        try:
            event = await self._take()
        except asyncio.CancelledError:
            self._worker.stop()
            raise
        if event is not None:
            return event
        self._end()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """As `close`, and the event loop goes on meanwhile."""
        if self._is_over or not self._has_begun:
            self._is_over = True
            return
        self._is_over = True
        self._worker.stop()
        while not self._worker.is_over:
            await self._take()
        self._end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.aclose()
        except HailuoBatchError as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    # --- the end ---

    def __del__(self) -> None:
        """Whoever throws the stream away stops the apply, and waits for it unless an event loop would wait as well."""
        if not self._has_begun or self._worker.is_over:
            return
        self._worker.stop()
        is_left = self._is_over or self._is_left  # by whoever did not wait to the end
        if not is_left and self._owner == threading.get_ident() and not _is_in_event_loop():
            with suppress(KeyboardInterrupt):
                self._worker.wait()

    def _begin(self) -> None:
        self._owner = threading.get_ident()
        if self._has_begun:
            return
        self._has_begun = True
        try:
            self._worker.thread.start()
        except RuntimeError as error:
            self._has_begun = False
            raise HailuoBatchError(
                f"No thread could be started ({error}). Nothing was sent, nothing was paid. End other programs, or "
                "raise the limit of processes (`ulimit -u`), then call it again."
            ) from error

    async def _take(self) -> Event | None:
        """The next event, None at the end."""
        if self._news is None:
            self._news = asyncio.Event()
            self._worker.on_news = partial(asyncio.get_running_loop().call_soon_threadsafe, self._news.set)
        while True:
            self._news.clear()  # before looking: what comes after that wakes this up
            try:
                return self._worker.queue.get_nowait()
            except Empty:
                await self._news.wait()

    def _end(self) -> None:
        """Wait for the thread, which has nothing more to do or is about to stop. Raises what the apply raised."""
        self._is_over = True  # also for whoever does not wait to the end
        self._worker.wait()
        if self._worker.error is not None:
            raise self._worker.error


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

"""Who is told how an apply goes, and the guard that keeps what is shown from ending what is done.

Knows nothing of terminals: whoever shows an apply implements `Observer`.
"""

from collections.abc import Callable
from typing import Protocol

from hailuo_batch.adapters.local.streams import is_reader_gone
from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice


class Observer(Protocol):
    """Who is told how an apply goes."""

    def update(self, progress: Progress) -> None:
        """Where the apply stands; called at least four times a second, also when nothing changed."""

    def notice(self, notice: Notice) -> None:
        """Something that is not as it should be, in a sentence or two."""

    def close(self) -> None:
        """The apply is over. May be called more than once."""


class GuardedObserver:
    """Passes on to an observer until that fails, and is silent from then on.

    `failure` is what it failed with. `on_gone` is called where that says that nobody reads any more.
    """

    def __init__(self, observer: Observer, on_gone: Callable[[], None] = lambda: None) -> None:
        self.failure: Exception | None = None
        self._observer = observer
        self._on_gone = on_gone

    def update(self, progress: Progress) -> None:
        """Pass it on."""
        self._guarded(lambda: self._observer.update(progress))

    def notice(self, notice: Notice) -> None:
        """Pass it on."""
        self._guarded(lambda: self._observer.notice(notice))

    def close(self) -> None:
        """Pass it on."""
        self._guarded(self._observer.close)

    def _guarded(self, pass_on: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        try:
            pass_on()
        except Exception as failure:  # noqa: BLE001 - answers that were paid for are on their way meanwhile
            self.failure = failure
            if isinstance(failure, OSError) and is_reader_gone(failure):
                self._on_gone()

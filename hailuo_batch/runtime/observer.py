"""Who is told how an apply is going, and the guard that keeps a failing display from ending the apply.

Knows nothing of terminals: whoever shows an apply implements `Observer`.
"""

from collections.abc import Callable
from typing import Protocol

from hailuo_batch.adapters.local.streams import is_reader_gone
from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice


class Observer(Protocol):
    """Who is told how an apply is going."""

    def update(self, progress: Progress) -> None:
        """Show the progress; called at least four times a second, also when nothing changed."""

    def notice(self, notice: Notice) -> None:
        """Show a notice."""

    def close(self) -> None:
        """End the display: the apply is over. May be called more than once."""


class GuardedObserver:
    """Passes everything on to an observer until it fails, and is silent afterwards.

    What is shown never decides about money: answers that were paid for may be on their way when a display breaks.
    `failure` is its exception. `on_gone` is called where that means that nobody reads the output.
    """

    def __init__(self, observer: Observer, on_gone: Callable[[], None] = lambda: None) -> None:
        self.failure: Exception | None = None
        self._observer = observer
        self._on_gone = on_gone

    def update(self, progress: Progress) -> None:
        """Pass the progress on."""
        self._guarded(lambda: self._observer.update(progress))

    def notice(self, notice: Notice) -> None:
        """Pass the notice on."""
        self._guarded(lambda: self._observer.notice(notice))

    def close(self) -> None:
        """Pass the end on."""
        self._guarded(self._observer.close)

    def _guarded(self, pass_on: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        try:
            pass_on()
        except Exception as failure:  # noqa: BLE001 - no display may end an apply
            self.failure = failure
            if isinstance(failure, OSError) and is_reader_gone(failure):
                self._on_gone()

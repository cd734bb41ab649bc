"""The contact sheet while an apply works: written anew every few seconds, at little cost.

An observer that passes everything on and, now and then, has the page written from the ledger as it then stands: looked
at in the apply's own thread, as the ledger asks for, rendered and written in another, so that no create and no poll
waits for a page. Look and page together take no more than about a twentieth of the time, however large the campaign.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import HailuoBatchError
from hailuo_batch.runtime.observer import Observer

EVERY_S = 5.0
"""The shortest time between two pages."""
_FIRST_S = 1.0
_REST_PER_WORK = 20.0


class ReportKeeper:
    """`look` reads the ledger, `write` makes the page; `now` is a clock that never goes back, in seconds.

    A page that cannot be written is no reason to stop an apply: the report at its end says what stands in the way.
    """

    def __init__(
        self,
        observer: Observer,
        look: Callable[[], Snapshot],
        write: Callable[[Snapshot], None],
        now: Callable[[], float],
    ) -> None:
        self._observer = observer
        self._look = look
        self._write = write
        self._now = now
        self._due_at = now() + _FIRST_S
        self._writer: threading.Thread | None = None

    def update(self, progress: Progress) -> None:
        """Pass it on, and write a page if one is due."""
        self._observer.update(progress)
        began_at = self._now()
        if began_at < self._due_at or (self._writer is not None and self._writer.is_alive()):
            return
        with suppress(HailuoBatchError, RuntimeError):  # the latter where the machine gives no further thread
            writer = threading.Thread(target=self._work, args=(self._look(), began_at), name="report")
            self._due_at = float("inf")  # until the writer says when
            writer.start()
            self._writer = writer
            return
        self._rest(began_at)

    def notice(self, notice: Notice) -> None:
        """Pass it on."""
        self._observer.notice(notice)

    def close(self) -> None:
        """Let a page that is being written be finished, then close the observer."""
        if self._writer is not None:
            self._writer.join()
        self._observer.close()

    def _work(self, snapshot: Snapshot, began_at: float) -> None:
        try:
            with suppress(Exception):  # whatever it is, the report at the end meets it too, and can say so
                self._write(snapshot)
        finally:
            self._rest(began_at)

    def _rest(self, began_at: float) -> None:
        now = self._now()
        self._due_at = now + max(EVERY_S, _REST_PER_WORK * (now - began_at))

"""Whether a key that did not make a campaign's runs knows them: asked before anything else is.

A run may have vanished, so that one answer of "not known" says little of the key: the newest few are asked about, one
after the other, until the key knows one. A run that is lost already proves nothing. Pure.
"""

from collections import deque
from collections.abc import Iterable
from heapq import nlargest

from hailuo_batch.core import events as ev
from hailuo_batch.core.events import Outcome
from hailuo_batch.core.lifecycle import RUNNING
from hailuo_batch.core.records import Run

_MOST = 3


class Probe:
    """The runs to ask about, and what was heard of them."""

    def __init__(self) -> None:
        self.unknown: list[Run] = []
        self._left: deque[Run] = deque()
        self._is_asked = False

    def begin(self, runs: Iterable[Run]) -> None:
        """The key is new: of these runs it must know one that is under way, if there is any."""
        under_way = (run for run in runs if run.state in RUNNING)
        self._left.extend(nlargest(_MOST, under_way, key=lambda run: (run.submitted_at or 0.0, run.key)))

    @property
    def is_open(self) -> bool:
        """Whether all else waits for an answer."""
        return bool(self._left)

    @property
    def waits(self) -> bool:
        """Whether there is a run to ask about now."""
        return self.is_open and not self._is_asked

    def concerns(self, run: Run) -> bool:
        """Whether the answer about this run decides about the key."""
        return self.is_open and self._left[0].key == run.key

    def ask(self) -> int:
        """The key of the run to ask about, by the ledger: the question is on its way."""
        self._is_asked = True
        return self._left[0].key

    def hear(self, run: Run, outcome: Outcome) -> bool:
        """An answer about a run. Returns whether it shows that the key knows none."""
        if not self.concerns(run):
            return False
        self._is_asked = False
        if isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused):
            return False
        if not isinstance(outcome, ev.RunMissing):
            self._left.clear()
            return False
        self.unknown.append(self._left.popleft())
        return not self._left

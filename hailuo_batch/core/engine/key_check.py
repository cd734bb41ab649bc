"""What must be known before an apply goes on: that the API answers, and that this key knows the campaign's runs.

Two questions, and one read may answer both. *The key*: one that did not make the campaign's runs must know one of them.
Otherwise every run would be marked lost, and the user might pay for all of them again. A single run may have vanished,
so the newest few are asked about, one after the other, until the key knows one; a run that is lost already proves
nothing. *The API*: before the first create something must have answered like it, because a gateway that answers in its
place may pass a create on and hide the result. An open run is read for that, and where there is none, one that cannot
exist. Pure.
"""

from collections import deque
from collections.abc import Iterable
from heapq import nlargest

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RUNNING, RunState

# It has the documented form, so that no rule on paths keeps it from the API. Whether IDs are made of chance, time or a
# counter, none consists of zeros alone.
_NONEXISTENT_RUN_ID = f"run_{'0' * 32}"
NONEXISTENT_RUN = Run(-1, "", 0, RunState.LOST, "", "{}", "", run_id=_NONEXISTENT_RUN_ID)
"""Stands for a run that cannot exist, where a read needs one. It is in no ledger: nothing is ever recorded of it."""

_MAX_RUNS = 3


class KeyCheck:
    """The runs to ask about before all else, and what the answers showed."""

    def __init__(self) -> None:
        self.unknown_runs: list[Run] = []
        self._candidates: deque[Run] = deque()
        self._asked_key: int | None = None

    def start(self, runs: Iterable[Run]) -> None:
        """Check a new key: it must know one of these runs that is under way, if there is any."""
        self._candidates.extend(_newest_open(_MAX_RUNS, runs))

    @property
    def is_pending(self) -> bool:
        """Whether all else waits for an answer about the key."""
        return bool(self._candidates)

    @property
    def can_ask(self) -> bool:
        """Whether no question is under way."""
        return self._asked_key is None

    def is_decided_by(self, run: Run) -> bool:
        """Whether the answer about this run decides about the key."""
        return self.is_pending and self._candidates[0].key == run.key

    def ask(self, runs: Iterable[Run]) -> Run:
        """The run to read now, which counts as asked. NONEXISTENT_RUN where none of `runs` is open."""
        run = self._candidates[0] if self._candidates else next(iter(_newest_open(1, runs)), NONEXISTENT_RUN)
        self._asked_key = run.key
        return run

    def on_read(self, run: Run, outcome: Outcome) -> bool:
        """Take in the answer about a run. Returns whether it shows that the key knows none of them."""
        if run.key == self._asked_key:
            self._asked_key = None
        if not self.is_decided_by(run) or isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused):
            return False
        if not isinstance(outcome, ev.RunMissing):
            self._candidates.clear()
            return False
        self.unknown_runs.append(self._candidates.popleft())
        return not self._candidates


def _newest_open(count: int, runs: Iterable[Run]) -> list[Run]:
    open_runs = (run for run in runs if run.state in RUNNING)
    return nlargest(count, open_runs, key=lambda run: (run.create_number or 0, run.key))

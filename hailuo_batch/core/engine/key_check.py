"""What must be known of whoever answers before an apply goes on: is it the API, and does it know this key's runs?

Two questions, and one read may answer both. *The key*: one that did not make a campaign's runs must know one of them.
A run may have vanished, so that one answer of "not known" says little of the key: the newest few are asked about, one
after the other, until the key knows one. A run that is lost already proves nothing. *The API*: before the first create
somebody must have answered like it, since a gateway that answers in its place may pass a create on and hide what came
of it. A run that is open is read for that, and where there is none, one that cannot exist. Pure.
"""

from collections import deque
from collections.abc import Iterable
from heapq import nlargest

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RUNNING, RunState

# In the documented form, so that no rule on paths keeps it from the API; and whatever IDs are made of, be it chance,
# time or a counter, it never gives zeros alone.
_NONEXISTENT_RUN_ID = f"run_{'0' * 32}"
NONEXISTENT_RUN = Run(-1, "", 0, RunState.LOST, "", "{}", "", run_id=_NONEXISTENT_RUN_ID)
"""Stands for the run that cannot exist, where a read needs one. In no ledger: nothing is ever recorded of it."""

_MAX_RUNS = 3


class KeyCheck:
    """The runs to ask about, and what was heard of them."""

    def __init__(self) -> None:
        self.unknown_runs: list[Run] = []
        self._candidates: deque[Run] = deque()
        self._asked_key: int | None = None

    def start(self, runs: Iterable[Run]) -> None:
        """The key is new: of these runs it must know one that is under way, if there is any."""
        self._candidates.extend(_newest(_MAX_RUNS, runs))

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
        """The run to ask about, by the ledger: the question is on its way. NO_RUN where none of `runs` is open."""
        run = self._candidates[0] if self._candidates else next(iter(_newest(1, runs)), NONEXISTENT_RUN)
        self._asked_key = run.key
        return run

    def on_read(self, run: Run, outcome: Outcome) -> bool:
        """An answer about a run. Returns whether it shows that the key knows none."""
        if run.key == self._asked_key:
            self._asked_key = None
        if not self.is_decided_by(run) or isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused):
            return False
        if not isinstance(outcome, ev.RunMissing):
            self._candidates.clear()
            return False
        self.unknown_runs.append(self._candidates.popleft())
        return not self._candidates


def _newest(count: int, runs: Iterable[Run]) -> list[Run]:
    under_way = (run for run in runs if run.state in RUNNING)
    return nlargest(count, under_way, key=lambda run: (run.create_number or 0, run.key))

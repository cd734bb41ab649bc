"""The counts that an apply's progress is shown from, kept by difference so that no look scans the campaign."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.states import RUNNING, TakeState
from hailuo_batch.core.planning.spend import spend_of


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an apply stands. `states` counts the takes asked for; money is in micro-USD.

    `next_create_in_s` is the time, in seconds, until the next create may start, None where none waits. `left_s` is
    about how many seconds it still makes requests, infinity while that is being learned, None where it makes no more.
    """

    takes: int
    states: Mapping[TakeState, int]
    charged_micro_usd: int
    refunded_micro_usd: int
    open_runs: int
    active_downloads: int
    next_create_in_s: float | None
    time_left_s: float | None = None


class Counters:
    """Told of each run as it was and as it is."""

    def __init__(self, scope: frozenset[str]) -> None:
        self.open_runs = 0
        self.in_flight = 0  # of these, the ones that hold a place of those in flight
        self._scope = scope
        self._states: Counter[TakeState] = Counter()
        self._charged = 0
        self._refunded = 0

    def on_run_changed(self, before: Run | None, run: Run) -> None:
        """A run changed from `before`, None where it is new."""
        if before is not None:
            self._count(before, -1)
        self._count(run, 1)

    def on_forgotten_run(self, run: Run) -> None:
        """A run of a take that was forgotten: only its money counts."""
        money = spend_of((run,))
        self._charged += money.charged_micro_usd
        self._refunded += money.refunded_micro_usd

    def progress(
        self,
        takes: int,
        creates_under_way: int,
        active_downloads: int,
        next_create_in_s: float | None,
        time_left_s: float | None,
    ) -> Progress:
        """The counts as they stand; a create on its way counts as an open run."""
        states = {state: count for state, count in self._states.items() if count}
        open_runs = self.open_runs + creates_under_way
        return Progress(
            takes, states, self._charged, self._refunded, open_runs, active_downloads, next_create_in_s, time_left_s
        )

    def _count(self, run: Run, sign: int) -> None:
        if not run.is_superseded and run.take_id in self._scope:
            self._states[run.take_state] += sign
        if run.state in RUNNING:
            self.open_runs += sign
            # one that never finishes and was made again would keep its own successor waiting
            self.in_flight += 0 if run.superseded_by is Supersession.RESUBMIT else sign
        money = spend_of((run,))
        self._charged += sign * money.charged_micro_usd
        self._refunded += sign * money.refunded_micro_usd

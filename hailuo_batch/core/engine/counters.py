"""The counts behind an apply's progress, updated with each run that changes, so that no update scans the campaign."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.states import RUNNING, TakeState
from hailuo_batch.core.planning.spend import charge_of


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an apply is. `states` counts the takes in scope; money is in micro-USD; times are in seconds.

    `next_create_in_s` is the time until the next create may start, None where none waits for that. `time_left_s` is
    about how long requests are still made: infinity while that is being learned, None where no more are made.
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
    """The counts over all runs. `scope` are the takes that were asked for."""

    def __init__(self, scope: frozenset[str]) -> None:
        self.open_runs = 0
        self.in_flight = 0  # the open runs that count against the limit on runs in flight
        self._scope = scope
        self._states: Counter[TakeState] = Counter()
        self._charged = 0
        self._refunded = 0

    def on_run_changed(self, before: Run | None, run: Run) -> None:
        """Count a run that changed from `before`, None where it is new."""
        if before is not None:
            self._count(before, -1)
        self._count(run, 1)

    def on_forgotten_run(self, run: Run) -> None:
        """Count a run of a forgotten take: only its money."""
        self._count_money(run, 1)

    def progress(
        self,
        *,
        creates_under_way: int,
        active_downloads: int,
        next_create_in_s: float | None,
        time_left_s: float | None,
    ) -> Progress:
        """The counts at this moment; a create that is under way counts as an open run."""
        return Progress(
            takes=len(self._scope),
            states={state: count for state, count in self._states.items() if count},
            charged_micro_usd=self._charged,
            refunded_micro_usd=self._refunded,
            open_runs=self.open_runs + creates_under_way,
            active_downloads=active_downloads,
            next_create_in_s=next_create_in_s,
            time_left_s=time_left_s,
        )

    def _count(self, run: Run, sign: int) -> None:
        if not run.is_superseded and run.take_id in self._scope:
            self._states[run.take_state] += sign
        if run.state in RUNNING:
            self.open_runs += sign
            # a run that never finishes, and was resubmitted for that, must not keep its own successor waiting
            self.in_flight += 0 if run.superseded_by is Supersession.RESUBMIT else sign
        self._count_money(run, sign)

    def _count_money(self, run: Run, sign: int) -> None:
        charged, refunded = charge_of(run, {})
        self._charged += sign * charged
        self._refunded += sign * refunded

"""The engine: facts go in, the next actions come out.

It has no clock, no threads, no files and no sockets. The driver asks it what to start (`decide`) and what an answer
means (`interpret`), and tells it what the ledger has recorded (`on_result`, `on_runs`): the engine never acts upon a
fact that is not on disk. It keeps the runs; `requests` decides about requests to the API, `downloads` about files.
Times are `now`, in seconds of a clock that never goes back.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.counters import Counters, Progress
from hailuo_batch.core.engine.downloads import DownloadResult, Downloads
from hailuo_batch.core.engine.interpret import Interpreter
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.requests import RequestScheduler
from hailuo_batch.core.engine.stop_reasons import EngineOutput, StopReason, StopScope
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Event, Outcome
from hailuo_batch.core.model.ledger_changes import AddAttempt, LedgerChange, SupersedeRun
from hailuo_batch.core.model.runs import OutputKey, Run, Snapshot, Supersession
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.model.states import RUNNING, TRANSITIONS, RunState
from hailuo_batch.core.planning.disk_space import DiskNeed, VideoSizes
from hailuo_batch.core.planning.failures import FAILS_AGAIN, attempts_left, is_refused_content
from hailuo_batch.core.planning.matching import is_spare
from hailuo_batch.core.scheduling.eta import TimeLeft
from hailuo_batch.core.scheduling.rate_window import RateWindow

__all__ = ["Engine", "Settings"]


class Engine:
    """The decisions of one apply, over the snapshot of a ledger in which its plan is recorded.

    `scope` are the takes to be made; `retryable` those of them that get another attempt when a run fails, None for all;
    `followed` those whose runs are followed to their end; `redownload` the outputs to download although they are on
    record, of any take. `wall` is the time of day at `now`, in seconds since the epoch: it gives older runs their age.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: Snapshot,
        scope: frozenset[str],
        followed: frozenset[str],
        *,
        now: float,
        wall: float,
        redownload: frozenset[OutputKey] = frozenset(),
        retryable: frozenset[str] | None = None,
    ) -> None:
        self.settings = settings
        self.under_way = 0
        self._scope = scope
        self._retryable = scope if retryable is None else scope & retryable
        self._followed = followed
        self._epoch_offset = wall - now
        self._runs: dict[int, Run] = {}
        self._keys_by_take: dict[str, list[int]] = {}
        self._keys_by_fingerprint: dict[str, list[int]] = {}
        self._output = EngineOutput()
        self._counters = Counters(scope)
        self._requests = RequestScheduler(settings, self._runs, self._counters, self._output, now, snapshot)
        self._downloads = Downloads(self._runs, followed, redownload, max_fetches=settings.max_fetches)
        self._sizes = VideoSizes()
        self._interpreter = Interpreter()
        self._time_left = TimeLeft()
        self._ledger_changes: list[LedgerChange] = []
        for run in snapshot.forgotten:
            self._requests.cap.on_run_changed(run)
            self._counters.on_forgotten_run(run)
            self._interpreter.on_run_changed(run)
        self.on_runs(snapshot.runs, now)
        numbers = {key.number for key in settings.api_keys}
        if not any(run.api_key in numbers and run.run_id is not None for run in snapshot.paid_runs):
            self._requests.start_key_check(self._runs.values())  # none of the keys has ever made a run of this campaign

    # --- state ---

    @property
    def windows(self) -> Mapping[int, RateWindow]:
        """The request window of each key, by its number."""
        return self._requests.windows

    @property
    def notices(self) -> deque[Notice]:
        """What the user should be told, oldest first. Whoever shows a notice removes it."""
        return self._output.notices

    @property
    def stop_reasons(self) -> Sequence[StopReason]:
        """Why the apply stops, oldest first."""
        return self._output.stop_reasons

    @property
    def stop_scope(self) -> StopScope:
        """How far the stop goes, by all reasons so far."""
        return self._output.stop_scope

    @property
    def is_finished(self) -> bool:
        """Whether nothing is under way and nothing more can be started."""
        if self.under_way or self._ledger_changes:
            return False
        return self.stop_scope is StopScope.ALL or (self._requests.is_finished and len(self._downloads) == 0)

    def stop(self, reason: StopReason) -> None:
        """Stop as far as the reason goes. What is under way still comes to its end."""
        self._output.stop(reason)

    @property
    def disk_need(self) -> DiskNeed:
        """The disk space for all videos that are paid for and not here yet, creates under way included."""
        return self._sizes.need(self._videos_to_come)

    @property
    def total_disk_need(self) -> DiskNeed:
        """The disk space for all videos of this apply, as far as the cap admits them."""
        creates = self._requests.affordable_creates
        return self._sizes.need(self._videos_to_come + creates if creates else 0)

    @property
    def _videos_to_come(self) -> int:
        return self._counters.open_runs + self._requests.creates_under_way + len(self._downloads)

    def progress(self, now: float) -> Progress:
        """How far the apply is."""
        requests = self._requests
        # estimating is costly, so an estimate is kept for a while, and made again when the work changes
        situation = (self.stop_scope, requests.is_finished)
        return self._counters.progress(
            creates_under_way=requests.creates_under_way,
            active_downloads=self._downloads.under_way,
            next_create_in_s=requests.next_create_in_s(now),
            time_left_s=self._time_left.get(now, situation, lambda: requests.time_left_s(now)),
        )

    # --- what to do ---

    def take_ledger_changes(self) -> tuple[LedgerChange, ...]:
        """The ledger changes to record, and to report by `on_runs`, before anything else is decided."""
        changes, self._ledger_changes = tuple(self._ledger_changes), []
        return changes

    def windows_to_share(self, now: float) -> Sequence[tuple[int, RateWindow]]:
        """The windows by which `decide` may start a request, with the numbers of their keys: what other processes hold
        of each must be read before it."""
        return self._requests.windows_to_share(now)

    def decide(self, now: float, numbers: Collection[int] | None = None) -> list[Action]:
        """The actions to start now, requests with the keys of these numbers or, without them, any. They count as
        started."""
        self._requests.check_stops(now, idle=not (self.under_way or len(self._downloads)))
        if self.stop_scope is StopScope.ALL:
            return []
        requests = self._requests.decide(now, numbers)
        actions = [*self._downloads.start_moves(), *requests, *self._downloads.start_fetches(now)]
        self.under_way += len(actions)
        return actions

    def wake_at(self, now: float) -> float:
        """When to decide again if no action ends before; infinity where only the end of one can change anything."""
        if self.stop_scope is StopScope.ALL:
            return float("inf")
        return min(self._downloads.next_due_at(), self._requests.wake_at(now))

    # --- what came of it ---

    def interpret(self, action: Action, outcome: Outcome, now: float) -> tuple[Event, ...]:
        """The events to record before `on_result` is called with the runs that they changed."""
        if action.run is NONEXISTENT_RUN:
            return ()
        run = self._runs[action.run.key]
        if not isinstance(action, act.ReadRun) or action.api_key == run.api_key:
            return self._interpreter.events(run, outcome, now)
        if isinstance(outcome, ev.RunMissing | ev.ReadRefused | ev.ReadUnanswered | ev.ReadNotSent):
            return ()  # a 404 says that this key does not know the run, and not that the run is lost
        is_open = (run.state, ev.RunTakenOver) in TRANSITIONS
        taken_over = [ev.RunTakenOver(action.api_key)] if is_open else []
        return (*taken_over, *self._interpreter.events(run, outcome, now))

    def on_runs(self, runs: Iterable[Run], now: float) -> None:
        """Take in runs as the ledger has them, and schedule what must be done with the new ones."""
        for run in runs:
            is_new = run.key not in self._runs
            self._store_run(run)
            if is_new:
                self._schedule(run, now)

    def on_result(self, action: Action, outcome: Outcome, runs: Iterable[Run], now: float) -> None:
        """Handle the end of an action. `runs` are those that it changed, as recorded."""
        self.under_way -= 1
        if action.run is NONEXISTENT_RUN:
            assert isinstance(action, act.ReadRun)
            self._requests.on_check(outcome, action.api_key, now)
            return
        for run in runs:
            self._store_run(run)
        run = self._runs[action.run.key]
        match action:
            case act.CreateRun():
                self._requests.on_create(run, outcome, action.api_key, now)
            case act.ReadRun():
                if self._requests.on_read(run, outcome, action.api_key, now):
                    self._on_run_finished(run, now)
            case act.FetchFile():
                self._on_download_result(run, self._downloads.on_fetched(action, outcome, now), now)
            case act.MoveFile():  # pragma: no branch - there is no other action
                self._on_download_result(run, self._downloads.on_moved(action, outcome), now)

    def _on_download_result(self, run: Run, result: DownloadResult, now: float) -> None:
        self._output.notify(*result.notices)
        if result.stop_reason is not None:
            self._output.stop(result.stop_reason)
        if result.needs_fresh_links:
            self._requests.enqueue_read(run, now)

    def _on_run_finished(self, run: Run, now: float) -> None:
        match run.state:
            case RunState.SUCCEEDED if not run.outputs:
                self._output.notify(notices.no_output(run))
            case RunState.SUCCEEDED:
                self._downloads.enqueue(run, now)
            case RunState.FAILED:
                self._on_run_failed(run)
            case RunState.LOST:  # pragma: no branch - a read ends in one of these
                self._output.notify(notices.lost(run))

    def _on_run_failed(self, run: Run) -> None:
        self._output.notify(notices.failed(run, then=self._retry(run)))

    def _retry(self, run: Run) -> str:
        """Add another attempt if one is allowed. Returns what follows, in words; empty where the user decides that."""
        attempts = (self._runs[key] for key in self._keys_by_take[run.take_id])
        left = attempts_left(attempts, run.fingerprint, self.settings.max_attempts)
        # name superseded_run
        if run.is_superseded:
            return "another attempt has taken its place"
        if is_refused_content(run):
            return FAILS_AGAIN
        # rule failed_again_at_once
        if left == 0:
            return ""
        if run.take_id not in self._scope:
            return "an apply that includes this take repeats it"
        if run.take_id not in self._retryable:
            return "another attempt is not in the plan that is applied"
        if any(is_spare(self._runs[key], self._scope) for key in self._keys_by_fingerprint[run.fingerprint]):
            return "the next apply uses another run in its place"  # one of the same request that is paid for already
        promised = sum(isinstance(change, AddAttempt) for change in self._ledger_changes)
        if not self._requests.admits_more_creates(promised):
            # no attempt is recorded: the next apply decides about it, with a limit of its own
            return f"--limit {self.settings.max_creates:,} is reached, so the next apply repeats it"
        # rule no_retry_without_yes
        if self.settings.consent is not Consent.GIVEN:
            # no attempt is recorded either: the next apply would pay for it, whatever max_attempts is by then
            self._output.stop(stop_reasons.no_consent_for_retry(self.settings.consent))
            return "it is not repeated, because nobody has agreed to pay for that"
        self._ledger_changes += [SupersedeRun(run.key, Supersession.RETRY), AddAttempt(run.take_id)]
        return f"attempt {run.attempt + 1} follows"

    # --- the runs ---

    def _store_run(self, run: Run) -> None:
        before = self._runs.get(run.key)
        if before is None:
            self._keys_by_take.setdefault(run.take_id, []).append(run.key)
            self._keys_by_fingerprint.setdefault(run.fingerprint, []).append(run.key)
        self._runs[run.key] = run
        self._counters.on_run_changed(before, run)
        # rule cap_over_applies
        self._requests.cap.on_run_changed(run)
        self._downloads.on_run_changed(run)
        self._sizes.on_run_changed(before, run)
        self._interpreter.on_run_changed(run)

    def _schedule(self, run: Run, now: float) -> None:
        """Have what this run needs done: its create, its reads, its downloads."""
        if run.state is RunState.SUCCEEDED:
            self._downloads.enqueue(run, now)
        if run.take_id not in self._followed:
            return
        since = now if run.submitted_at is None else min(now, run.submitted_at - self._epoch_offset)
        to_create = run.state is RunState.UNSENT and not run.is_superseded and run.take_id in self._scope
        # a lost run is read once more, and one without outputs too: the API may know better by now
        to_read = run.state in {*RUNNING, RunState.LOST} or (run.state is RunState.SUCCEEDED and not run.outputs)
        if to_create or to_read:
            self._requests.enqueue(run, since)

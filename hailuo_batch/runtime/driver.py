"""The loop that connects engine, ledger, receipts and executor.

Ask the engine what to start; record what must be recorded before; hand it to the executor; wait; record what came of
it; tell the engine. A create is in the receipts and in the ledger before its first byte leaves, and its answer is in
both before the engine acts on it. So whatever moment the process dies at, no run that was paid for is unknown.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType

from hailuo_batch.adapters.local.key_window import UnsharedWindow
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.engine import Engine
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.disk_space import DiskNeed
from hailuo_batch.core.scheduling.rate_window import RateWindow
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.runtime.executor import Completion
from hailuo_batch.runtime.observer import GuardedObserver, Observer
from hailuo_batch.runtime.ports import (
    ClockLike,
    DiskSpaceLike,
    ExecutorLike,
    LedgerLike,
    ReceiptsLike,
    UnlimitedDiskSpace,
    WindowLike,
)

_MAX_WRITE_FAILURES = 10
_RETRY_PAUSE_S = 1.0
_WINDOW_BUSY_S = 0.01  # until the next try, where another process has its turn
_NOT_RECORDED = "it could not be recorded beforehand"
_UPDATE_INTERVAL_S = 0.1  # between two updates of the observer: where answers come fast, each turn is too often


@dataclass(frozen=True, slots=True)
class _Unrecorded:
    """A completion whose events are not in the ledger yet."""

    completion: Completion
    events: tuple[Event, ...]
    at: float

    @property
    def run(self) -> Run:
        return self.completion.action.run

    @property
    def is_create(self) -> bool:
        return isinstance(self.completion.action, act.CreateRun)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time at which an apply stops, in seconds of the driver's clock, and the reason for the user."""

    at: float
    stop_reason: StopReason


class Driver:
    """Runs one apply to its end, or to its deadline.

    `check_records` raises LedgerError where nobody would find what is recorded. `tick_s` is the longest time between
    two updates of the observer. `on_recorded` is told each event about a run once it is in the ledger.
    """

    def __init__(  # noqa: PLR0913 - one for each part that it holds together
        self,
        engine: Engine,
        ledger: LedgerLike,
        receipts: ReceiptsLike,
        executor: ExecutorLike,
        clock: ClockLike,
        observer: Observer,
        *,
        new_id: Callable[[], str],
        check_records: Callable[[], None] = lambda: None,
        windows: Mapping[int, WindowLike] = MappingProxyType({}),
        disk_space: DiskSpaceLike | None = None,
        tick_s: float = 0.25,
        deadline: Deadline | None = None,
        on_recorded: Callable[[Run, Event], None] | None = None,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._receipts = receipts
        self._executor = executor
        self._clock = clock
        self._observer = GuardedObserver(observer, self._on_reader_gone)
        self._new_id = new_id
        self._check_records = check_records
        self._windows: dict[int, WindowLike] = {
            number: windows.get(number, UnsharedWindow()) for number in engine.windows
        }
        self._disk_space = disk_space or UnlimitedDiskSpace()
        self._tick_s = tick_s
        self._deadline = deadline
        self._on_recorded = on_recorded
        self._unrecorded: list[_Unrecorded] = []
        self._shown: set[int] = set()
        self._create_answers: list[Completion] = []  # to creates, and in no receipt yet
        self._answers_due = 0
        self._write_failures = 0
        self._retry_write_at = self._update_at = float("-inf")
        self._bug: Exception | None = None
        self._requested_stop: StopReason | None = None

    def run(self) -> None:
        """Run until the engine is finished. Raises LedgerError if an answer could not be recorded in the end."""
        try:
            # space for all of it before the first create: the first half of a campaign that does not fit is no use
            self._check_disk_space(self._engine.total_disk_need)
            while not self._turn():
                self._on_completions(self._executor.wait(self._pause_s()))
        except Exception:
            self._save_create_answers()
            raise
        self._leave_windows()
        self._observer.update(self._engine.progress(self._clock.now()))
        if self._unrecorded:
            raise LedgerError(_unrecorded_text(self._unrecorded))
        if self._bug is not None:
            raise self._bug

    def request_stop(self, reason: StopReason) -> None:
        """Have the loop stop for this reason at its next turn. Safe to call from a signal handler."""
        self._requested_stop = reason

    def _on_reader_gone(self) -> None:
        """Stop as on SIGHUP: nobody reads the output."""
        self.request_stop(stop_reasons.signalled(ExitCode.SIGTERM))

    def _turn(self) -> bool:
        """Perform one turn of the loop: start everything that can start now. Returns whether the loop is over."""
        if self._deadline is not None and self._clock.now() >= self._deadline.at:
            self._engine.stop(self._deadline.stop_reason)
            self._executor.cancel_fetches()
        if self._requested_stop is not None:
            self._engine.stop(self._requested_stop)
            self._executor.cancel_fetches()
        self._record_ledger_changes()
        self._start_actions(self._decide())
        self._update_observer()
        # answers that cannot be recorded are given up only when no other answer is on its way
        given_up = self._write_failures > _MAX_WRITE_FAILURES and self._engine.under_way == len(self._unrecorded)
        return self._engine.is_finished or given_up

    def _decide(self) -> Sequence[Action]:
        """The actions to start now. Where that may be a request, they are decided in a turn of its key's shared window.

        A turn that another process has is waited for with this key alone. So nobody waits while he holds a turn.
        """
        now, engine = self._clock.now(), self._engine
        opened: dict[int, RateWindow] = {}
        for number, window in engine.windows_to_share(now):
            others = self._windows[number].open(now)
            if others is None:
                window.pause_until(now + _WINDOW_BUSY_S)
            else:
                window.on_others(others, now)
                opened[number] = window
        actions = engine.decide(now, opened)
        # published before anything is sent: no other process may take the places that these requests use
        for number, window in opened.items():
            self._windows[number].close(window.publish(now))
        return actions

    def _leave_windows(self) -> None:
        """Publish what this process leaves behind in the windows, and leave them."""
        now = self._clock.now()
        for number, window in self._engine.windows.items():
            window.stop_waiting()
            shared = self._windows[number]
            if shared.open(now) is not None:
                shared.close(window.publish(now))
            shared.leave()

    def _pause_s(self) -> float:
        now = self._clock.now()
        wake_at = min(self._engine.wake_at(now), self._retry_write_at if self._unrecorded else float("inf"))
        if self._deadline is not None and now < self._deadline.at:
            wake_at = min(wake_at, self._deadline.at)
        return max(0.0, min(wake_at - now, self._tick_s))

    # --- before an action ---

    def _record_ledger_changes(self) -> None:
        changes = self._engine.take_ledger_changes()
        if not changes:
            return
        try:
            runs = self._ledger.carry_out(changes, self._clock.wall())
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))
            return
        self._engine.on_runs(runs, self._clock.now())

    def _start_actions(self, actions: Sequence[Action]) -> None:
        self._start_creates([action for action in actions if isinstance(action, act.CreateRun)])
        for action in actions:
            if isinstance(action, act.MoveFile):
                self._start_move(action)
            elif not isinstance(action, act.CreateRun):
                self._executor.start(action)

    def _start_creates(self, actions: Sequence[act.CreateRun]) -> None:
        """Record the intents of these creates, then send them. Whatever fails before the sending pays for nothing."""
        if not actions:
            return
        try:
            self._check_records()
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))
            self._return_unsent(actions, _NOT_RECORDED)
            return
        # again before each create: others write to the disk too, and a video that cannot be saved is wasted money
        if not self._check_disk_space(self._engine.disk_need):
            self._return_unsent(actions, "there is no room for its video")
            return
        at = self._clock.wall()
        intents = [(action.run.key, ev.CreateStarted(self._new_id(), action.api_key)) for action in actions]
        intended = [
            replace(action.run, create_id=event.create_id, submitted_at=at)
            for action, (_, event) in zip(actions, intents, strict=True)
        ]
        try:
            # The receipts first: they survive a damaged or outdated ledger, and every create in the ledger must be in
            # them. If the process dies in between, the next apply restores the create from there and holds it in doubt.
            self._receipts.write_intents(intended)
            started = self._ledger.record(intents, at)
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))
            self._retract_intents(actions, [event.create_id for _, event in intents])
            return
        self._engine.on_runs(started, self._clock.now())
        for run, action in zip(started, actions, strict=True):
            self._answers_due += 1
            self._executor.start(replace(action, run=run))

    def _check_disk_space(self, need: DiskNeed) -> bool:
        """Whether there is enough disk space. Otherwise nothing more is created."""
        shortage = self._disk_space.shortage(need)
        if shortage:
            self._engine.stop(stop_reasons.no_room(shortage))
        return not shortage

    def _return_unsent(self, actions: Sequence[act.CreateRun], reason: str) -> None:
        """Give decided creates back to the engine, of which nothing was sent. In reverse, so that they keep their order
        at the front of its queue."""
        for action in reversed(actions):
            self._engine.on_result(action, ev.CreateNotSent(reason), (), self._clock.now())

    def _retract_intents(self, actions: Sequence[act.CreateRun], create_ids: Sequence[str]) -> None:
        """Record that these creates were not sent, because their intents could not be recorded in both places."""
        results = [(create_id, ev.CreateNotSent(_NOT_RECORDED)) for create_id in create_ids]
        # if this cannot be written either, the next apply finds intents without a result and holds them in doubt
        with suppress(LedgerError):
            self._receipts.write_results(results, self._clock.wall())
        self._return_unsent(actions, _NOT_RECORDED)

    def _start_move(self, action: act.MoveFile) -> None:
        """Record both names of the file, then rename it: after a crash it is looked for under either."""
        event = ev.FileMoving(action.index, action.target)
        try:
            # rule rename_recorded
            runs = self._ledger.record(((action.run.key, event),), self._clock.wall())
        except LedgerError as error:
            self._engine.on_result(action, ev.MoveFailed(str(error)), (), self._clock.now())
            return
        self._engine.on_runs(runs, self._clock.now())
        self._executor.start(action)

    # --- after an action ---

    def _on_completions(self, completions: Sequence[Completion]) -> None:
        self._collect_create_answers(completions)
        now, at = self._clock.now(), self._clock.wall()
        fresh = []
        for completion in completions:
            self._bug = self._bug or completion.bug
            events = self._engine.interpret(completion.action, completion.outcome, now)
            fresh.append(_Unrecorded(completion, events, at))
        # The receipts first, here too: an answer stands there even if the ledger cannot be written for long.
        self._write_receipts(fresh, at)
        self._create_answers = []
        self._unrecorded += fresh
        if self._bug is not None:
            self._engine.stop(stop_reasons.program_fault())
        if self._unrecorded and now >= self._retry_write_at:
            self._record(now)

    def _collect_create_answers(self, completions: Sequence[Completion]) -> None:
        creates = [each for each in completions if isinstance(each.action, act.CreateRun)]
        self._create_answers += creates
        self._answers_due -= len(creates)

    def _save_create_answers(self) -> None:
        """Save the answers to creates after this loop broke, which it never should: some may still be on their way.

        Neither engine nor ledger can be relied on then, so only the receipts are written. The next apply takes over
        what stands there.
        """
        with suppress(Exception):
            while self._answers_due > 0:
                self._collect_create_answers(self._executor.wait(self._tick_s))
        outcomes = [(each.action.run.create_id or "", each.outcome) for each in self._create_answers]
        results = [(id_, outcome) for id_, outcome in outcomes if isinstance(outcome, ev.CreateOutcome)]
        with suppress(LedgerError):
            self._receipts.write_results(results, self._clock.wall())

    def _write_receipts(self, items: Sequence[_Unrecorded], at: float) -> None:
        results = [(item.run.create_id or "", event) for item in items if item.is_create for event in item.events]
        if not results:
            return
        try:
            self._receipts.write_results(results, at)
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))  # the ledger is still tried

    def _record(self, now: float) -> None:
        """Record all that is unrecorded in one transaction, then tell the engine. A failure is retried after a pause.

        The engine must not act on a fact that is not on disk: after a crash it would be decided again, and paid again.
        """
        events = [(item.run.key, event) for item in self._unrecorded for event in item.events]
        try:
            changed = self._ledger.record(events, self._unrecorded[0].at) if events else ()
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))
            self._show_unrecorded()
            self._write_failures += 1
            self._retry_write_at = now + _RETRY_PAUSE_S
            if self._write_failures > _MAX_WRITE_FAILURES:
                self._engine.stop(stop_reasons.unrecordable())
            return
        recorded, self._unrecorded, self._write_failures = self._unrecorded, [], 0
        self._shown.clear()
        runs = {run.key: run for run in changed}
        for item in recorded:
            run = (runs[item.run.key],) if item.run.key in runs else ()
            self._engine.on_result(item.completion.action, item.completion.outcome, run, now)
            self._tell_recorded(item, runs)

    def _tell_recorded(self, item: _Unrecorded, runs: Mapping[int, Run]) -> None:
        """Pass on the events of a completion. Whoever fails to take them is told no more: they are recorded."""
        if self._on_recorded is None:
            return
        try:
            for event in item.events:
                self._on_recorded(runs.get(item.run.key, item.run), event)
        except Exception:  # noqa: BLE001 - no listener may end an apply
            self._on_recorded = None

    def _show_unrecorded(self) -> None:
        """Show the user, once, the run IDs that were paid for and cannot be recorded: the screen may be all there
        is."""
        created = [item for item in self._unrecorded if isinstance(item.completion.outcome, ev.RunCreated)]
        fresh = [item for item in created if item.run.key not in self._shown]
        if fresh:
            self._shown.update(item.run.key for item in fresh)
            self._observer.notice(Notice(_unrecorded_text(fresh)))

    def _update_observer(self) -> None:
        now = self._clock.now()
        while self._engine.notices:
            self._observer.notice(self._engine.notices.popleft())
        if now >= self._update_at:
            self._update_at = now + _UPDATE_INTERVAL_S
            self._observer.update(self._engine.progress(now))


def _unrecorded_text(items: Sequence[_Unrecorded]) -> str:
    outcomes = [(item.run.take_id, item.completion.outcome) for item in items]
    ids = [f"{take_id} is {outcome.run_id}" for take_id, outcome in outcomes if isinstance(outcome, ev.RunCreated)]
    paid = f" Paid for and not recorded in it: {', '.join(ids)}." if ids else ""
    return (
        f"The ledger cannot be written.{paid} The receipts hold every answer that could be written there. When the "
        "disk can be written again, run the same command to continue."
    )

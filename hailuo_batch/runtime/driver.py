"""The loop that holds the parts together, and nobody else's.

Ask the engine what to start; write down what must be written before it; hand it to the executor; wait; write down
what came of it; tell the engine. A create is in the receipts and in the ledger before its first byte leaves, and
its answer is in both before the engine hears of it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from hailuo_batch.adapters.local.key_window import UnsharedWindow
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.engine import Engine
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.ledger_changes import LedgerChange
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.disk_space import DiskNeed
from hailuo_batch.core.scheduling.shared_window import Holding
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.runtime.executor import Completion
from hailuo_batch.runtime.observer import GuardedObserver, Observer

_MAX_WRITE_FAILURES = 10
_RETRY_PAUSE_S = 1.0
_WINDOW_BUSY_S = 0.01  # until the next try, where another process has its turn
_NOT_RECORDED = "it could not be written down beforehand"
_UPDATE_INTERVAL_S = 0.1  # between two updates of the reporter: where answers come fast, a turn is too often


class LedgerLike(Protocol):
    """What the driver needs of a ledger."""

    def carry_out(self, changes: Sequence[LedgerChange], at: float) -> tuple[Run, ...]:
        """Record a plan's changes in one transaction. Returns the runs that were changed or made."""

    def record(self, events: Sequence[tuple[int, Event]], at: float) -> tuple[Run, ...]:
        """Record what happened to runs, by their keys, in one transaction. Returns them as they then stand."""


class ReceiptsLike(Protocol):
    """What the driver needs of the receipts."""

    def write_intents(self, runs: Sequence[Run]) -> None:
        """Write down that these creates are about to be sent."""

    def write_results(self, results: Sequence[tuple[str, Event]], at: float) -> None:
        """Write down what came of these creates, by their IDs."""


class ExecutorLike(Protocol):
    """What the driver needs of an executor."""

    def start(self, action: Action) -> None:
        """Begin to carry the action out, and return at once."""

    def wait(self, timeout_s: float) -> list[Completion]:
        """The actions that have ended, once there is one; empty when the time is over."""

    def cancel_fetches(self) -> None:
        """Have downloads end early."""


class ClockLike(Protocol):
    """What the driver needs of a clock, in seconds."""

    def now(self) -> float:
        """A time that never goes back."""

    def wall(self) -> float:
        """Seconds since the epoch, UTC, as the machine believes."""


class WindowLike(Protocol):
    """What the driver needs of the window that it shares with other processes."""

    def open(self, now: float) -> tuple[Holding, ...] | None:
        """Begin a turn. Returns what the others hold; None where another's turn goes on."""

    def close(self, mine: Holding) -> None:
        """End the turn; from here on, this process holds so much."""

    def leave(self) -> None:
        """End this process's part in the window; what it holds stays known."""


class DiskSpaceLike(Protocol):
    """What the driver needs to know of the disks."""

    def shortage(self, need: DiskNeed, /) -> str:
        """Says where room is missing for this; empty where there is enough."""


class UnlimitedDiskSpace:
    """Disks that have room for everything."""

    def shortage(self, _need: DiskNeed) -> str:
        """Nothing."""
        return ""


@dataclass(frozen=True, slots=True)
class _Unrecorded:
    """A completion whose events are not in the ledger yet."""

    completion: Completion
    events: tuple[Event, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an apply stops whatever is left, in seconds of the driver's clock, and how."""

    at: float
    stop_reason: StopReason


class Driver:
    """Runs one apply to its end, or to its deadline.

    `check_records` raises LedgerError where what is written would be found by nobody; `tick_s` bounds the time between
    two updates of the reporter.
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
        window: WindowLike | None = None,
        disk_space: DiskSpaceLike | None = None,
        tick_s: float = 0.25,
        deadline: Deadline | None = None,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._receipts = receipts
        self._executor = executor
        self._clock = clock
        self._observer = GuardedObserver(observer, self._on_reader_gone)
        self._new_id = new_id
        self._check_records = check_records
        self._window = window or UnsharedWindow()
        self._disk_space = disk_space or UnlimitedDiskSpace()
        self._tick_s = tick_s
        self._deadline = deadline
        self._unrecorded: list[_Unrecorded] = []
        self._shown: set[int] = set()
        self._create_answers: list[Completion] = []  # to creates, and in no receipt yet
        self._answers_due = 0
        self._write_failures = 0
        self._retry_write_at = self._update_at = float("-inf")
        self._bug: Exception | None = None
        self._requested_stop: StopReason | None = None

    def run(self) -> None:
        """Go on until the engine has finished. Raises LedgerError where an answer could not be recorded in the end."""
        try:
            # before anything is paid for, room for all of it: nobody shall pay for the first half of what does not fit
            self._check_disk_space(self._engine.total_disk_need)
            while not self._turn():
                self._on_completions(self._executor.wait(self._pause_s()))
        except Exception:
            self._save_create_answers()
            raise
        self._leave_window()
        self._observer.update(self._engine.progress(self._clock.now()))
        if self._unrecorded:
            raise LedgerError(_unrecorded_text(self._unrecorded))
        if self._bug is not None:
            raise self._bug

    def request_stop(self, reason: StopReason) -> None:
        """Have the loop stop as the halt says at its next turn. Safe to call from a signal handler."""
        self._requested_stop = reason

    def _on_reader_gone(self) -> None:
        """Nobody reads what is said any more: as on SIGHUP."""
        self.request_stop(stop_reasons.signalled(ExitCode.SIGTERM))

    def _turn(self) -> bool:
        """One turn of the loop: start all that can be started now."""
        if self._deadline is not None and self._clock.now() >= self._deadline.at:
            self._engine.stop(self._deadline.stop_reason)
            self._executor.cancel_fetches()
        if self._requested_stop is not None:
            self._engine.stop(self._requested_stop)
            self._executor.cancel_fetches()
        self._record_ledger_changes()
        self._start_actions(self._decide())
        self._update_observer()
        given_up = self._write_failures > _MAX_WRITE_FAILURES and self._engine.under_way == len(self._unrecorded)
        return self._engine.is_finished or given_up

    def _decide(self) -> Sequence[Action]:
        """What to start now. Where that may be a request, in a turn of its own among the processes that use the key."""
        now, engine = self._clock.now(), self._engine
        if not engine.needs_shared_window(now):
            return engine.decide(now)
        others = self._window.open(now)
        if others is None:
            engine.window.pause_until(now + _WINDOW_BUSY_S)
            return engine.decide(now)
        engine.window.on_others(others, now)
        actions = engine.decide(now)
        self._window.close(engine.window.publish(now))
        return actions

    def _leave_window(self) -> None:
        """Tell the others what this process leaves behind."""
        now, budget = self._clock.now(), self._engine.window
        budget.stop_waiting()
        if self._window.open(now) is not None:
            self._window.close(budget.publish(now))
        self._window.leave()

    def _pause_s(self) -> float:
        now = self._clock.now()
        wake_at = min(self._engine.wake_at(now), self._retry_write_at if self._unrecorded else float("inf"))
        if self._deadline is not None and now < self._deadline.at:
            wake_at = min(wake_at, self._deadline.at)
        return max(0.0, min(wake_at - now, self._tick_s))

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
            match action:
                case act.MoveFile():
                    self._start_move(action)
                case act.ReadRun() | act.FetchFile():
                    self._executor.start(action)
                case act.CreateRun():
                    pass

    def _start_creates(self, actions: Sequence[act.CreateRun]) -> None:
        if not actions:
            return
        try:
            self._check_records()
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))
            self._return_unsent(actions, _NOT_RECORDED)
            return
        # before each create: others write to the disk, too, and a video that finds no room was paid for in vain
        if not self._check_disk_space(self._engine.disk_need):
            self._return_unsent(actions, "there is no room for its video")
            return
        at = self._clock.wall()
        intents = [(action.run.key, ev.CreateStarted(self._new_id())) for action in actions]
        intended = [
            replace(action.run, create_id=event.create_id, submitted_at=at)
            for action, (_, event) in zip(actions, intents, strict=True)
        ]
        try:
            self._receipts.write_intents(intended)
            started = self._ledger.record(intents, at)
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))
            self._retract_intents(actions, [event.create_id for _, event in intents])
            return
        self._engine.on_runs(started, self._clock.now())
        for run in started:
            self._answers_due += 1
            self._executor.start(act.CreateRun(run))

    def _check_disk_space(self, need: DiskNeed) -> bool:
        """Whether there is room for what is needed. Where there is none, nothing is created any more."""
        lack = self._disk_space.shortage(need)
        if lack:
            self._engine.stop(stop_reasons.no_room(lack))
        return not lack

    def _return_unsent(self, actions: Sequence[act.CreateRun], reason: str) -> None:
        """Creates that were decided on, of which nothing was written and nothing was sent, wait for another apply."""
        for action in reversed(actions):
            self._engine.on_result(action, ev.CreateNotSent(reason), (), self._clock.now())

    def _retract_intents(self, actions: Sequence[act.CreateRun], create_ids: Sequence[str]) -> None:
        """Creates that could not be written down beforehand were not sent."""
        results = [(create_id, ev.CreateNotSent(_NOT_RECORDED)) for create_id in create_ids]
        # where not even this can be written, the next apply finds intents without an answer and holds them in doubt
        with suppress(LedgerError):
            self._receipts.write_results(results, self._clock.wall())
        self._return_unsent(actions, _NOT_RECORDED)

    def _start_move(self, action: act.MoveFile) -> None:
        event = ev.FileMoving(action.index, action.target)
        try:
            # rule rename_recorded
            runs = self._ledger.record(((action.run.key, event),), self._clock.wall())
        except LedgerError as error:
            self._engine.on_result(action, ev.MoveFailed(str(error)), (), self._clock.now())
            return
        self._engine.on_runs(runs, self._clock.now())
        self._executor.start(action)

    def _on_completions(self, completions: Sequence[Completion]) -> None:
        self._collect_create_answers(completions)
        now, at = self._clock.now(), self._clock.wall()
        fresh = []
        for completion in completions:
            self._bug = self._bug or completion.bug
            events = self._engine.interpret(completion.action, completion.outcome, now)
            fresh.append(_Unrecorded(completion, events, at))
        self._write_receipts(fresh, at)
        self._create_answers = []
        self._unrecorded += fresh
        if self._bug is not None:
            self._engine.stop(stop_reasons.program_fault())
        if self._unrecorded and now >= self._retry_write_at:
            self._record(now)

    def _collect_create_answers(self, completions: Sequence[Completion]) -> None:
        self._create_answers += [each for each in completions if isinstance(each.action, act.CreateRun)]
        self._answers_due -= sum(isinstance(each.action, act.CreateRun) for each in completions)

    def _save_create_answers(self) -> None:
        """This loop is broken, which it never should be, and answers that were paid for may still be on their way.

        Neither engine nor ledger can be relied on, so the receipts alone are: the next apply takes over what is there.
        """
        with suppress(Exception):
            while self._answers_due > 0:
                self._collect_create_answers(self._executor.wait(self._tick_s))
        outcomes = [(each.action.run.create_id or "", each.outcome) for each in self._create_answers]
        results = [(id_, outcome) for id_, outcome in outcomes if isinstance(outcome, ev.CreateOutcome)]
        with suppress(LedgerError):
            self._receipts.write_results(results, self._clock.wall())

    def _write_receipts(self, items: Sequence[_Unrecorded], at: float) -> None:
        creates = [item for item in items if isinstance(item.completion.action, act.CreateRun)]
        results = [(item.completion.action.run.create_id or "", event) for item in creates for event in item.events]
        if not results:
            return
        try:
            self._receipts.write_results(results, at)
        except LedgerError as error:
            self._engine.stop(stop_reasons.unwritable(str(error)))

    def _record(self, now: float) -> None:
        events = [(item.completion.action.run.key, event) for item in self._unrecorded for event in item.events]
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
            key = item.completion.action.run.key
            run = (runs[key],) if key in runs else ()
            self._engine.on_result(item.completion.action, item.completion.outcome, run, now)

    def _show_unrecorded(self) -> None:
        """Put on the screen, once, what was paid for and cannot be written down."""
        paid = [item for item in self._unrecorded if isinstance(item.completion.outcome, ev.RunCreated)]
        fresh = [item for item in paid if item.completion.action.run.key not in self._shown]
        if fresh:
            self._shown.update(item.completion.action.run.key for item in fresh)
            self._observer.notice(Notice(_unrecorded_text(fresh)))

    def _update_observer(self) -> None:
        now = self._clock.now()
        while self._engine.notices:
            self._observer.notice(self._engine.notices.popleft())
        if now >= self._update_at:
            self._update_at = now + _UPDATE_INTERVAL_S
            self._observer.update(self._engine.progress(now))


def _unrecorded_text(items: Sequence[_Unrecorded]) -> str:
    ids = [
        f"{item.completion.action.run.take_id} is {item.completion.outcome.run_id}"
        for item in items
        if isinstance(item.completion.outcome, ev.RunCreated)
    ]
    paid = f" Paid for and not recorded in it: {', '.join(ids)}." if ids else ""
    return (
        f"The ledger cannot be written.{paid} The receipts hold every answer that could be written there; "
        "when the disk can be written again, run the same command again and it goes on."
    )

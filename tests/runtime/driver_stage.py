"""One apply with every call between the driver and its parts written down, and a disk that fails on demand.

Driver, engine, ledger and receipts are the real ones; the executor is the simulation's, in virtual time.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.core.engine.engine import Engine, Settings
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import CreateUnanswered, Event, Outcome
from hailuo_batch.core.model.ledger_changes import LedgerChange
from hailuo_batch.core.model.runs import Run, TakeRecord
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.planning.plan import PlanRequest
from hailuo_batch.core.planning.recovery import Receipt
from hailuo_batch.runtime.driver import Driver
from hailuo_batch.runtime.executor import Completion
from hailuo_batch.runtime.observer import Observer
from hailuo_batch.runtime.ports import DiskSpaceLike
from hailuo_batch.values import CampaignSpec
from tests.helpers.full_disk import full_disk
from tests.sim.campaigns import VirtualWorkspace
from tests.sim.executor import VirtualExecutor


class Disk:
    """Whether the ledger and the receipts can be written, as the test says."""

    def __init__(self) -> None:
        self.ledger_works: Callable[[], bool] = lambda: True
        self.receipts_work: Callable[[], bool] = lambda: True

    def fail(self) -> None:
        """Nothing can be written from now on."""
        self.ledger_works = self.receipts_work = lambda: False


def _disk(works: bool) -> AbstractContextManager[None]:
    return nullcontext() if works else full_disk()


class WatchedLedger:
    """A real ledger."""

    def __init__(self, ledger: Ledger, disk: Disk, calls: list[str]) -> None:
        self._ledger, self._disk, self._calls = ledger, disk, calls

    def carry_out(self, steps: Sequence[LedgerChange], at: float) -> tuple[Run, ...]:
        self._calls.append(f"ledger: {_kinds(steps)}")
        with _disk(self._disk.ledger_works()):
            return self._ledger.carry_out(steps, at)

    def record(self, events: Sequence[tuple[int, Event]], at: float) -> tuple[Run, ...]:
        self._calls.append(f"ledger: {_kinds([event for _, event in events])}")
        with _disk(self._disk.ledger_works()):
            return self._ledger.record(events, at)


class WatchedReceipts:
    """Real receipts."""

    def __init__(self, receipts: Receipts, disk: Disk, calls: list[str]) -> None:
        self._receipts, self._disk, self._calls = receipts, disk, calls

    def write_intents(self, runs: Sequence[Run]) -> None:
        self._calls.append(f"receipts: intent of {', '.join(run.take_id for run in runs)}")
        with _disk(self._disk.receipts_work()):
            self._receipts.write_intents(runs)

    def write_results(self, results: Sequence[tuple[str, Event]], at: float) -> None:
        self._calls.append(f"receipts: {_kinds([event for _, event in results])}")
        with _disk(self._disk.receipts_work()):
            self._receipts.write_results(results, at)


class WatchedEngine(Engine):
    """A real engine. `breaks` is raised where it is asked what an answer means."""

    calls: list[str]
    breaks: Exception | None = None

    def interpret(self, action: Action, outcome: Outcome, now: float) -> tuple[Event, ...]:
        if self.breaks is not None:
            raise self.breaks
        return super().interpret(action, outcome, now)

    def on_result(self, action: Action, outcome: Outcome, runs: Iterable[Run], now: float) -> None:
        self.calls.append(f"engine: {type(outcome).__name__}")
        super().on_result(action, outcome, runs, now)


class WatchedExecutor(VirtualExecutor):
    """The simulation's executor. `on_start` and `on_answer` are called with each action; `bug` breaks creates."""

    calls: list[str]
    on_start: Callable[[Action], None] = staticmethod(lambda _: None)
    on_answer: Callable[[Action], None] = staticmethod(lambda _: None)
    bug: Exception | None = None

    def start(self, action: Action) -> None:
        self.calls.append(f"start: {type(action).__name__} of {action.run.take_id}")
        self.on_start(action)
        super().start(action)

    def wait(self, timeout_s: float) -> list[Completion]:
        completions = super().wait(timeout_s)
        for completion in completions:
            self.calls.append(f"answer: {type(completion.outcome).__name__}")
            self.on_answer(completion.action)
        return [self._broken(completion) for completion in completions]

    def cancel_fetches(self) -> None:
        self.calls.append("cancel fetches")

    def _broken(self, completion: Completion) -> Completion:
        if self.bug is None or not isinstance(completion.action, act.CreateRun):
            return completion
        return Completion(completion.action, CreateUnanswered("a fault of this program"), self.bug)


class WatchedApply(VirtualWorkspace):
    """A studio with one apply that is watched, `after` what happened in another; later ones are not."""

    def __init__(
        self,
        folder: Path,
        wanted: CampaignSpec,
        settings: Settings = Settings(),
        *,
        after: VirtualWorkspace | None = None,
        reporter: Observer | None = None,
        tick_s: float = 60.0,
        room: DiskSpaceLike | None = None,
        on_recorded: Callable[[Run, Event], None] | None = None,
    ) -> None:
        super().__init__(folder)
        if after is not None:
            self.clock, self.world, self.disk, self.ids = after.clock, after.world, after.disk, after.ids
        self.calls: list[str] = []
        self.files = Disk()
        self._stack = ExitStack()
        ledger = self._stack.enter_context(self.open_ledger())
        plan = self.put_in_order(ledger, wanted, PlanRequest())
        self.watched = WatchedExecutor(self.world, self.clock, self.disk, self.rng)
        self.engine = WatchedEngine(
            replace(settings, consent=Consent.GIVEN),
            ledger.snapshot(),
            plan.scope,
            plan.followed,
            now=self.clock.now(),
            wall=self.clock.wall(),
        )
        self.engine._requests._lanes.contact.is_proven = (
            True  # what is read before the first create is tested elsewhere
        )
        self.watched.calls = self.engine.calls = self.calls
        self.driver = Driver(
            self.engine,
            WatchedLedger(ledger, self.files, self.calls),
            WatchedReceipts(self._stack.enter_context(closing(Receipts(self.receipts_path))), self.files, self.calls),
            self.watched,
            self.clock,
            reporter or self.reporter,
            new_id=lambda: f"create-{next(self.ids)}",
            tick_s=tick_s,
            disk_space=room,
            on_recorded=on_recorded,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """As another process reads them now."""
        return load_receipts(self.receipts_path)

    @property
    def records(self) -> dict[str, TakeRecord]:
        """As another process reads them now, by take ID."""
        return {record.take.id: record for record in self.snapshot().takes}

    @property
    def creates(self) -> list[str]:
        """The takes whose creates the executor was given."""
        return [call.split()[-1] for call in self.calls if call.startswith("start: CreateRun")]


def _kinds(things: Sequence[object]) -> str:
    return ", ".join(type(thing).__name__ for thing in things)

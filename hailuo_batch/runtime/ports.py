"""What the driver needs of the parts around it, so that a simulation can stand in for each of them."""

from collections.abc import Sequence
from typing import Protocol

from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.ledger_changes import LedgerChange
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.disk_space import DiskNeed
from hailuo_batch.core.scheduling.shared_window import Holding
from hailuo_batch.runtime.executor import Completion


class LedgerLike(Protocol):
    """The ledger. Each call is one durable transaction, returns the changed runs, and raises LedgerError."""

    def carry_out(self, changes: Sequence[LedgerChange], at: float) -> tuple[Run, ...]:
        """Carry out these changes, in order."""

    def record(self, events: Sequence[tuple[int, Event]], at: float) -> tuple[Run, ...]:
        """Record these events, each with its run's key, in order."""


class ReceiptsLike(Protocol):
    """The receipts. Each call is durable when it returns, and raises LedgerError."""

    def write_intents(self, runs: Sequence[Run]) -> None:
        """Write that these creates are about to be sent."""

    def write_results(self, results: Sequence[tuple[str, Event]], at: float) -> None:
        """Write the results of creates, each with its create ID."""


class ExecutorLike(Protocol):
    """Carries actions out."""

    def start(self, action: Action) -> None:
        """Have the action carried out; its completion comes out of `wait`."""

    def wait(self, timeout_s: float) -> list[Completion]:
        """Wait for completions, at most so long."""

    def cancel_fetches(self) -> None:
        """Have downloads under way end soon."""


class ClockLike(Protocol):
    """The machine's clocks, in seconds."""

    def now(self) -> float:
        """A clock that never goes back."""

    def wall(self) -> float:
        """The time of day, since the epoch, UTC."""


class WindowLike(Protocol):
    """The request window that is shared with other processes."""

    def open(self, now: float) -> tuple[Holding, ...] | None:
        """Begin a turn. Returns what the others hold, None where one of them has its turn now."""

    def close(self, mine: Holding) -> None:
        """End the turn: from here on the others see what this process holds."""

    def leave(self) -> None:
        """Stop taking part."""


class DiskSpaceLike(Protocol):
    """The free space on the disks."""

    def shortage(self, need: DiskNeed, /) -> str:
        """What there is too little of, as part of a sentence; empty where there is enough."""


class UnlimitedDiskSpace:
    """Disks that have space for everything."""

    def shortage(self, _need: DiskNeed) -> str:
        """Report no shortage."""
        return ""

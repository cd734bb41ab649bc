"""What happens while an apply runs, as frozen values: the same facts that the ledger holds by the time one is seen.

Times are the receiver's; money is exact. An event about a take comes once it is recorded, and never before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.errors import ExitCode
from hailuo_batch.interface.money import Money
from hailuo_batch.interface.values import Plan


@dataclass(frozen=True, slots=True)
class Planned:
    """The first event: what this apply is about to do."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Created:
    """A run exists and is paid for. `cost` is None where the API did not say it."""

    take_id: str
    run_id: str
    attempt: int
    cost: Money | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A run succeeded; its video is downloaded next."""

    take_id: str
    run_id: str
    attempt: int
    cost: Money | None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file is complete on disk. `flaw` says how it is damaged, empty where it is not."""

    take_id: str
    run_id: str
    attempt: int
    path: Path
    size: int
    sha256: str
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt has no video. `state` is `failed` (refunded), `rejected` (nothing was paid) or `lost` (paid, and
    Runbase does not know the run)."""

    take_id: str
    run_id: str | None
    attempt: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A request got no answer: it may have been paid for, and is not sent again unless you say so."""

    take_id: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The apply ends, or pays for nothing more, before all is done. `exit_code` says which kind of reason it is."""

    reason: str
    exit_code: ExitCode


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the apply is: its takes by state, and the campaign's money. Comes when that has changed, at most ten
    times a second. `time_left_s` is None where it is not known."""

    takes: int
    counts: Mapping[str, int]
    spent: Money
    open_runs: int
    time_left_s: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know, in a sentence or two."""

    text: str
    is_warning: bool = False


Event = Planned | Created | Finished | Downloaded | Failed | InDoubt | Stopped | Progress | Notice
"""What `stream` yields and `on_event` gets."""

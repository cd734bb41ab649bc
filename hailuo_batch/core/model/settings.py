"""What bounds an apply, as the command line, the environment and the manifest have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Consent(Enum):
    """Whether the user has agreed to pay."""

    GIVEN = "given"
    MISSING = "missing"  # nobody could be asked, and nobody has said yes beforehand
    DECLINED = "declined"  # asked, and the answer was not yes


@dataclass(frozen=True, slots=True)
class Settings:
    """What bounds an apply. Money in micro-USD, times in seconds; None means no such bound.

    `consent` is missing unless somebody says otherwise: what is forgotten must not pay.
    `shown_prices` is what the plan showed for each model; creating stops where a run costs clearly more.
    `is_key_new` says that another key made the runs that the ledger knows. `known_durations` are, for each model, how
    long runs of earlier applies took. `max_fetches` is more than the transfers that go on at once, for some fetches
    only wait for the disk.
    """

    rate_limit: int = 20
    rate_window_s: float = 10.0
    cap_micro_usd: int | None = None
    max_attempts: int = 1
    max_in_flight: int | None = None
    run_timeout_s: float = 3600.0
    max_fetches: int = 8
    shown_prices: Mapping[str, int] = field(default_factory=dict)
    is_key_new: bool = False
    known_durations: Mapping[str, Sequence[float]] = field(default_factory=dict)
    # rule no_yes_yet
    consent: Consent = Consent.MISSING

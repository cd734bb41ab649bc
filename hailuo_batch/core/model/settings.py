"""The limits of an apply, taken from the command line, the environment and the manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from hailuo_batch.core.model.api_keys import ONLY_KEY, ApiKey


class Consent(Enum):
    """Whether the user has agreed to pay."""

    GIVEN = "given"
    MISSING = "missing"  # nobody could be asked, and --yes was not given
    DECLINED = "declined"  # the user was asked and did not answer yes


@dataclass(frozen=True, slots=True)
class Settings:
    """The limits of an apply. Money is in micro-USD, times are in seconds; None means no such limit.

    `consent` defaults to missing, so that a caller who forgets to set it cannot pay. `shown_prices` holds the price of
    each model that the plan showed; creating stops where a run costs clearly more. `api_keys` are the keys to use, each
    with a window of `rate_limit` requests of its own. `known_durations` are how long runs of earlier applies took, by
    model. `max_fetches` exceeds the number of simultaneous transfers, because some downloads only wait for the disk.
    `max_creates` bounds the runs that are created, further attempts included.
    """

    rate_limit: int = 20
    rate_window_s: float = 10.0
    cap_micro_usd: int | None = None
    max_attempts: int = 1
    max_in_flight: int | None = None
    max_creates: int | None = None
    run_timeout_s: float = 3600.0
    max_fetches: int = 8
    shown_prices: Mapping[str, int] = field(default_factory=dict)
    api_keys: tuple[ApiKey, ...] = (ONLY_KEY,)
    known_durations: Mapping[str, Sequence[float]] = field(default_factory=dict)
    # rule no_yes_yet
    consent: Consent = Consent.MISSING

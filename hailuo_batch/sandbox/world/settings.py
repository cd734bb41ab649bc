"""The settings of a world: prices, money, failures, durations, the rate limit, the accepted keys and their accounts.

Invariant: every number is in its range, and no account goes by the name of a key.
"""

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum

from hailuo_batch.values import DEFAULT_MODEL

MAX_MODELS = 64
MAX_PRICE_MICRO_USD = 2**32 - 1
_KEY = re.compile(r"sk-[A-Za-z0-9_-]{1,200}")
_LONGEST_NAME = 40


class Window(StrEnum):
    """How the rate limit counts: in any window of its length, or in consecutive windows from time 0."""

    SLIDING = "sliding"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Money in micro-USD (None: unlimited), times in seconds; durations are log-normal. Raises ValueError.

    `balance_micro_usd` is that of each account, `spend_limit_micro_usd` that of each key over its lifetime. `api_keys`
    None accepts any key that starts with `sk-`. `accounts` are keys, each with the name of its account; they are
    accepted too, and those of one account share its balance and its runs. `sensitive_rate` is the share of runs that
    fail because of what they show, beside those of `fail_rate`. `max_processing` runs are processed at once, first come
    first served (None: all of them). `retry_after_s` is sent with each 429 `RATE_LIMITED` where it is set; the
    documented API sends none.
    """

    seed: int = 0
    price_micro_usd: int = 280_000
    other_prices: tuple[tuple[str, int], ...] = ()
    balance_micro_usd: int | None = None
    spend_limit_micro_usd: int | None = None
    fail_rate: float = 0.0
    sensitive_rate: float = 0.0
    rate_limit: int = 20
    rate_window_s: float = 10.0
    window: Window = Window.SLIDING
    retry_after_s: int | None = None
    median_s: float = 90.0
    sigma: float = 0.35
    min_s: float = 20.0
    max_processing: int | None = None
    api_keys: frozenset[str] | None = None
    accounts: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not (0 <= self.fail_rate <= 1 and 0 <= self.sensitive_rate <= 1):
            raise ValueError("fail_rate and sensitive_rate must be between 0 and 1")
        if self.rate_limit < 1 or not 0 < self.rate_window_s < math.inf:
            raise ValueError("the rate limit must allow at least 1 request in a window longer than 0 s")
        if not (0 < self.median_s < math.inf and 0 <= self.min_s < math.inf and 0 <= self.sigma < math.inf):
            raise ValueError("median_s must be above 0, min_s and sigma must not be below 0, and all must be finite")
        if self.max_processing is not None and self.max_processing < 1:
            raise ValueError("max_processing must be at least 1")
        if len(dict(self.prices)) != len(self.prices) or len(self.prices) > MAX_MODELS:
            raise ValueError(f"each model has one price, and there are at most {MAX_MODELS} models")
        if not all(0 <= price <= MAX_PRICE_MICRO_USD for _, price in self.prices):
            raise ValueError(f"a price must be between 0 and {MAX_PRICE_MICRO_USD} micro-USD")
        for key, name in self.accounts:
            check_account(key, name)
        if len(dict(self.accounts)) != len(self.accounts):
            raise ValueError("a key must be in one account only")

    @property
    def prices(self) -> tuple[tuple[str, int], ...]:
        """Every model with its price, the default model first. A model's position is part of its runs' IDs."""
        return ((DEFAULT_MODEL, self.price_micro_usd), *self.other_prices)


def check_account(key: str, name: str) -> None:
    """Raise ValueError for a key or an account's name that cannot be. The key is not repeated."""
    if _KEY.fullmatch(key) is None:
        raise ValueError("a key must be `sk-` followed by letters, digits, `-` and `_` only")
    if not name.isprintable() or not 0 < len(name.strip()) == len(name) <= _LONGEST_NAME:
        raise ValueError(f"the name of an account must be printable text of at most {_LONGEST_NAME} characters")
    if name.startswith("sk-"):
        raise ValueError("the name of an account must not start with `sk-`: the key comes first")

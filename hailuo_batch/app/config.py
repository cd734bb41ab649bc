"""What the command line, the environment and the manifest ask for, in that order, checked strictly.

Everything here is read before anything is opened or sent: what is wrong is exit 2. The API key is read from the
environment alone and appears in no message.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from hailuo_batch.adapters.runbase import parse_base_url
from hailuo_batch.app.workspace import SANDBOX
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.plan import InDoubt, Wishes, matches_any
from hailuo_batch.errors import AccountError, UsageError
from hailuo_batch.values import Campaign, parse_duration, parse_usd

T = TypeVar("T")

DEFAULT_BASE_URL = "https://runbase.net/api/v1"
_RATE = re.compile(r"([1-9][0-9]{0,5})/((?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,3})?)s", re.ASCII)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many requests in any window of so many seconds."""

    requests: int = 20
    window_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds that a command line may set, as they were written; None where it does not."""

    rate_limit: str | None = None
    max_spend: str | None = None
    max_in_flight: int | None = None
    run_timeout: str | None = None


def read_endpoint(sandbox: bool) -> str:
    """The word `sandbox`, or the API's base URL in its one spelling. Raises UsageError for a URL that is none."""
    if sandbox:
        return SANDBOX
    return parse_base_url(os.environ.get("RUNBASE_BASE_URL") or DEFAULT_BASE_URL)


def read_key() -> str:
    """The API key. Raises AccountError where there is none."""
    key = os.environ.get("RUNBASE_API_KEY", "").strip()
    if not key:
        raise AccountError(
            "There is no API key: RUNBASE_API_KEY is not set. Nothing was sent, nothing was paid. Set it with `export "
            "RUNBASE_API_KEY=sk-...`, or add --sandbox to rehearse without a key and without paying."
        )
    return key


def read_settings(bounds: Bounds, campaign: Campaign) -> Settings:
    """What bounds an apply of the campaign. Raises UsageError for what cannot be read."""
    limits = campaign.limits
    rate = read_rate_limit(bounds.rate_limit)
    # rule cap-set
    cap = limits.max_spend_micro_usd
    if bounds.max_spend is not None:
        cap = parse_option("--max-spend", bounds.max_spend, parse_usd)
    # rule timeout-set
    timeout_s = limits.run_timeout_s
    if bounds.run_timeout is not None:
        timeout_s = parse_option("--run-timeout", bounds.run_timeout, parse_duration)
    return Settings(
        rate_limit=rate.requests,
        rate_window_s=rate.window_s,
        cap_micro_usd=cap,
        max_attempts=limits.max_attempts,
        max_in_flight=limits.max_in_flight if bounds.max_in_flight is None else bounds.max_in_flight,
        run_timeout_s=timeout_s,
    )


def read_rate_limit(option: str | None) -> RateLimit:
    """The option, else the environment, else Runbase's own. Raises UsageError for what cannot be read."""
    if option is not None:
        return parse_option("--rate-limit", option, parse_rate_limit)
    variable = os.environ.get("RUNBASE_RATE_LIMIT")
    return parse_option("RUNBASE_RATE_LIMIT", variable, parse_rate_limit) if variable else RateLimit()


def parse_rate_limit(text: str) -> RateLimit:
    """A limit as written, such as `20/10s`. Raises ValueError for anything else."""
    match = _RATE.fullmatch(text)
    if match is None or float(match[2]) == 0:
        raise ValueError(f"{text!r} is not a rate limit; write it like 20/10s, requests and the window in seconds")
    return RateLimit(int(match[1]), float(match[2]))


def read_wishes(campaign: Campaign, only: tuple[str, ...], replace: tuple[str, ...], in_doubt: str) -> Wishes:
    """What is asked beyond the manifest. Raises UsageError for a pattern that fits no take."""
    ids = [take.id for take in campaign.takes]
    _check_patterns("--only", only, ids)
    _check_patterns("--replace", replace, ids)
    return Wishes(only, replace, InDoubt(in_doubt))


def _check_patterns(option: str, patterns: Iterable[str], ids: list[str]) -> None:
    for pattern in patterns:
        if not any(matches_any(id_, (pattern,)) for id_ in ids):
            raise UsageError(
                f"{option} {pattern!r} fits no take of this manifest. Nothing was sent. Take IDs look like {ids[0]!r}; "
                "`hailuo-batch plan MANIFEST -v` lists them all."
            )


def parse_option(name: str, text: str, parse: Callable[[str], T]) -> T:
    """What the option, or variable, of that name says. Raises UsageError that names it for what cannot be read."""
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}. Nothing was sent.") from error

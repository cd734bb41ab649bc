"""What a command was asked beyond the manifest: options, the environment, and the command that asks the same again.

A command-line option beats the environment, which beats the manifest. Whoever continues an apply pastes a command that
this program printed: it must never pay for more than the one that was given. So what decides what is paid for is in it
again, and a wish that is fulfilled, or recorded in the ledger, is not.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hailuo_batch.adapters.runbase import parse_base_url
from hailuo_batch.app.image_preflight import ImageCheckLevel
from hailuo_batch.app.workspace import SANDBOX, CampaignLocation, command_line
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanRequest, matches_any
from hailuo_batch.errors import AccountError, UsageError
from hailuo_batch.text import quote
from hailuo_batch.values import CampaignSpec, parse_duration, parse_usd

T = TypeVar("T")

DEFAULT_BASE_URL = "https://runbase.net/api/v1"
_RATE = re.compile(r"([1-9][0-9]{0,5})/((?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,3})?)s", re.ASCII)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many requests in any window of so many seconds."""

    requests: int = 20
    window_s: float = 10.0


@dataclass(frozen=True, slots=True)
class LimitOptions:
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


def read_settings(options: LimitOptions, campaign: CampaignSpec) -> Settings:
    """What bounds an apply of the campaign. Raises UsageError for what cannot be read."""
    limits = campaign.limits
    rate = read_rate_limit(options.rate_limit)
    # rule cap_set
    cap = limits.max_spend_micro_usd
    if options.max_spend is not None:
        cap = parse_option("--max-spend", options.max_spend, parse_usd)
    # rule timeout_set
    timeout_s = limits.run_timeout_s
    if options.run_timeout is not None:
        timeout_s = parse_option("--run-timeout", options.run_timeout, parse_duration)
    return Settings(
        rate_limit=rate.requests,
        rate_window_s=rate.window_s,
        cap_micro_usd=cap,
        max_attempts=limits.max_attempts,
        max_in_flight=limits.max_in_flight if options.max_in_flight is None else options.max_in_flight,
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


def read_wishes(campaign: CampaignSpec, only: tuple[str, ...], replace: tuple[str, ...], in_doubt: str) -> PlanRequest:
    """What is asked beyond the manifest. Raises UsageError for a pattern that fits no take."""
    ids = [take.id for take in campaign.takes]
    _check_patterns("--only", only, ids)
    _check_patterns("--replace", replace, ids)
    return PlanRequest(only, replace, InDoubtPolicy(in_doubt))


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


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What `apply` is asked beyond the manifest.

    `yes` answers the question before paying beforehand; `accept_price` pays whatever a run turns out to cost.
    `check_images` is None where it is left to whether this is a rehearsal; `plan_file` holds the plan to follow. `wait`
    and `max_duration` are durations as they were written.
    """

    limits: LimitOptions = field(default_factory=LimitOptions)
    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: str = "hold"
    yes: bool = False
    accept_price: bool = False
    new_ledger: bool = False
    require_ledger: bool = False
    no_sidecar: bool = False
    check_images: bool | None = None
    plan_file: Path | None = None
    wait: str | None = None
    max_duration: str | None = None

    @property
    def image_check_level(self) -> ImageCheckLevel | None:
        """How far images are looked after, None where the user does not say."""
        # rule no_check_images
        return (
            None if self.check_images is None else ImageCheckLevel.ONLINE if self.check_images else ImageCheckLevel.NONE
        )

    @property
    def wait_s(self) -> float:
        """How long to wait for another's lock. Raises UsageError for what is no duration."""
        return 0.0 if self.wait is None else parse_option("--wait", self.wait, parse_duration)

    @property
    def max_duration_s(self) -> float:
        """How long the apply may last, infinity where nothing bounds it. Raises UsageError for what is no duration."""
        if self.max_duration is None:
            return float("inf")
        return parse_option("--max-duration", self.max_duration, parse_duration)


def check_options(options: ApplyOptions) -> None:
    """Raises UsageError where options contradict each other, or hold no duration."""
    if options.require_ledger and options.new_ledger:
        raise UsageError(
            "--require-ledger and --new-ledger contradict each other: one wants a ledger that is there, the other "
            "begins a new one. Nothing was sent."
        )
    _ = options.wait_s, options.max_duration_s


def resume_command(where: CampaignLocation, options: ApplyOptions, *, paid: bool, replacing: bool) -> str:
    """The command that continues this apply, as it can be pasted into a shell.

    `paid` says that the user has agreed, so that the wishes are recorded. Then `--in-doubt resubmit` is left out:
    repeated, it would take up what has come to be in doubt since. So is `--replace` unless it is still under way
    (`replacing`): repeated, it would be a new wish. `--new-ledger` is never repeated.
    """
    limits = options.limits
    words = [
        *_repeatable_option("--only", options.only),
        # rule same_replace_next
        *_repeatable_option("--replace", options.replace if replacing or not paid else ()),
        # rule in_doubt_once
        *_option_with_value("--in-doubt", None if paid or options.in_doubt == "hold" else options.in_doubt),
        # rule same_cap_next
        *_option_with_value("--max-spend", limits.max_spend),
        *_option_with_value("--plan", options.plan_file),
        *_flags({"--check-images": options.check_images is True, "--no-check-images": options.check_images is False}),
        *_option_with_value("--max-in-flight", limits.max_in_flight),
        *_option_with_value("--run-timeout", limits.run_timeout),
        *_option_with_value("--rate-limit", limits.rate_limit),
        *_option_with_value("--max-duration", options.max_duration),
        *_option_with_value("--wait", options.wait),
        *_flags(
            {
                "--accept-price": options.accept_price,
                "--require-ledger": options.require_ledger,
                "--no-sidecar": options.no_sidecar,
                "--yes": options.yes,
            }
        ),
    ]
    return " ".join([command_line("apply", where), *map(quote, words)])


def _repeatable_option(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]


def _option_with_value(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _flags(given: dict[str, bool]) -> list[str]:
    return [name for name, is_given in given.items() if is_given]

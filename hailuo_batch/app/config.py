"""What a command is asked beyond the manifest: options, the environment, and the command that continues an apply.

A command-line option beats the environment, which beats the manifest.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hailuo_batch.adapters.runbase import parse_base_url
from hailuo_batch.adapters.runbase.key_shape import find_wrong_shape, given_keys
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.core.model.api_keys import ONLY_KEY, ApiKey
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.picks.picks import Pick
from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanRequest
from hailuo_batch.core.planning.selection import TAG_PREFIX, chooses, matches_any
from hailuo_batch.errors import AccountError, UsageError
from hailuo_batch.report.advice import SANDBOX
from hailuo_batch.text import quote
from hailuo_batch.values import CampaignSpec, Take, parse_duration, parse_usd

if TYPE_CHECKING:
    from hailuo_batch.app.plan_file import SavedPlan

T = TypeVar("T")

DEFAULT_BASE_URL = "https://runbase.net/api/v1"
_RATE = re.compile(r"([1-9][0-9]{0,5})/((?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,3})?)s", re.ASCII)
NO_CAP = "none"
"""What --max-spend takes for no cap at all, whatever the manifest says."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many requests in any window of so many seconds. The default is Runbase's documented limit."""

    requests: int = 20
    window_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """The options of `apply`, as the user typed them; None for those that were not given.

    `yes` agrees to pay without being asked; `accept_price` pays whatever a run turns out to cost. `check_images` is
    None unless the user decided. `plan_file` holds the plan to follow, unless `plan` is that plan itself;
    `replace_from` has the picks whose re-rolls are wanted. `strict` makes errors of warnings.
    """

    rate_limit: str | None = None
    max_spend: str | None = None
    max_in_flight: int | None = None
    run_timeout: str | None = None
    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    replace_from: Path | None = None
    limit: int | None = None
    in_doubt: str = "hold"
    yes: bool = False
    accept_price: bool = False
    new_ledger: bool = False
    require_ledger: bool = False
    no_sidecar: bool = False
    check_images: bool | None = None
    plan_file: Path | None = None
    strict: bool = False
    wait: str | None = None
    max_duration: str | None = None
    plan: "SavedPlan | None" = None

    @property
    def wait_s(self) -> float:
        """How long to wait for another apply's lock. Raises UsageError for an invalid duration."""
        return 0.0 if self.wait is None else parse_option("--wait", self.wait, parse_duration)

    @property
    def max_duration_s(self) -> float:
        """How long the apply may last, infinity without a limit. Raises UsageError for an invalid duration."""
        if self.max_duration is None:
            return float("inf")
        return parse_option("--max-duration", self.max_duration, parse_duration)


def read_endpoint(sandbox: bool, given: str | None = None) -> str:
    """The word `sandbox`, or the API's base URL, normalized: the given one, else that of the environment.

    Raises UsageError for an invalid URL.
    """
    if sandbox:
        return SANDBOX
    return parse_base_url(given or os.environ.get("RUNBASE_BASE_URL") or DEFAULT_BASE_URL)


def read_keys(given: Sequence[str] | None = None) -> tuple[str, ...]:
    """The API keys, each once: the given ones, else those of the environment.

    Raises AccountError if there is none, or if one has a shape that no key has.
    """
    named = named_keys(given)
    if not named:
        raise AccountError(
            "There is no API key: RUNBASE_API_KEY is not set. Nothing was sent, nothing was paid. Set it with `export "
            "RUNBASE_API_KEY=sk-...`, or add --sandbox for a practice run: no key, no cost."
        )
    for key, name in named.items():
        wrong = find_wrong_shape(key, name)
        if wrong is not None:
            raise AccountError(
                f"{wrong.text} Nothing was sent, nothing was paid. `hailuo-batch doctor MANIFEST` says how to mend it."
            )
    return tuple(named)


def named_keys(given: Sequence[str] | None = None) -> Mapping[str, str]:
    """The API keys, each once, with what a message calls them: the given ones, else those of the environment."""
    if given is None:
        return given_keys(os.environ)
    texts = filter(None, map(str.strip, given))
    return {key: f"API key {number}" for number, key in enumerate(dict.fromkeys(texts), 1)}


def _parse_cap(text: str) -> int | None:
    """The cap in micro-USD, None for no cap. Raises ValueError for anything else."""
    return None if text == NO_CAP else parse_usd(text)


def read_settings(options: ApplyOptions, campaign: CampaignSpec, keys: Sequence[str] | None = None) -> Settings:
    """The settings of an apply: the options, else the manifest's limits. Raises UsageError for an invalid option.

    `keys` are the given ones, None for those of the environment. They are only counted here; what the ledger calls them
    is known once it is open.
    """
    limits = campaign.limits
    rate = read_rate_limit(options.rate_limit)
    # rule cap_set
    cap = limits.max_spend_micro_usd
    if options.max_spend is not None:
        cap = parse_option("--max-spend", options.max_spend, _parse_cap)
    # rule timeout_set
    timeout_s = limits.run_timeout_s
    if options.run_timeout is not None:
        timeout_s = parse_option("--run-timeout", options.run_timeout, parse_duration)
    return Settings(
        rate_limit=rate.requests,
        rate_window_s=rate.window_s,
        cap_micro_usd=cap,
        max_attempts=limits.max_attempts,
        max_creates=options.limit,
        max_in_flight=limits.max_in_flight if options.max_in_flight is None else options.max_in_flight,
        run_timeout_s=timeout_s,
        api_keys=tuple(map(ApiKey, range(1, len(named_keys(keys)) + 1))) or (ONLY_KEY,),
    )


def read_rate_limit(option: str | None) -> RateLimit:
    """The rate limit: the option, else the environment, else Runbase's own. Raises UsageError for an invalid one."""
    if option is not None:
        return parse_option("--rate-limit", option, parse_rate_limit)
    variable = os.environ.get("RUNBASE_RATE_LIMIT")
    return parse_option("RUNBASE_RATE_LIMIT", variable, parse_rate_limit) if variable else RateLimit()


def parse_rate_limit(text: str) -> RateLimit:
    """Parse a rate limit such as `20/10s`. Raises ValueError for anything else."""
    match = _RATE.fullmatch(text)
    if match is None or float(match[2]) == 0:
        raise ValueError(f"{text!r} is not a rate limit; write it like 20/10s, requests and the window in seconds")
    return RateLimit(int(match[1]), float(match[2]))


def read_plan_request(
    campaign: CampaignSpec,
    only: tuple[str, ...],
    replace: tuple[str, ...],
    in_doubt: str,
    limit: int | None,
    rerolls: tuple[Pick, ...] = (),
) -> PlanRequest:
    """What the options ask beyond the manifest. Raises UsageError for a pattern that matches no take."""
    takes = [*campaign.takes]
    check_only(only, takes)
    for pattern in replace:
        if not any(matches_any(take.id, (pattern,)) for take in takes):
            raise _no_such_take("--replace", pattern, _id_hint(pattern, takes, as_only=False))
    return PlanRequest(only, replace, InDoubtPolicy(in_doubt), limit=limit, rerolls=rerolls)


def check_only(patterns: Iterable[str], takes: Sequence[Take]) -> None:
    """Raises UsageError for a pattern of --only that chooses none of these takes, with the nearest that would."""
    for pattern in patterns:
        # rule pattern_chooses
        if not any(chooses((pattern,), take) for take in takes):
            hint = _tag_hint if pattern.startswith(TAG_PREFIX) else _id_hint
            raise _no_such_take("--only", pattern, hint(pattern, takes))


_MOST_TAGS_NAMED = 5


def _no_such_take(option: str, pattern: str, hint: str) -> UsageError:
    return UsageError(f"{option} {pattern!r} matches no take of this manifest. Nothing was sent. {hint}")


def _tag_hint(pattern: str, takes: Iterable[Take]) -> str:
    tags = _tags(takes)
    if not tags:
        return "No take of it has a tag."
    by_lower = {tag.lower(): tag for tag in tags}
    near = get_close_matches(pattern.removeprefix(TAG_PREFIX).lower(), by_lower, n=1)
    if near:
        return f"Did you mean {quote(TAG_PREFIX + by_lower[near[0]])}?"
    shown = ", ".join(tags[:_MOST_TAGS_NAMED])
    more = len(tags) - _MOST_TAGS_NAMED
    return f"The tags are: {shown}{f' and {more:,} more' if more > 0 else ''}."


def _id_hint(pattern: str, takes: Sequence[Take], *, as_only: bool = True) -> str:
    tag = pattern.removeprefix(TAG_PREFIX)
    if tag in _tags(takes):
        wanted = f"--only {quote(TAG_PREFIX + tag)}"
        return f"To choose by tag, write {wanted}." if as_only else f"To choose by tag, write {wanted} --replace '*'."
    ids = [take.id for take in takes]
    near = get_close_matches(pattern, ids, n=1, cutoff=0.7)
    if any(id_.startswith(pattern) for id_ in ids):
        what = f"Did you mean {quote(pattern + '*')}?"
    elif near:
        what = f"Did you mean {quote(near[0])}?"
    else:
        what = f"Take IDs look like {ids[0]!r}."
    return f"{what} `hailuo-batch plan MANIFEST -v` lists them all."


def _tags(takes: Iterable[Take]) -> list[str]:
    """Each tag once, in the manifest's order."""
    return [*dict.fromkeys(tag for take in takes for tag in take.tags)]


def parse_option(name: str, text: str, parse: Callable[[str], T]) -> T:
    """The parsed value of an option or variable. Raises UsageError with its name for an invalid one."""
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}. Nothing was sent.") from error


def check_options(options: ApplyOptions) -> None:
    """Raises UsageError if options contradict each other, or a duration is invalid."""
    if options.require_ledger and options.new_ledger:
        raise UsageError(
            "--require-ledger and --new-ledger contradict each other: the first needs an existing ledger, the second "
            "starts a new one. Nothing was sent."
        )
    _ = options.wait_s, options.max_duration_s


def resume_command(where: CampaignLocation, options: ApplyOptions, *, paid: bool, replacing: bool) -> str:
    """The command that continues this apply, ready to be pasted into a shell.

    The user pastes it without thinking, so it must never pay for more than the command that printed it. `paid` says
    that the user has agreed, so that what was asked for is in the ledger. From then on `--in-doubt resubmit` is left
    out: it would also repeat what has come to be in doubt since. So is `--replace`, unless it is unfinished
    (`replacing`): it would start a new replacement. `--new-ledger` is never repeated: it would pay for every take
    again.
    """
    given: dict[str, object] = {
        "--only": options.only,
        "--limit": options.limit,
        # rule same_replace_next
        "--replace": options.replace if replacing or not paid else (),
        "--replace-from": options.replace_from,
        # rule in_doubt_once
        "--in-doubt": None if paid or options.in_doubt == "hold" else options.in_doubt,
        # rule same_cap_next
        "--max-spend": options.max_spend,
        "--plan": options.plan_file,
        "--strict": options.strict,
        "--check-images": options.check_images is True,
        "--no-check-images": options.check_images is False,
        "--max-in-flight": options.max_in_flight,
        "--run-timeout": options.run_timeout,
        "--rate-limit": options.rate_limit,
        "--max-duration": options.max_duration,
        "--wait": options.wait,
        "--accept-price": options.accept_price,
        "--require-ledger": options.require_ledger,
        "--no-sidecar": options.no_sidecar,
        "--yes": options.yes,
    }
    words = (word for name, value in given.items() for word in _option_words(name, value))
    return " ".join([where.command_line("apply"), *map(quote, words)])


def _option_words(name: str, value: object) -> Iterable[str]:
    """An option as it is typed: repeated for a tuple, a flag for True, nothing for None, False and ()."""
    if isinstance(value, tuple):
        return [word for item in value for word in (name, item)]
    if isinstance(value, bool):
        return [name] if value else []
    return [] if value is None else [name, str(value)]

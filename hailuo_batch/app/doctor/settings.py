"""The variables of the environment that decide where requests go, how fast, and with which key."""

import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.adapters.runbase.key_shape import LIST_VARIABLE, VARIABLE, given_keys
from hailuo_batch.app.config import DEFAULT_BASE_URL, RateLimit, read_endpoint, read_rate_limit
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.app.doctor.key_shape import judge_keys
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.errors import ExitCode, UsageError

URL_VARIABLE, RATE_VARIABLE = "RUNBASE_BASE_URL", "RUNBASE_RATE_LIMIT"
_KNOWN = frozenset({VARIABLE, LIST_VARIABLE, URL_VARIABLE, RATE_VARIABLE})


def check_keys() -> tuple[Mapping[str, str], Sequence[Finding]]:
    """The keys that could be sent, each with what it is called, and what to say about the shape of each that is set."""
    judged = [*judge_keys(os.environ)]
    good = {key for key, found in judged if found.level is Level.OK}
    named = {key: name for key, name in given_keys(os.environ).items() if key in good}
    return named, [found for _, found in judged]


def check_endpoint() -> tuple[str | None, Finding]:
    """The API's address, None if the variable is wrong, and what to say about it."""
    try:
        endpoint = read_endpoint(sandbox=False)
    except UsageError as error:
        text, back = f"{URL_VARIABLE}: {error}", (f"unset {URL_VARIABLE}",)
        return None, Finding(Level.PROBLEM, "address", text, "To go back to Runbase:", back, ExitCode.USAGE)
    if endpoint == DEFAULT_BASE_URL:
        return endpoint, Finding(Level.OK, "address", f"Requests go to {endpoint}.")
    is_here = split_base_url(endpoint)[0].is_loopback
    return endpoint, Finding(
        Level.NOTE if is_here else Level.WARNING,
        "address",
        f"{URL_VARIABLE} sends requests, and the key, to {endpoint}{', on this machine,' if is_here else ''} and not "
        "to Runbase.",
        "If that is not meant:",
        (f"unset {URL_VARIABLE}",),
    )


def check_rate_limit() -> tuple[Settings, Finding]:
    """The settings that a single request needs, and what to say about the rate limit."""
    usual = RateLimit()
    back = "To go back to Runbase's own limit:", (f"unset {RATE_VARIABLE}",)
    try:
        rate = read_rate_limit(None)
    except UsageError as error:
        found = Finding(Level.PROBLEM, "rate limit", str(error), *back, ExitCode.USAGE)
        return _settings(usual), found
    text = f"{rate.requests:,} requests in {rate.window_s:g} s"
    if rate.requests / rate.window_s > usual.requests / usual.window_s:
        more = f"{text} ({RATE_VARIABLE}) is more than Runbase is known to allow."
        found = Finding(Level.WARNING, "rate limit", more, *back)
    else:
        found = Finding(Level.OK, "rate limit", f"At most {text}.")
    return _settings(rate), found


def check_names() -> Iterator[Finding]:
    """Variables whose names are nearly ours, and so without effect."""
    for name in sorted(os.environ):
        if name not in _KNOWN and name.upper().startswith(("RUNBASE", "HAILUO")):
            near = get_close_matches(name.upper(), sorted(_KNOWN), n=1, cutoff=0.7)
            if near and near[0] not in os.environ and name.isidentifier():
                text = f"{name} has no effect; the name is {near[0]}."
                yield Finding(Level.WARNING, "variables", text, "If it is meant:", (f'export {near[0]}="${name}"',))


def _settings(rate: RateLimit) -> Settings:
    return Settings(rate_limit=rate.requests, rate_window_s=rate.window_s)

"""Whether the API can be reached, takes the key, and has the time that this machine has.

One read of a run that cannot exist, which costs nothing, through the same connection that an apply would make. It
takes its turn in the key's rate limit.
"""

import os
import ssl
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.http.origin import Origin, find_proxy
from hailuo_batch.adapters.runbase import ApiCheck, Client, Timeouts
from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.adapters.runbase.key_shape import VARIABLE
from hailuo_batch.app.api_target import reserve_one_request, share_window
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.obstacles import Obstacle, remedy
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.text import clean, quote
from hailuo_batch.values import format_duration

MOST_SKEW_S = 300.0
_TIMEOUTS = Timeouts(connect_s=10.0, read_s=20.0, total_s=30.0)
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SUBJECT = "connection"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of the read, and the time of day on this machine in the middle of it."""

    check: ApiCheck
    local_time: float


def check_connection(endpoint: str, keys: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Look at the way to the API, and read once with each key. `keys` are those that could be sent, with their
    names."""
    origin, _ = split_base_url(endpoint)
    yield from _check_proxy_settings(origin)
    first, *others = keys or (None,)
    measured = _measure(endpoint, first, keys, settings)
    name = "" if first is None else _name_in_sentence(keys[first], keys)
    yield from judge_answer(measured.check.outcome, endpoint, name)
    if measured.check.server_time is not None:
        yield judge_clock(measured.local_time - measured.check.server_time)
    for key in others:
        answer = _measure(endpoint, key, keys, settings).check.outcome
        found = judge_answer(answer, endpoint, _name_in_sentence(keys[str(key)], keys))
        yield from (each for each in found if each.level is not Level.OK or each.subject == "key")


def _name_in_sentence(name: str, keys: Mapping[str, str]) -> str:
    if len(keys) == 1:
        return "the key"
    return f"the key of {name}" if name == VARIABLE else f"{name[:1].lower()}{name[1:]}"


def _measure(endpoint: str, key: str | None, keys: Collection[str], settings: Settings) -> Measurement:
    clock = Clock()
    with (
        closing(Client(endpoint, key, _TIMEOUTS, other_keys=keys)) as client,
        reserve_one_request(share_window(endpoint, key, settings), settings),
    ):
        before = clock.wall()
        check = client.check_api(NONEXISTENT_RUN.run_id or "")
        return Measurement(check, (before + clock.wall()) / 2)


def judge_answer(outcome: ev.ReadOutcome, endpoint: str, key: str) -> Iterator[Finding]:
    """What the outcome of the read says of the connection, and of the key if one was sent. `key` is what it is called,
    empty if none was sent."""
    reached = Finding(Level.OK, _SUBJECT, f"{endpoint} answers.")
    match outcome:
        case ev.ReadNotSent(reason, obstacle, setting):
            yield Finding(Level.PROBLEM, _SUBJECT, f"{_as_sentence(reason)}.", *_way_out(obstacle, setting))
        case ev.ReadUnanswered(reason, ev.Responder.OTHER):
            text = f"{endpoint} does not answer like the API; what came back is {reason}."
            between = "Check RUNBASE_BASE_URL, and whether a proxy, a firewall or a login page of this network answers."
            yield Finding(Level.PROBLEM, _SUBJECT, text, between, _unset("RUNBASE_BASE_URL"))
        case ev.ReadUnanswered(reason):
            again = "Check RUNBASE_BASE_URL if it is set. Try again in a few minutes; if it stays, ask Runbase."
            yield Finding(Level.PROBLEM, _SUBJECT, f"{endpoint} gave no usable answer: {reason}.", again)
        case ev.ReadRefused():
            yield reached
            yield from _judge_refusal(outcome, key)
        case _:
            yield reached
            if key:
                yield Finding(Level.OK, "key", f"The API accepts {key}.")


def _judge_refusal(refused: ev.ReadRefused, key: str) -> Iterator[Finding]:
    said = f" (the API says: {refused.message})" if refused.message else ""
    if not key:
        return  # refused for want of a key, as it must be
    if refused.refusal is ev.Refusal.RATE:
        text = f"The key's rate limit is used up at this moment{said}."
        yield Finding(Level.WARNING, "key", text, "Look for another program that uses the key, or wait.")
        return
    yield Finding(
        Level.PROBLEM,
        "key",
        f"The API refuses {key}{said}.",
        "Copy the key from your Runbase account once more, and check there that it is active and may be used from "
        "this machine's address. To set it, with your own key in place of this one:",
        ("export RUNBASE_API_KEY=sk-...",),
        ExitCode.ACCOUNT,
    )


def judge_clock(ahead_s: float) -> Finding:
    """What it means that this machine's clock is so many seconds ahead of the API's."""
    if abs(ahead_s) <= MOST_SKEW_S:
        return Finding(Level.OK, "clock", "This machine and the API have the same time.")
    direction = "ahead of" if ahead_s > 0 else "behind"
    return Finding(
        Level.WARNING,
        "clock",
        f"This machine's clock is {format_duration(abs(ahead_s))} {direction} the API's. A request in doubt would be "
        "looked for at a wrong time in your account's logs, and certificates may seem out of date.",
        "Have the clock set over the network:",
        ("sudo sntp -sS time.apple.com" if sys.platform == "darwin" else "sudo timedatectl set-ntp true",),
    )


def _unset(name: str) -> tuple[str, ...]:
    return (f"unset {name}",) if os.environ.get(name) else ()


def _way_out(obstacle: Obstacle, setting: str) -> tuple[str, tuple[str, ...]]:
    """What mends the connection: more exactly than an apply says it, where the environment tells more."""
    if obstacle is Obstacle.CERTIFICATE:
        for name in _CA_VARIABLES:
            file = os.environ.get(name, "")
            tried = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or ""
            if Path(file).is_file() and os.path.realpath(file) != os.path.realpath(tried):
                text = f"{name} is set, and this program reads SSL_CERT_FILE. To use the same certificates:"
                return text, (f"export SSL_CERT_FILE={quote(file)}",)
    if obstacle is Obstacle.CA_FILE:
        return "To use the system's certificates:", _unset("SSL_CERT_FILE")
    if obstacle in {Obstacle.PASSING, Obstacle.NAME} and os.environ.get("RUNBASE_BASE_URL"):
        return "If RUNBASE_BASE_URL is not meant, go back to Runbase:", _unset("RUNBASE_BASE_URL")
    return f"{remedy(obstacle, setting)}.", ()


def _as_sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]


def _check_proxy_settings(origin: Origin) -> Iterator[Finding]:
    """The proxy that is used, and settings for one that have no effect."""
    proxy = find_proxy(origin)
    if proxy is not None:
        yield Finding(Level.NOTE, "proxy", f"{origin.host} is reached through the proxy of {clean(proxy.setting)}.")
        return
    if origin.is_loopback:
        return
    named = [name for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY") if os.environ.get(name)]
    plain = [name for name in ("http_proxy", "HTTP_PROXY") if os.environ.get(name)]
    if named:
        text = f"NO_PROXY takes {origin.host} out of {named[0]}: it is reached directly."
        yield Finding(Level.NOTE, "proxy", text)
    elif plain:
        text = f"{plain[0]} is set, but has no effect on https, and {origin.host} is reached directly."
        use = (f'export HTTPS_PROXY="${plain[0]}"',)
        yield Finding(Level.WARNING, "proxy", text, "If this network needs the proxy:", use)

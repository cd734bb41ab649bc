"""The API that a command talks to: Runbase with the user's keys, or a sandbox inside this process.

A key goes from the environment to its client and is written nowhere. The ledger keeps a salted, slow hash of each, and
calls it by a number: a run is read with the key that made it, and another account's would not know it. This machine's
processes share the rate limit of a key in a file whose name is another such hash.
"""

import hashlib
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.local.key_window import KeyWindow, UnsharedWindow, name_of_process
from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.app.config import DEFAULT_BASE_URL, read_keys
from hailuo_batch.core.model.api_keys import ONLY_KEY, TAG_CHARS, ApiKey
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.rate_window import RateWindow
from hailuo_batch.report.advice import SANDBOX

if TYPE_CHECKING:
    from hailuo_batch.adapters.runbase import Client

SANDBOX_KEY = "sk-sandbox"
_SANDBOX_SPEED = 10.0
_SALT = b"hailuo-batch window "
_ROUNDS = 100_000
"""Rounds of the hash: slow enough that a key cannot be found by trying from a hash that leaked."""
_REQUEST = 0
_RETRY_AFTER_S = 0.05
_LONGEST_WAIT_WINDOWS = 2  # a process that holds every place for longer is not using them
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere boots are told apart by times alone


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """An API: its address, the keys for it, and whether it is on this machine."""

    base_url: str
    keys: tuple[str, ...] = field(repr=False)
    is_loopback: bool


NO_API = ApiTarget(DEFAULT_BASE_URL, (), is_loopback=False)
"""For work on this machine alone: without a key no request is made."""


@contextmanager
def connect(endpoint: str, settings: Settings, keys: tuple[str, ...] | None = None) -> Iterator[ApiTarget]:
    """The API at this endpoint, with the given keys or the environment's; for `sandbox`, one that lives as long as the
    context.

    Raises AccountError if a key is needed and not set.
    """
    if endpoint != SANDBOX:
        yield ApiTarget(endpoint, read_keys(keys), split_base_url(endpoint)[0].is_loopback)
        return
    from hailuo_batch.sandbox.server import SandboxServer  # imports an HTTP server, which only a practice run needs
    from hailuo_batch.sandbox.world import WorldSettings

    world = WorldSettings(rate_limit=settings.rate_limit, rate_window_s=settings.rate_window_s)
    with SandboxServer(world, speed=_SANDBOX_SPEED) as server:
        yield ApiTarget(server.base_url, (SANDBOX_KEY,), is_loopback=True)


def number_keys(ledger: Ledger, keys: Sequence[str]) -> dict[str, ApiKey]:
    """What the ledger calls these keys, each once, in their order. Records those that it does not know yet."""
    known = find_keys(ledger.key_hashes(), keys)
    if len(known) < len(keys):
        salt = next(iter(ledger.key_hashes().values()), secrets.token_hex(16)).partition(":")[0]
        ledger.record_keys(_salted_hash(salt, key) for key in keys if key not in known)
        known = find_keys(ledger.key_hashes(), keys)
    return {key: known[key] for key in keys}


def find_keys(hashes: Mapping[int, str], keys: Iterable[str]) -> dict[str, ApiKey]:
    """Those of the keys that a ledger knows, by the salted hashes in it, with what it calls them."""
    salts = {digest.partition(":")[0] for digest in hashes.values()}
    numbers = {digest: number for number, digest in hashes.items()}
    digests = ((key, _salted_hash(salt, key)) for key in keys for salt in salts)
    return {key: ApiKey(numbers[digest], digest[-TAG_CHARS:]) for key, digest in digests if digest in numbers}


@contextmanager
def open_clients(target: ApiTarget, names: Mapping[str, ApiKey]) -> Iterator[Mapping[int, "Client"]]:
    """A client for each key, by its number; without a key, one that sends none."""
    from hailuo_batch.adapters.runbase import Client  # imports all of HTTP

    with ExitStack() as stack:

        def client(key: str | None) -> "Client":
            return stack.enter_context(closing(Client(target.base_url, key, other_keys=target.keys)))

        yield {names[key].number: client(key) for key in target.keys} or {ONLY_KEY.number: client(None)}


def share_window(endpoint: str, key: str | None, settings: Settings) -> KeyWindow | UnsharedWindow:
    """The request window shared by all processes of this machine that use the key; a sandbox has one of its own."""
    folder = state_folder()
    if endpoint == SANDBOX or key is None or folder is None:
        return UnsharedWindow()
    digest = _hash_key(key, _SALT + endpoint.encode("utf-8", "surrogateescape"))
    path = folder / f"window-{digest[:32]}.json"
    return KeyWindow(path, settings.rate_window_s, name=name_of_process(secrets.token_hex(8)), boot=_boot_id())


@contextmanager
def reserve_one_request(window: KeyWindow | UnsharedWindow, settings: Settings) -> Iterator[None]:
    """Reserve a place in the window for a single request: wait until one is free, and give it back at the end."""
    rate_window = RateWindow(settings.rate_limit, settings.rate_window_s)
    alone_from = time.monotonic() + _LONGEST_WAIT_WINDOWS * settings.rate_window_s
    while not _try_to_reserve(rate_window, window, time.monotonic()):
        time.sleep(_RETRY_AFTER_S)
        if time.monotonic() >= alone_from:
            window.leave()
            window = UnsharedWindow()
    try:
        yield
    finally:
        now = time.monotonic()
        rate_window.give_back(_REQUEST, now)
        if window.open(now) is not None:  # otherwise the end of this process releases the place
            window.close(rate_window.publish(now))
        window.leave()


def _try_to_reserve(rate_window: RateWindow, window: KeyWindow | UnsharedWindow, now: float) -> bool:
    others = window.open(now)
    if others is None:
        return False
    rate_window.on_others(others, now)
    is_free = rate_window.free(now) > 0
    if is_free:
        rate_window.stop_waiting()
        rate_window.take(_REQUEST, now)
    else:
        rate_window.start_waiting(now)
    window.close(rate_window.publish(now))
    return is_free


def state_folder() -> Path | None:
    """This program's folder for state that belongs to no campaign; None if the user has no home."""
    chosen = Path(os.environ.get("XDG_STATE_HOME", ""))
    if chosen.is_absolute():
        return chosen / "hailuo-batch"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    parts = ("Library", "Application Support") if sys.platform == "darwin" else (".local", "state")
    return home.joinpath(*parts, "hailuo-batch")


def _salted_hash(salt: str, key: str) -> str:
    return f"{salt}:{_hash_key(key, salt.encode('ascii'))}"


def _hash_key(key: str, salt: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha256", key.encode("utf-8", "surrogateescape"), salt, _ROUNDS).hex()


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""

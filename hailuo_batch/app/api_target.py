"""The API that a command talks to: Runbase with the user's key, or a sandbox inside this process.

The key goes from the environment to the client and is written nowhere. The ledger keeps a salted, slow hash of it: a
new key may belong to another account, which would not know the campaign's runs. This machine's processes share the rate
limit of a key in a file whose name is another such hash.
"""

import hashlib
import hmac
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.local.key_window import KeyWindow, UnsharedWindow, name_of_process
from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.app.config import DEFAULT_BASE_URL, read_key
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.rate_window import RateWindow
from hailuo_batch.report.advice import SANDBOX

SANDBOX_KEY = "sk-sandbox"
_SANDBOX_SPEED = 10.0
_KEY_HASH_FACT = "key_mark"
_SALT = b"hailuo-batch window "
_ROUNDS = 100_000
"""Rounds of the hash: slow enough that a key cannot be found by trying from a hash that leaked."""
_REQUEST = 0
_RETRY_AFTER_S = 0.05
_LONGEST_WAIT_WINDOWS = 2  # a process that holds every place for longer is not using them
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere boots are told apart by times alone


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """An API: its address, the key for it, and whether it is on this machine."""

    base_url: str
    key: str | None = field(repr=False)
    is_loopback: bool


NO_API = ApiTarget(DEFAULT_BASE_URL, None, is_loopback=False)
"""For work on this machine alone: without a key no request is made."""


@contextmanager
def connect(endpoint: str, settings: Settings, keys: tuple[str, ...] | None = None) -> Iterator[ApiTarget]:
    """The API at this endpoint, with the given keys or the environment's; for `sandbox`, one that lives as long as the
    context.

    Raises AccountError if a key is needed and not set.
    """
    if endpoint != SANDBOX:
        yield ApiTarget(endpoint, read_key(keys), split_base_url(endpoint)[0].is_loopback)
        return
    from hailuo_batch.sandbox.server import SandboxServer  # imports an HTTP server, which only a practice run needs
    from hailuo_batch.sandbox.world import WorldSettings

    world = WorldSettings(rate_limit=settings.rate_limit, rate_window_s=settings.rate_window_s)
    with SandboxServer(world, speed=_SANDBOX_SPEED) as server:
        yield ApiTarget(server.base_url, SANDBOX_KEY, is_loopback=True)


def is_new_key(ledger: Ledger, key: str) -> bool:
    """Whether another key made the runs in the ledger, or may have: a rebuilt ledger records none."""
    recorded = ledger.fact(_KEY_HASH_FACT)
    salt = recorded.partition(":")[0]
    return not (recorded and hmac.compare_digest(recorded, _salted_hash(salt, key)))


def record_key(ledger: Ledger, key: str) -> None:
    """Record this as the key that makes the campaign's runs. Call it only once the API knew those runs by it."""
    if is_new_key(ledger, key):
        ledger.record_fact(_KEY_HASH_FACT, _salted_hash(secrets.token_hex(16), key))


def share_window(endpoint: str, target: ApiTarget, settings: Settings) -> KeyWindow | UnsharedWindow:
    """The request window shared by all processes of this machine that use the key; a sandbox has one of its own."""
    folder = state_folder()
    if endpoint == SANDBOX or target.key is None or folder is None:
        return UnsharedWindow()
    digest = _hash_key(target.key, _SALT + endpoint.encode("utf-8", "surrogateescape"))
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

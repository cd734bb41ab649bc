"""Where this machine's processes share the window of a key: a file in the user's state folder, named after no key.

The name is a slow hash of endpoint and key, so that the key cannot be found by trying from the name.
"""

import hashlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hailuo_batch.adapters.local.key_window import KeyWindow, UnsharedWindow, name_of_process
from hailuo_batch.app.api_target import ApiTarget
from hailuo_batch.app.workspace import SANDBOX
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.rate_window import RateWindow

_SALT = b"hailuo-batch window "
_ROUNDS = 100_000
_REQUEST = 0
_RETRY_AFTER_S = 0.05
_LONGEST_WAIT_WINDOWS = 2  # whoever holds all places for so long knows of more of them
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; where there is none, times alone tell boots apart


def share_window(endpoint: str, target: ApiTarget, settings: Settings) -> KeyWindow | UnsharedWindow:
    """The window to share with all who use the same key at the same endpoint. A rehearsal has its sandbox to itself."""
    folder = state_folder()
    if endpoint == SANDBOX or target.key is None or folder is None:
        return UnsharedWindow()
    path = folder / f"window-{_key_hash(endpoint, target.key)}.json"
    return KeyWindow(path, settings.rate_window_s, name=name_of_process(secrets.token_hex(8)), boot=_boot_id())


@contextmanager
def reserve_one_request(window: KeyWindow | UnsharedWindow, settings: Settings) -> Iterator[None]:
    """Have a place in the window for a single request: waits until one is free, and gives it back at the end."""
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
        if window.open(now) is not None:  # else this process's end tells the others as much
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
    """This program's folder for what outlives a process and belongs to no campaign; None where there is no home."""
    chosen = Path(os.environ.get("XDG_STATE_HOME", ""))
    if chosen.is_absolute():
        return chosen / "hailuo-batch"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    parts = ("Library", "Application Support") if sys.platform == "darwin" else (".local", "state")
    return home.joinpath(*parts, "hailuo-batch")


def _key_hash(endpoint: str, key: str) -> str:
    salt = _SALT + endpoint.encode("utf-8", "surrogateescape")
    return hashlib.pbkdf2_hmac("sha256", key.encode("utf-8", "surrogateescape"), salt, _ROUNDS).hex()[:32]


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""

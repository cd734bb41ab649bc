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

from hailuo_batch.adapters.local.key_window import Alone, KeyWindow, name_of_process
from hailuo_batch.app.api_target import Remote
from hailuo_batch.app.workspace import SANDBOX
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.rate_window import Budget

_SALT = b"hailuo-batch window "
_ROUNDS = 100_000
_REQUEST = 0
_LOOK_S = 0.05
_PATIENCE_WINDOWS = 2  # whoever holds all places for so long knows of more of them
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; where there is none, times alone tell boots apart


def share_window(endpoint: str, remote: Remote, settings: Settings) -> KeyWindow | Alone:
    """The window to share with all who use the same key at the same endpoint. A rehearsal has its sandbox to itself."""
    folder = state_folder()
    if endpoint == SANDBOX or remote.key is None or folder is None:
        return Alone()
    path = folder / f"window-{_digest(endpoint, remote.key)}.json"
    return KeyWindow(path, settings.rate_window_s, name=name_of_process(secrets.token_hex(8)), boot=_boot())


@contextmanager
def one_request(window: KeyWindow | Alone, settings: Settings) -> Iterator[None]:
    """Have a place in the window for a single request: waits until one is free, and gives it back at the end."""
    budget = Budget(settings.rate_limit, settings.rate_window_s)
    alone_from = time.monotonic() + _PATIENCE_WINDOWS * settings.rate_window_s
    while not _takes(budget, window, time.monotonic()):
        time.sleep(_LOOK_S)
        if time.monotonic() >= alone_from:
            window.leave()
            window = Alone()
    try:
        yield
    finally:
        now = time.monotonic()
        budget.give_back(_REQUEST, now)
        if window.open(now) is not None:  # else this process's end tells the others as much
            window.close(budget.tell(now))
        window.leave()


def _takes(budget: Budget, window: KeyWindow | Alone, now: float) -> bool:
    others = window.open(now)
    if others is None:
        return False
    budget.hear_others(others, now)
    is_free = budget.free(now) > 0
    if is_free:
        budget.wait_no_more()
        budget.take(_REQUEST, now)
    else:
        budget.wait(now)
    window.close(budget.tell(now))
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


def _digest(endpoint: str, key: str) -> str:
    salt = _SALT + endpoint.encode("utf-8", "surrogateescape")
    return hashlib.pbkdf2_hmac("sha256", key.encode("utf-8", "surrogateescape"), salt, _ROUNDS).hex()[:32]


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""

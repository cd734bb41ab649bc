"""Where this machine's processes share the window of a key: a file in the user's state folder, named after no key.

The name is a slow hash of endpoint and key, so that the key cannot be found by trying from the name.
"""

import hashlib
import os
import secrets
import sys
from pathlib import Path

from hailuo_batch.commands.remote import Remote
from hailuo_batch.commands.workspace import SANDBOX
from hailuo_batch.core.engine import Settings
from hailuo_batch.shell.key_window import Alone, KeyWindow, name_of_process

_SALT = b"hailuo-batch window "
_ROUNDS = 100_000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; where there is none, times alone tell boots apart


def share_window(endpoint: str, remote: Remote, settings: Settings) -> KeyWindow | Alone:
    """The window to share with all who use the same key at the same endpoint. A rehearsal has its sandbox to itself."""
    folder = state_folder()
    if endpoint == SANDBOX or remote.key is None or folder is None:
        return Alone()
    path = folder / f"window-{_digest(endpoint, remote.key)}.json"
    return KeyWindow(path, settings.rate_window_s, name=name_of_process(secrets.token_hex(8)), boot=_boot())


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

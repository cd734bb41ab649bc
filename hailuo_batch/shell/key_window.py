"""One request window for all processes of this program on this machine that use the same key: a small file.

A process decides what to send in a *turn*: it locks the file, reads what the others hold, decides, writes what it
holds itself, and unlocks, all before anything is recorded or sent. So no two of them take the same free place, and one
that begins anew knows what the one before it has sent: what a process that has ended left under way comes back a window
after that was noticed. Nothing depends on it: whatever is wrong with the file, its folder or its lock, the process goes
on as if it were alone, and looks again later. The file holds no key.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hailuo_batch.core.sharing import Holding, parse_holdings, render_holdings

_MOST_BYTES = 1 << 18
_GLANCES = 20
_GLANCE_S = 0.0005
_PATIENCE_S = 1.0  # a turn takes less than a thousandth of that: who holds the lock for longer is stuck
_ALONE_S = 10.0


class Alone:
    """No window to share: this process is the only one that uses the key, as far as can be known."""

    trouble = ""

    def open(self, now: float) -> tuple[Holding, ...] | None:
        """Begin a turn. Nobody holds anything."""
        del now
        return ()

    def close(self, mine: Holding) -> None:
        """End the turn."""

    def leave(self) -> None:
        """There is nothing to leave."""


def name_of_process(token: str) -> str:
    """What this process is called among all that share a window; `token` is in no other's name."""
    return f"{os.getpid()}-{token}"


def is_alive(name: str) -> bool:
    """Whether the process of this name may still be at work."""
    pid = name.partition("-")[0]
    if not (pid.isascii() and pid.isdigit() and len(pid) < 10 and int(pid) > 0):
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class KeyWindow:
    """The window in the file at `path`, for the process called `name`; no other may ever be called so.

    `boot` tells apart the times over which the machine has been up. Whatever holds it up is in `trouble`, in words;
    empty while all is well.
    """

    def __init__(
        self, path: Path, window_s: float, *, name: str, boot: str, is_alive: Callable[[str], bool] = is_alive
    ) -> None:
        self.trouble = ""
        self._is_alive = is_alive
        self._path = path
        self._window_s = window_s
        self._name = name
        self._boot = boot
        self._file: int | None = None
        self._others: dict[str, Holding] = {}
        self._written = b""
        self._open = False
        self._alone_until = float("-inf")
        self._busy_since: float | None = None

    def open(self, now: float) -> tuple[Holding, ...] | None:
        """Begin a turn. Returns what the others hold; None where another's turn goes on, so that this one must wait.

        `now` is seconds of a clock that all processes of the machine share.
        """
        if now < self._alone_until:
            return ()
        try:
            self._file = self._opened()
            self._open = _lock(self._file)
            if not self._open:
                return self._hear_busy(now)
            self._busy_since = None
            self._read(self._file, now)
        except OSError as error:
            self._give_up(now, error.strerror or "it cannot be used")
            return ()
        self.trouble = ""
        return tuple(self._others.values())

    def close(self, mine: Holding) -> None:
        """End the turn; from here on, this process holds so much. Does nothing where no turn was had."""
        if not self._open or self._file is None:
            return
        self._open = False
        try:
            self._write(self._file, {**self._others, self._name: mine})
            fcntl.flock(self._file, fcntl.LOCK_UN)
        except OSError as error:
            self._drop_file()
            self.trouble = error.strerror or "it cannot be written"

    def leave(self) -> None:
        """This process has come to its end; what it holds stays known."""
        self._drop_file()

    def _opened(self) -> int:
        """The file at the path, which may have been put there anew."""
        if self._file is not None:
            if self._is_in_place(self._file):
                return self._file
            self._drop_file()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(self._path, flags, 0o600)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            os.close(file)
            raise PermissionError(0, "it is no file of this user")
        return file

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.lstat())
        except FileNotFoundError:
            return False

    def _read(self, file: int, now: float) -> None:
        data = os.pread(file, _MOST_BYTES + 1, 0)
        if data != self._written:
            known = parse_holdings(data, self._boot, now, self._window_s) if len(data) <= _MOST_BYTES else {}
            known.pop(self._name, None)
            self._others = known
        for name, other in self._others.items():
            if other.under_way and not self._is_alive(name):
                self._others[name] = other.left_behind(now, self._window_s)

    def _write(self, file: int, holdings: Mapping[str, Holding]) -> None:
        self._written = b""
        data = render_holdings(self._boot, holdings)
        if os.pwrite(file, data, 0) == len(data):
            os.ftruncate(file, len(data))
            self._written = data

    def _hear_busy(self, now: float) -> tuple[Holding, ...] | None:
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since < _PATIENCE_S:
            return None
        self._give_up(now, "another process keeps it locked")
        return ()

    def _give_up(self, now: float, why: str) -> None:
        self.trouble = why
        self._alone_until = now + _ALONE_S
        self._busy_since = None
        self._drop_file()

    def _drop_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._open, self._written, self._others = None, False, b"", {}


def _lock(file: int) -> bool:
    """Whether this process now holds the lock. Turns are short, so that a few glances nearly always have it."""
    for _ in range(_GLANCES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_GLANCE_S)
        else:
            return True
    return False

"""One request window for all processes of this program on this machine that use the same key: a small file.

A process decides what to send in a *turn*: it locks the file, reads what the others hold, decides, writes what it
holds itself, and unlocks, all before anything is recorded or sent. So no two of them take the same free place, and one
that begins later knows what the one before it has sent: what a process that has ended left under way comes back a
window after that was noticed. Whether a process has ended, the kernel says: each locks a byte of the file that is its
own, for as long as it has the file open. A process ID would not do: containers that share a home each have a process 1.
Nothing depends on the file: whatever is wrong with it, its folder or its lock, the process works as if it were alone,
and looks again later. The file holds no key.
"""

import fcntl
import os
import re
import struct
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hailuo_batch.adapters.local.fs import open_regular
from hailuo_batch.core.scheduling.shared_window import Holding, parse_holdings, render_holdings

_MAX_BYTES = 1 << 18
_LOCK_TRIES = 20
_LOCK_PAUSE_S = 0.0005
_MAX_WAIT_S = 1.0  # a turn takes less than a thousandth of that: who holds the lock for longer is stuck
_ALONE_S = 10.0
_LOCK_PREFIX = "locks-"  # how the name begins of a process that keeps a byte of the file locked
_TOKEN = re.compile(r"[0-9a-f]{16}", re.ASCII)
_FIRST_BYTE, _BYTES = 1 << 40, 1 << 62  # behind whatever the file may hold, and so many of them
# Linux's locks of an open file: they go with the last descriptor of it, and are seen from every PID namespace.
_OWNED_LOCKS = hasattr(fcntl, "F_OFD_SETLK") and sys.platform == "linux" and struct.calcsize("P") == 8
_FLOCK = "hhqqi4x"  # struct flock, on 64-bit Linux


class UnsharedWindow:
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
    """What this process is called among all that share a window; `token`, 16 hexadecimal digits, is in no other's name.

    Where bytes cannot be locked so that only the end of their holder frees them, its process ID has to do.
    """
    return f"{_LOCK_PREFIX}{token}" if _OWNED_LOCKS else f"{os.getpid()}-{token}"


def is_alive(file: int, name: str) -> bool:
    """Whether the process of this name may still be at work. `file` is the window's, opened by another one."""
    if name.startswith(_LOCK_PREFIX):
        byte = _byte_of(name)
        return byte is None or _is_locked(file, byte)
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


def _byte_of(name: str) -> int | None:
    """The byte, far behind the file's end, that the process of this name keeps locked; None where it names none."""
    token = name.removeprefix(_LOCK_PREFIX)
    return _FIRST_BYTE + int(token, 16) % _BYTES if _TOKEN.fullmatch(token) else None


def _is_locked(file: int, byte: int) -> bool:
    """Whether somebody else keeps this byte locked. Never disturbs them."""
    if not _OWNED_LOCKS:
        return True
    answer = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _lock_of(fcntl.F_WRLCK, byte))
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _lock_of(kind: int, byte: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, byte, 1, 0)


class KeyWindow:
    """The window in the file at `path`, for the process called `name`; no other may ever be called so.

    `boot` tells apart the times over which the machine has been up. Whatever holds it up is in `trouble`, in words;
    empty while all is well.
    """

    def __init__(
        self, path: Path, window_s: float, *, name: str, boot: str, is_alive: Callable[[int, str], bool] = is_alive
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
            self._file = self._open_file()
            self._open = _lock(self._file)
            if not self._open:
                return self._on_busy(now)
            self._busy_since = None
            self._read(self._file, now)
        except OSError as error:
            self._work_alone(now, error.strerror or "it cannot be used")
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

    def _open_file(self) -> int:
        """The file at the path, which may have been put there anew."""
        if self._file is not None:
            if self._is_in_place(self._file):
                return self._file
            self._drop_file()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open_regular(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._lock_own_byte(file)
        except BaseException:
            os.close(file)
            raise
        return file

    def _lock_own_byte(self, file: int) -> None:
        """Have the kernel tell the others, for as long as the file is open, that this process is at work."""
        if os.fstat(file).st_uid != os.geteuid():
            raise PermissionError(0, "it is no file of this user")
        byte = _byte_of(self._name)
        if byte is not None and _OWNED_LOCKS:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, _lock_of(fcntl.F_WRLCK, byte))

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.lstat())
        except FileNotFoundError:
            return False

    def _read(self, file: int, now: float) -> None:
        data = os.pread(file, _MAX_BYTES + 1, 0)
        if data != self._written:
            known = parse_holdings(data, self._boot, now, self._window_s) if len(data) <= _MAX_BYTES else {}
            known.pop(self._name, None)
            self._others = known
        for name, other in self._others.items():
            if other.under_way and not self._is_alive(file, name):
                self._others[name] = other.after_exit(now, self._window_s)

    def _write(self, file: int, holdings: Mapping[str, Holding]) -> None:
        self._written = b""
        data = render_holdings(self._boot, holdings)
        if os.pwrite(file, data, 0) == len(data):
            os.ftruncate(file, len(data))
            self._written = data

    def _on_busy(self, now: float) -> tuple[Holding, ...] | None:
        if self._busy_since is None:
            self._busy_since = now
        if now - self._busy_since < _MAX_WAIT_S:
            return None
        self._work_alone(now, "another process keeps it locked")
        return ()

    def _work_alone(self, now: float, why: str) -> None:
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
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return True
    return False

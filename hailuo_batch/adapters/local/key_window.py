"""One request window, in a small file, for all processes on this machine that use the same key.

A process decides what to send in a *turn*: it locks the file, reads what the others hold, decides, writes what it holds
itself, and unlocks, all before anything is recorded or sent. So no two processes take the same free slot, and a later
one knows what an earlier one sent. Slots that an ended process held are free one window after that was noticed.

The kernel says whether a process has ended: each locks a byte of its own in the file for as long as it has it open. A
process ID would not do, because containers that share a home each have a process 1. Nothing depends on the file: if it,
its folder or its lock cannot be used, the process works as if it were alone, and tries again later. It contains no key.
"""

import fcntl
import os
import re
import struct
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hailuo_batch.adapters.local.fs import open_regular, try_lock
from hailuo_batch.core.scheduling.shared_window import Holding, parse_holdings, render_holdings

_MAX_BYTES = 1 << 18
_LOCK_TRIES = 20
_LOCK_PAUSE_S = 0.0005
_MAX_WAIT_S = 1.0  # a turn takes under 1 ms, so whoever holds the lock for longer is stuck
_ALONE_S = 10.0
_LOCK_PREFIX = "locks-"  # start of the names of processes that keep a byte of the file locked
_TOKEN = re.compile(r"[0-9a-f]{16}", re.ASCII)
_FIRST_BYTE, _BYTES = 1 << 40, 1 << 62  # far beyond the file's content, and how many there are
# Linux's open file description locks end with the last descriptor, and work across PID namespaces.
_OWNED_LOCKS = hasattr(fcntl, "F_OFD_SETLK") and sys.platform == "linux" and struct.calcsize("P") == 8
_FLOCK = "hhqqi4x"  # struct flock, on 64-bit Linux


class UnsharedWindow:
    """No shared window: as far as we know, no other process uses the key."""

    trouble = ""

    def open(self, now: float) -> tuple[Holding, ...] | None:
        """Begin a turn. No others hold anything."""
        del now
        return ()

    def close(self, mine: Holding) -> None:
        """End the turn."""

    def leave(self) -> None:
        """Do nothing."""


def name_of_process(token: str) -> str:
    """Return this process's name among those that share a window. `token` is 16 hexadecimal digits of its own.

    Without open file description locks, the name has the process ID instead.
    """
    return f"{_LOCK_PREFIX}{token}" if _OWNED_LOCKS else f"{os.getpid()}-{token}"


def is_alive(file: int, name: str) -> bool:
    """Whether the process of this name may still be running. `file` is the window's, opened by another process."""
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
    """Return the byte that the process of this name keeps locked; None for a name without one."""
    token = name.removeprefix(_LOCK_PREFIX)
    return _FIRST_BYTE + int(token, 16) % _BYTES if _TOKEN.fullmatch(token) else None


def _is_locked(file: int, byte: int) -> bool:
    """Whether another process keeps this byte locked, without locking it."""
    if not _OWNED_LOCKS:
        return True
    answer = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _lock_of(fcntl.F_WRLCK, byte))
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _lock_of(kind: int, byte: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, byte, 1, 0)


class KeyWindow:
    """The window in the file at `path`, for the process with this unique name.

    `boot` identifies the machine's current boot. `trouble` says why the window cannot be shared, empty if it can.
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
        """Begin a turn. Return what the others hold; None where this process must wait for another's turn.

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
        """End the turn, recording what this process holds. Does nothing without a turn."""
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
        """Close the file. What this process holds stays recorded."""
        self._drop_file()

    def _open_file(self) -> int:
        """Open the file at the path, again if it was replaced."""
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
        """Show the other processes, for as long as the file is open, that this one is running."""
        if os.fstat(file).st_uid != os.geteuid():
            raise PermissionError(0, "it belongs to another user")
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
    """Whether this process now holds the lock. Turns are short, so a few tries nearly always get it."""
    for _ in range(_LOCK_TRIES):
        if try_lock(file):
            return True
        time.sleep(_LOCK_PAUSE_S)
    return False

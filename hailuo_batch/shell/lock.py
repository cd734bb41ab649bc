"""The campaign's lock: one writer at a time, whatever happens to the process that holds it.

An operating-system lock on a file of its own that is never deleted; the kernel releases it when its process ends. It
is never waited for. The file names the holder as JSON, for messages only: whether it is held, the kernel alone says.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hailuo_batch.errors import LedgerError
from hailuo_batch.shell.disk import is_still_there

_GLANCES = 100
_GLANCE_S = 0.01
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. `started_at` is seconds since the epoch; a field that cannot be read is 0 or empty."""

    pid: int = 0
    host: str = ""
    command: str = ""
    started_at: float = 0.0

    @classmethod
    def this_process(cls, command: str, started_at: float) -> "Holder":
        """The process that asks, on behalf of this command."""
        return cls(os.getpid(), socket.gethostname(), command, started_at)

    def __str__(self) -> str:
        if not self.pid:
            return "another process"
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"hailuo-batch {self.command} (process {self.pid}{place})"


class Lock:
    """The lock in the file at `path`, for `holder`. Not for use by several threads at once."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self._holder = holder
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock at once. Raises LedgerError where another process holds it or the file cannot be had."""
        file = self._open()
        try:
            self._claim(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def check_in_place(self) -> None:
        """Raises LedgerError where the lock's file is no longer what bears its name: it would keep nobody out."""
        if self._file is not None and not is_still_there(self._file, self.path):
            raise LedgerError(f"{self.path}: it was removed, moved or replaced while this was at work.")

    def release(self) -> None:
        """Give the lock back; the file stays. May be called more than once."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._unusable(error) from error

    def _claim(self, file: int) -> None:
        try:
            alone = _lock_alone(file)
            holder = self._holder if alone else _read_holder(file)
            if alone:
                os.ftruncate(file, 0)
                os.pwrite(file, (json.dumps(asdict(holder)) + "\n").encode("utf-8"), 0)
        except OSError as error:
            raise self._unusable(error) from error
        if not alone:
            raise self._held_by(holder)

    def _held_by(self, holder: Holder) -> LedgerError:
        return LedgerError(
            f"{self.path}: {holder} is at work on this campaign. Nothing was sent by this one, nothing was paid. Wait "
            "until it has finished, or stop it with Ctrl-C where it runs; `hailuo-batch status` shows how far it is."
        )

    def _unusable(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"{self.path}: the campaign cannot be locked ({error.strerror}). Nothing was sent, nothing was paid. "
            "Look at the folder's permissions, or give --state-dir a folder on a local disk."
        )


def find_holder(path: Path) -> Holder | None:
    """Who holds the lock now; None where nobody does or there is no such file. Never disturbs a holder."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _try(file, fcntl.LOCK_SH):
            return None
        return _read_holder(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _lock_alone(file: int) -> bool:
    """Whether this process now holds the lock. Where only readers, whose glance is short, are in the way: again."""
    for _ in range(_GLANCES):
        if _try(file, fcntl.LOCK_EX):
            return True
        if not _try(file, fcntl.LOCK_SH):
            return False
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(_GLANCE_S)
    return False


def _try(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(file: int) -> Holder:
    try:
        data = json.loads(os.pread(file, _LONGEST, 0))
    except ValueError:
        return Holder()
    return _parse_holder(data) if isinstance(data, Mapping) else Holder()


def _parse_holder(data: Mapping[str, object]) -> Holder:
    pid, host, command, started_at = (data.get(name) for name in ("pid", "host", "command", "started_at"))
    return Holder(
        pid=pid if isinstance(pid, int) and pid > 0 else 0,
        host=host if isinstance(host, str) and host.isprintable() else "",
        command=command if isinstance(command, str) and command.isprintable() else "",
        started_at=float(started_at) if isinstance(started_at, int | float) else 0.0,
    )

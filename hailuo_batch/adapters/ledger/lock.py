"""The campaign's lock: one writer at a time, whatever happens to the process that holds it.

Operating-system locks, which the kernel releases when their process ends: on a file of its own that is never deleted,
and on a second file, the guard, that outlives the first. Whoever deletes the lock's file beside a holder does not get a
second lock: the guard is still held. The lock's file names the holder as JSON, for messages only: whether it is held,
the kernel alone says.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hailuo_batch.adapters.local.fs import is_in_place, open_regular
from hailuo_batch.errors import BusyError, LedgerError

_SHARED_RETRIES = 100
_SHARED_RETRY_S = 0.01
_POLL_S = 0.2  # between two looks at a lock that is waited for
_MAX_OPENINGS = 100  # of a file that is deleted again and again under its name
_MAX_NOTE_BYTES = 4096
_NOTE_START = '{"pid": '  # what every note of ours begins with


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock. `started_at` is seconds since the epoch; a field that cannot be read is 0 or empty."""

    pid: int = 0
    host: str = ""
    command: str = ""
    started_at: float = 0.0

    @classmethod
    def this_process(cls, command: str, started_at: float) -> "LockHolder":
        """The process that asks, on behalf of this command."""
        return cls(os.getpid(), socket.gethostname(), command, started_at)

    def __str__(self) -> str:
        if not self.pid:
            return "another process"
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"hailuo-batch {self.command} (process {self.pid}{place})"


class CampaignLock:
    """The lock in the file at `path`, for `holder`. Not for use by several threads at once.

    `guard` is the second file: the campaign's receipts, which are there from its first create on. The ledger's own file
    is none, for closing any descriptor of it takes away SQLite's locks on it.
    """

    def __init__(self, path: Path, holder: LockHolder, guard: Path | None = None) -> None:
        self.path = path
        self._holder = holder
        self._guard_path = guard
        self._file: int | None = None
        self._guard: int | None = None

    def acquire(self, wait_s: float = 0.0, on_wait: Callable[[LockHolder], None] = lambda _: None) -> bool:
        """Take the lock, and if another process holds it, wait so many seconds for it.

        `waiting` is told for whom, each time that this is another one. Returns whether there was any wait, after which
        nothing that was read before is sure to hold. Raises BusyError where another process still holds it, and
        LedgerError where the file cannot be had, or is not ours.
        """
        give_up_at = time.monotonic() + wait_s
        reported: LockHolder | None = None
        while True:
            try:
                self._acquire()
            except _HeldError as held:
                left_s = give_up_at - time.monotonic()
                if left_s <= 0:
                    raise self._busy_error(held.holder) from None
                if reported is None or (held.holder.pid and held.holder != reported):
                    reported = held.holder
                    on_wait(reported)
                time.sleep(min(_POLL_S, left_s))
            else:
                return reported is not None

    def acquire_guard(self) -> None:
        """Have the guard held under its name, and made where it is not there yet: before the first payment.

        Raises BusyError where another process holds it, LedgerError where it cannot be had.
        """
        if self._guard_path is None:
            return
        try:
            self._take_guard(self._guard_path, os.O_CREAT)
        except _HeldError as held:
            raise self._busy_error(held.holder) from None

    def check_in_place(self) -> None:
        """Raises LedgerError where the lock's file is no longer what bears its name: it would keep nobody out."""
        if self._file is not None and not is_in_place(self._file, self.path):
            raise LedgerError(f"{self.path}: it was removed, moved or replaced while this was at work.")

    def release(self) -> None:
        """Give the lock back; the files stay. May be called more than once."""
        files, self._file, self._guard = (self._guard, self._file), None, None
        for file in files:
            if file is not None:
                os.close(file)

    def __enter__(self) -> Self:
        if self._file is None:
            self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _acquire(self) -> None:
        """Take the lock at once, or nothing. Raises _HeldError."""
        try:
            self._file = self._open_locked()
            # rule lock_guard
            if self._guard_path is not None:
                self._take_guard(self._guard_path)
            self._write_holder(self._file)
        except BaseException as error:
            self.release()
            if isinstance(error, OSError):
                raise self._unusable_error(self.path, error) from error
            raise

    def _open_locked(self) -> int:
        """The lock's file, locked and under its name: one that was deleted meanwhile locks nobody out."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_MAX_OPENINGS):
            file = open_regular(self.path, os.O_RDWR | os.O_CREAT)
            try:
                _lock_or_raise(file)
                # rule lock_file_stays
                if is_in_place(file, self.path):
                    return file
            except BaseException:
                os.close(file)
                raise
            os.close(file)
        raise OSError(0, "it is deleted as soon as it is made")

    def _take_guard(self, path: Path, flags: int = 0) -> None:
        if self._guard is not None and is_in_place(self._guard, path):
            return
        try:
            file = open_regular(path, os.O_RDWR | flags)
        except FileNotFoundError:
            return  # no create was ever sent, or the receipts are gone: `acquire_guard` makes it
        except OSError as error:
            raise self._unusable_error(path, error) from error
        try:
            _lock_or_raise(file)
        except BaseException:
            os.close(file)
            raise
        if self._guard is not None:
            os.close(self._guard)
        self._guard = file

    def _write_holder(self, file: int) -> None:
        """Note down who holds the lock. Raises LedgerError for a file with anything else in it: it is not ours."""
        note = os.pread(file, _MAX_NOTE_BYTES, 0).decode("utf-8", errors="replace").strip("\0\n")
        if not (note.startswith(_NOTE_START) or _NOTE_START.startswith(note)):
            raise LedgerError(
                f"{self.path}: this file holds something that hailuo-batch has not written, so that it is not taken "
                "for the campaign's lock, and was left as it is. Nothing was sent, nothing was paid. Move it away, or "
                "give another --state-dir."
            )
        os.ftruncate(file, 0)
        os.pwrite(file, (json.dumps(asdict(self._holder)) + "\n").encode("utf-8"), 0)

    def _busy_error(self, holder: LockHolder) -> BusyError:
        return BusyError(
            f"{self.path}: {holder} is at work on this campaign. Nothing was sent by this one, nothing was paid. Wait "
            "until it has finished (an apply does with --wait 30m), or stop it with Ctrl-C where it runs; "
            "`hailuo-batch status MANIFEST` shows how far it is."
        )

    @staticmethod
    def _unusable_error(path: Path, error: OSError) -> LedgerError:
        return LedgerError(
            f"{path}: the campaign cannot be locked ({error.strerror}). Nothing was sent, nothing was paid. Look at "
            "what bears this name and at the folder's permissions, or give --state-dir a folder on a local disk."
        )


class _HeldError(Exception):
    """Another process holds the lock, or its guard."""

    def __init__(self, holder: LockHolder) -> None:
        super().__init__(str(holder))
        self.holder = holder


def find_holder(path: Path, guard: Path | None = None) -> LockHolder | None:
    """Who holds the lock now; None where nobody does or there is no such file. Never disturbs a holder.

    A holder whose lock's file was deleted is known by the guard alone, and has no name.
    """
    holder = _read_holder_if_locked(path)
    if holder is None and guard is not None and _read_holder_if_locked(guard) is not None:
        return LockHolder()
    return holder


def _read_holder_if_locked(path: Path) -> LockHolder | None:
    try:
        file = open_regular(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        if _try_lock(file, fcntl.LOCK_SH):
            return None
        return _read_holder(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _lock_or_raise(file: int) -> None:
    """Lock the open file for this process alone. Raises _HeldError where another has it."""
    if not _try_lock_exclusive(file):
        raise _HeldError(_read_holder(file))


def _try_lock_exclusive(file: int) -> bool:
    """Whether this process now holds the lock. Where only readers, whose glance is short, are in the way: again."""
    for _ in range(_SHARED_RETRIES):
        if _try_lock(file, fcntl.LOCK_EX):
            return True
        if not _try_lock(file, fcntl.LOCK_SH):
            return False
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(_SHARED_RETRY_S)
    return False


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(file: int) -> LockHolder:
    try:
        data = json.loads(os.pread(file, _MAX_NOTE_BYTES, 0))
    except ValueError:
        return LockHolder()
    return _parse_holder(data) if isinstance(data, Mapping) else LockHolder()


def _parse_holder(data: Mapping[str, object]) -> LockHolder:
    pid, host, command, started_at = (data.get(name) for name in ("pid", "host", "command", "started_at"))
    return LockHolder(
        pid=pid if isinstance(pid, int) and pid > 0 else 0,
        host=host if isinstance(host, str) and host.isprintable() else "",
        command=command if isinstance(command, str) and command.isprintable() else "",
        started_at=float(started_at) if isinstance(started_at, int | float) else 0.0,
    )

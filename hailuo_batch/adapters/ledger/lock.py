"""The campaign's lock: one writer at a time, whatever happens to the process that holds it.

Two writers would pay for the same takes twice. So there are two operating-system locks, which the kernel releases when
their process ends: one on a file of its own, which we never delete, and one on a second file, the guard. If somebody
deletes the lock file while it is held, a second process still fails at the guard. The lock file names its holder as
JSON, for messages only: the kernel alone knows whether it is held.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from hailuo_batch.adapters.ledger.side_files import check_open_file, foreign_error
from hailuo_batch.adapters.local.fs import is_in_place, open_regular, try_lock
from hailuo_batch.errors import BusyError, LedgerError

_SHARED_RETRIES = 100
_SHARED_RETRY_S = 0.01
_POLL_S = 0.2  # between two tries while waiting for the lock
_MAX_OPENINGS = 100  # tries with a file that is deleted again and again
_MAX_NOTE_BYTES = 4096
_NOTE_START = '{"pid": '  # every note of ours starts so


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The holder of a lock. `started_at` is seconds since the epoch; an unreadable field is 0 or empty."""

    pid: int = 0
    host: str = ""
    command: str = ""
    started_at: float = 0.0

    @classmethod
    def this_process(cls, command: str, started_at: float) -> "LockHolder":
        """Return this process as the holder, for a command."""
        return cls(os.getpid(), socket.gethostname(), command, started_at)

    def __str__(self) -> str:
        if not self.pid:
            return "another process"
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"hailuo-batch {self.command} (process {self.pid}{place})"


class CampaignLock:
    """The lock in the file at `path`, for `holder`. Not thread-safe.

    `guard` is the second file: the campaign's receipts, which exist from its first create on. The ledger cannot be the
    guard, because closing any descriptor of it would release SQLite's own locks on it.
    """

    def __init__(self, path: Path, holder: LockHolder, guard: Path | None = None) -> None:
        self.path = path
        self._holder = holder
        self._guard_path = guard
        self._file: int | None = None
        self._guard: int | None = None

    def acquire(
        self,
        wait_s: float = 0.0,
        on_wait: Callable[[LockHolder], None] = lambda _: None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Take the lock, waiting up to `wait_s` for another process to release it.

        `on_wait` is called with each holder that we wait for, and `is_over` says when to wait no longer. Returns
        whether we waited: then whatever was read before may be outdated. Raises BusyError where another process still
        holds it, and LedgerError where the file cannot be opened or is not ours.
        """
        give_up_at = time.monotonic() + wait_s
        reported: LockHolder | None = None
        while True:
            try:
                self._acquire()
            except _HeldError as held:
                left_s = give_up_at - time.monotonic()
                if left_s <= 0 or is_over():
                    raise self._busy_error(held.holder) from None
                if reported is None or (held.holder.pid and held.holder != reported):
                    reported = held.holder
                    on_wait(reported)
                time.sleep(min(_POLL_S, left_s))
            else:
                return reported is not None

    def acquire_guard(self) -> None:
        """Lock the guard, creating it if needed. To be called before the first payment.

        Raises BusyError where another process holds it, LedgerError where it cannot be opened.
        """
        if self._guard_path is None:
            return
        try:
            self._take_guard(self._guard_path, os.O_CREAT)
        except _HeldError as held:
            raise self._busy_error(held.holder) from None

    def check_in_place(self) -> None:
        """Raise LedgerError where the lock file was removed, moved or replaced: it would keep nobody out."""
        if self._file is not None:
            check_open_file(self._file, self.path)

    def release(self) -> None:
        """Release the lock; the files stay. May be called more than once."""
        files, self._file, self._guard = (self._guard, self._file), None, None
        # The guard goes first: whoever then takes the lock file must find the guard free.
        for file in files:
            if file is not None:
                os.close(file)

    def __enter__(self) -> Self:
        if self._file is None:
            self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _acquire(self) -> None:
        """Take the lock without waiting, completely or not at all. Raises _HeldError."""
        # In the same order in every process, so that two that start together cannot each hold one of the two.
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
        """Open and lock the lock file, and check that it still has its name: a deleted one would keep nobody out."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_MAX_OPENINGS):
            file = _open_and_lock(self.path, os.O_CREAT)
            # rule lock_file_stays
            if is_in_place(file, self.path):
                return file
            os.close(file)
        raise OSError(0, "the lock file is deleted as soon as it is created")

    def _take_guard(self, path: Path, flags: int = 0) -> None:
        if self._guard is not None and is_in_place(self._guard, path):
            return
        try:
            file = _open_and_lock(path, flags)
        except FileNotFoundError:
            return  # nothing was ever sent, or the receipts are gone: `acquire_guard` creates it
        except OSError as error:
            raise self._unusable_error(path, error) from error
        # The receipts were replaced: the new file is locked before the old one is let go.
        if self._guard is not None:
            os.close(self._guard)
        self._guard = file

    def _write_holder(self, file: int) -> None:
        """Write the holder into the lock file. Raises LedgerError for a file with foreign content, which is kept."""
        note = os.pread(file, _MAX_NOTE_BYTES, 0).decode("utf-8", errors="replace").strip("\0\n")
        if not (note.startswith(_NOTE_START) or _NOTE_START.startswith(note)):
            raise foreign_error(self.path, "the campaign's lock")
        os.ftruncate(file, 0)
        os.pwrite(file, (json.dumps(asdict(self._holder)) + "\n").encode("utf-8"), 0)

    def _busy_error(self, holder: LockHolder) -> BusyError:
        return BusyError(
            f"{self.path}: {holder} is running on this campaign. Nothing was sent, nothing was paid. Wait until it "
            "finishes (`apply --wait 30m` does that), or stop it with Ctrl-C in its terminal. `hailuo-batch status "
            "MANIFEST` shows its progress."
        )

    @staticmethod
    def _unusable_error(path: Path, error: OSError) -> LedgerError:
        if isinstance(error, FileExistsError | NotADirectoryError):
            return LedgerError(
                f"{path.parent}: there is a file in the place of the state folder. Nothing was sent, nothing was paid. "
                "Move it away, or name a folder with --state-dir."
            )
        return LedgerError(
            f"{path}: the campaign cannot be locked ({error.strerror}). Nothing was sent, nothing was paid. Check "
            "the file and the folder's permissions, or use a --state-dir on a local disk."
        )


class _HeldError(Exception):
    """Another process holds the lock, or its guard."""

    def __init__(self, holder: LockHolder) -> None:
        super().__init__(str(holder))
        self.holder = holder


def find_holder(path: Path, guard: Path | None = None) -> LockHolder | None:
    """Return the lock's holder; None where nobody holds it or there is no file. Never disturbs a holder.

    A holder whose lock file was deleted is detected by the guard, and has no name.
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
        if try_lock(file, fcntl.LOCK_SH):
            return None
        return _read_holder(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _open_and_lock(path: Path, flags: int) -> int:
    """Open a file and lock it exclusively. Raises OSError, and _HeldError where another process holds it."""
    file = open_regular(path, os.O_RDWR | flags)
    try:
        holder = None if _try_lock_exclusive(file) else _read_holder(file)
    except BaseException:
        os.close(file)
        raise
    if holder is not None:
        os.close(file)
        raise _HeldError(holder)
    return file


def _try_lock_exclusive(file: int) -> bool:
    """Try to lock a file exclusively, and return whether it worked.

    `find_holder` takes a shared lock for a moment. Where only such readers are in the way, the lock is tried again.
    """
    for _ in range(_SHARED_RETRIES):
        if try_lock(file, fcntl.LOCK_EX):
            return True
        if not try_lock(file, fcntl.LOCK_SH):
            return False
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(_SHARED_RETRY_S)
    return False


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

"""Ctrl-C and similar signals while an apply runs: the first stops it in good order, a second one quits at once.

The handlers only record the request to stop and print a line; the driver's loop does the rest. Payments are written
down before and after, so that quitting at once loses nothing either. If nobody reads the output any more, that counts
as SIGHUP, which a closed terminal sends.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from hailuo_batch.adapters.local.stop_request import StopRequest
from hailuo_batch.adapters.local.streams import notify_when_unread, write_from_handler
from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.clock import Clock

_DEADLY_BY_DEFAULT = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGPWR")
_EXIT_CODES = {
    signal.SIGINT: ExitCode.SIGINT,
    **{getattr(signal, name): ExitCode.SIGTERM for name in _DEADLY_BY_DEFAULT if hasattr(signal, name)},
}
"""Every signal that ends a process by default and that somebody sends: users, closed terminals, supervisors, batch
systems that announce their end, the limit of processor time. Timers and faults are left alone."""

_ALWAYS_HANDLED = frozenset({signal.SIGINT, signal.SIGTERM})
_COUNT_AS_SECOND = _ALWAYS_HANDLED | {signal.SIGQUIT}
_SECOND_SIGNAL_AFTER_S = 1.0
"""A second signal counts only after this long: `timeout` and similar programs pass on the signal that the terminal has
sent already. SIGHUP never counts as a second one: a closed terminal may send it twice."""

_STDERR = 2
_STOPPING = (
    "Stopping after the current requests.",
    "Press Ctrl-C again after a second to quit now.",
    "Run the same command to continue.",
)
_LEAVING = (
    "Quit. Everything that was sent is in the ledger.",
    "Requests that had no answer yet are in doubt: `status` shows them.",
    "Run the same command to continue.",
)


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """Within this context the first signal, or a lost reader, requests the stop, and a second signal quits.

    The handlers stay until the process has ended: at no moment of its end may a signal give it another exit code.
    """
    if stop.is_acknowledged:
        yield
        return
    stop.is_acknowledged = True
    _handle_signals(_handler(stop))
    try:
        with notify_when_unread(lambda: stop.request(ExitCode.SIGTERM)):
            yield
    finally:
        stop.is_acknowledged = False


def _handler(stop: StopRequest) -> Callable[[int, FrameType | None], None]:
    first_at: float | None = None

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first_at
        if stop.is_too_late:
            return
        code, now = _EXIT_CODES[signal.Signals(number)], Clock().now()
        if first_at is None:
            first_at = now
            _write(_STOPPING)
            stop.request(code)
        elif number in _COUNT_AS_SECOND and now - first_at >= _SECOND_SIGNAL_AFTER_S:
            _write(_LEAVING)
            os._exit(code)

    return handle


def _handle_signals(handle: Callable[[int, FrameType | None], None]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set handlers
    for number in _EXIT_CODES:
        # signals that were ignored at the start stay ignored, as `nohup` asks for
        if number in _ALWAYS_HANDLED or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def _write(lines: Sequence[str]) -> None:
    """Print the lines; on a terminal start a new line first, since a progress bar may be on this one."""
    end = "\r\n" if os.isatty(_STDERR) else "\n"
    text = (end if os.isatty(_STDERR) else "") + "".join(line + end for line in lines)
    write_from_handler(_STDERR, text)

"""Ctrl-C and its kin while an apply works: the first one stops it in good order, a second one leaves at once.

The handlers only set a wish and write a line; the driver's loop does the rest. What was paid for is written down
before and after, so that leaving at once loses nothing either. A reader of what is printed that goes away is such a
wish, too: it counts as SIGHUP does, which comes from a terminal that was closed.
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
"""Every signal that ends a process whose author did not think of it, and that somebody sends: users, terminals that are
closed, supervisors, batch systems that announce their end, the limit of processor time. What measures time or tells of
a fault is left alone."""

_ALWAYS_HANDLED = frozenset({signal.SIGINT, signal.SIGTERM})
_COUNT_AS_SECOND = _ALWAYS_HANDLED | {signal.SIGQUIT}
_SECOND_SIGNAL_AFTER_S = 1.0
"""A second signal is a wish of its own only after so long: `timeout`, and whoever starts the program for the user, pass
on the signal that the terminal has sent as well. SIGHUP never is one: a terminal that is closed may send it twice."""

_STDERR = 2
_STOPPING = (
    "Stopping: requests under way are finished and recorded. To leave at once, press",
    "Ctrl-C again after a second. The same command continues later.",
)
_LEAVING = ("Left at once. The ledger knows what was sent; the same command continues.",)


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """While it lasts, the first signal, or a reader that goes, is that wish, and a second signal ends the process.

    Signals are that wish until the process has ended: in no moment of its end may one give it another exit code.
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
        return  # signals are the main thread's
    for number in _EXIT_CODES:
        # what whoever started the program has it ignore stays ignored, as `nohup` asks for
        if number in _ALWAYS_HANDLED or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def _write(lines: Sequence[str]) -> None:
    """Below the bar where there may be one: on a terminal, whose cursor stands somewhere in a line."""
    end = "\r\n" if os.isatty(_STDERR) else "\n"
    text = (end if os.isatty(_STDERR) else "") + "".join(line + end for line in lines)
    write_from_handler(_STDERR, text)

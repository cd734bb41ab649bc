"""Ctrl-C and its kin while an apply works: the first one stops it in good order, a second one leaves at once.

The handlers only set a wish and write a line; the driver's loop does the rest. What was paid for is written down
before and after, so that leaving at once loses nothing either.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from hailuo_batch.errors import ExitCode

_CODES = {
    signal.SIGINT: ExitCode.SIGINT,
    signal.SIGTERM: ExitCode.SIGTERM,
    signal.SIGHUP: ExitCode.SIGTERM,
}
_STDERR = 2
_STOPPING = b"\r\nStopping when requests under way are recorded. Ctrl-C again leaves at once.\r\n"
_LEAVING = b"\r\nLeft at once. The ledger knows what was sent; the same command goes on.\r\n"


@contextmanager
def stop_on_signal(stop: Callable[[ExitCode], None]) -> Iterator[None]:
    """While it lasts, have the first signal call `stop` with its exit code, and the second end the process."""
    asked = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        code = _CODES[signal.Signals(number)]
        if asked:
            _write(_LEAVING)
            os._exit(code)
        asked = True
        _write(_STOPPING)
        stop(code)

    before = {number: signal.signal(number, handle) for number in _CODES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write(text: bytes) -> None:
    try:
        os.write(_STDERR, text)
    except OSError:
        return  # the terminal is gone, as it is on SIGHUP

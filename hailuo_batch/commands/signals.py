"""Ctrl-C and its kin while an apply works: the first one stops it in good order, a second one leaves at once.

The handlers only set a wish and write a line; the driver's loop does the rest. What was paid for is written down
before and after, so that leaving at once loses nothing either.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from hailuo_batch.errors import ExitCode

_CODES = {
    signal.SIGINT: ExitCode.SIGINT,
    signal.SIGTERM: ExitCode.SIGTERM,
    signal.SIGHUP: ExitCode.SIGTERM,
}
_STDERR = 2
_STOPPING = (
    "Stopping: what is under way is still finished and recorded. Asked again, it",
    "leaves at once. The same command goes on later.",
)
_LEAVING = ("Left at once. The ledger knows what was sent; the same command goes on.",)


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


def _write(lines: Sequence[str]) -> None:
    """Below the bar where there may be one: on a terminal, whose cursor stands somewhere in a line."""
    end = "\r\n" if os.isatty(_STDERR) else "\n"
    text = (end if os.isatty(_STDERR) else "") + "".join(line + end for line in lines)
    try:
        os.write(_STDERR, text.encode())
    except OSError:
        return  # the terminal is gone, as it is on SIGHUP

"""What a process does on a signal, put back after a command that has run in it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
    *(getattr(signal, name) for name in ("SIGPWR",) if hasattr(signal, name)),
)


@contextmanager
def kept_handlers() -> Iterator[None]:
    """A command heeds signals until its process has ended: this process goes on, and hears them as before."""
    before = {number: signal.getsignal(number) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

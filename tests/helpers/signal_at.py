"""The real command line, and a signal at a call of its own: `python -m tests.helpers.signal_at WHERE SIGNAL -- ARGS`.

WHERE is `before` or `after`, a module of the product, and a function or method in it, such as
`after:runtime.driver:Driver.run`. The program's pauses pass quickly, as in the tests of commands.
"""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hailuo_batch import cli
from hailuo_batch.app import run_campaign
from hailuo_batch.runtime.clock import Clock
from tests.helpers import fast_time as haste
from tests.helpers.timeouts import TEST_TIMEOUT_S

_ROOT = Path(__file__).parents[2]


def strike(where: str, number: signal.Signals, words: Sequence[str]) -> int:
    """Run the command and strike it there. Gives its exit code, or less than 0 for the signal that ended it."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.helpers.signal_at", where, number.name, "--", *words],
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=TEST_TIMEOUT_S,
    )
    assert b"struck\n" in ended.stderr, ended.stderr.decode()
    return ended.returncode


def _surround(where: str, number: signal.Signals) -> None:
    when, module, name = where.split(":")
    owner: Any = importlib.import_module(f"hailuo_batch.{module}")
    *classes, name = name.split(".")
    for each in classes:
        owner = getattr(owner, each)
    inner: Callable[..., Any] = getattr(owner, name)

    def surrounded(*arguments: Any, **options: Any) -> Any:
        if when == "before":
            _hit(number)
        result = inner(*arguments, **options)
        if when == "after":
            _hit(number)
        return result

    setattr(owner, name, surrounded)


def _hit(number: signal.Signals) -> None:
    os.write(2, b"struck\n")
    os.kill(os.getpid(), number)


def main() -> None:
    where, name, _, *words = sys.argv[1:]
    setattr(Clock, "now", haste.now)  # noqa: B010 - as monkeypatch does it
    setattr(run_campaign, "ThreadExecutor", haste.FastExecutor)  # noqa: B010
    _surround(where, signal.Signals[name])
    cli.main(words)


if __name__ == "__main__":
    main()

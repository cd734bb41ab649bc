"""The real program, killed at each of its boundaries in turn: `python -m tests.helpers.kill_in_turn MANIFEST...`.

A boundary lies before and after each write of the ledger, of the receipts and of the output folder, and before and
after each request. The n-th manifest is applied by a process that is killed at the n-th boundary, and then by one that
lives; each is a fork of this process, so that the program is loaded once, and several pairs run side by side. Beside
each manifest, `ends.json` says where the first one was killed (null where it lived to its end) and the exit code of
the second.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hailuo_batch import cli
from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.receipts import Receipts
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.adapters.runbase import Client

BOUNDARIES: tuple[tuple[Any, str], ...] = (
    (Ledger, "create"),
    (Ledger, "record"),
    (Ledger, "carry_out"),
    (Ledger, "restore_runs"),
    (Ledger, "record_fact"),
    (Ledger, "record_description"),
    (Ledger, "back_up"),
    (Receipts, "_append"),
    (Client, "create_run"),
    (Client, "read_run"),
    (Downloader, "fetch"),
    (OutputFiles, "move"),
)
AT_ONCE = 24  # a first apply waits most of its time: no run is expected to be done within seconds
KILLED_IN = "killed_in.txt"
importlib.import_module("hailuo_batch.commands.apply")  # loaded before the fork, with all that it needs


class KillSwitch:
    """Kills this process at its n-th boundary, having written down at which call that is."""

    def __init__(self, at: int, note: Path) -> None:
        self.left = at
        self.note = note
        for owner, name in BOUNDARIES:
            self._surround(owner, name)

    def _surround(self, owner: Any, name: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def surrounded(*arguments: Any, **options: Any) -> Any:
            self._on_boundary(f"{owner.__name__}.{name}")
            result = inner(*arguments, **options)
            self._on_boundary(f"{owner.__name__}.{name}")
            return result

        setattr(owner, name, surrounded)

    def _on_boundary(self, call: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.note.write_text(call)
            os.kill(os.getpid(), signal.SIGKILL)


def apply_once(manifest: Path, killed_at: int | None) -> int:
    """One apply in a process of its own: its exit code, or less than 0 for the signal that ended it."""
    child = os.fork()
    if child == 0:
        if killed_at is not None:
            KillSwitch(killed_at, manifest.parent / KILLED_IN)
        code = cli.run(["apply", "--yes", "-q", "--rate-limit", "1000/10s", str(manifest)])
        sys.stdout.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def apply_killed_and_again(manifest: Path, killed_at: int) -> None:
    """The two applies of one manifest, and how they ended."""
    killed = apply_once(manifest, killed_at) == -signal.SIGKILL
    ends = {
        "killed_in": (manifest.parent / KILLED_IN).read_text() if killed else None,
        "code": apply_once(manifest, None),
    }
    (manifest.parent / "ends.json").write_text(json.dumps(ends))


def main() -> None:
    under_way = 0
    for number, manifest in enumerate(sys.argv[1:], start=1):
        if under_way == AT_ONCE:
            os.wait()
            under_way -= 1
        if os.fork() == 0:
            apply_killed_and_again(Path(manifest), number)
            os._exit(0)
        under_way += 1
    for _ in range(under_way):
        os.wait()


if __name__ == "__main__":
    main()

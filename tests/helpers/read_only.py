"""A folder mounted read-only, for one process: permissions would not keep root from writing."""

import functools
import os
import subprocess
import sys
from pathlib import Path

_MOUNTED = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


@functools.cache
def can_mount() -> bool:
    """Whether this machine lets a test mount anything in a namespace of its own."""
    try:
        made = subprocess.run(["unshare", "-m", "sh", "-c", _MOUNTED, "/", "true"], capture_output=True, check=False)
    except OSError:
        return False
    return made.returncode == 0


def run_read_only(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program while the folder is mounted read-only, for it alone."""
    program = [sys.executable, "-m", "hailuo_batch", *arguments]
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", _MOUNTED, str(folder), *program],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )

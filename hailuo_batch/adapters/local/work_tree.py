"""The YAML files of a project: those that git keeps in the work tree around the current directory, or all below it."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_SUFFIXES = (".yaml", ".yml")
_GIT = ("git", "ls-files", "-z", "--cached", "--", *(f":(top,icase)*{suffix}" for suffix in _SUFFIXES))
_TIMEOUT_S = 60.0
_MOST_FOLDERS = 20_000  # without git: somebody may stand in the root of a disk


def list_yaml_files() -> Sequence[Path]:
    """The paths, from the current directory."""
    tracked = _list_tracked()
    return tuple(_walk()) if tracked is None else tracked


def _list_tracked() -> Sequence[Path] | None:
    """What git tracks, None without git or outside a work tree."""
    try:
        ended = subprocess.run(_GIT, capture_output=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603 - fixed words
    except (OSError, subprocess.TimeoutExpired):
        return None
    names = ended.stdout.split(b"\0")
    return None if ended.returncode else tuple(Path(os.fsdecode(name)) for name in names if name)


def _walk() -> Iterator[Path]:
    """The YAML files below the current directory, without hidden folders."""
    for number, (folder, folders, names) in enumerate(os.walk(".")):
        if number == _MOST_FOLDERS:
            return
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if name.lower().endswith(_SUFFIXES))

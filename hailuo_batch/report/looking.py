"""Looking into the output folder: which files there are, when each was changed, and what a small one holds.

No file there can hold up, mislead or overwhelm who looks: regular files only, no link is followed, and nothing is read
beyond its bound. Raises OSError where a folder that is there cannot be read.
"""

import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hailuo_batch.core.model.file_layout import SUPERSEDED

SUFFIX = ".json"
"""What a sidecar's name adds to that of its video."""

Stamp = tuple[int, int, int, int]
"""What tells a file from what it was before: its size, the times of its bytes and of its inode, and its inode."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The files of an output folder and of `superseded/` in it, the report's own apart, by their paths; the stamps of
    those that may be sidecars; and the links that may stand for one."""

    names: frozenset[str]
    sidecars: Mapping[str, Stamp]
    links: frozenset[str]


def survey(folder: Path) -> Survey:
    """What there is."""
    names: list[str] = []
    sidecars: dict[str, Stamp] = {}
    links: list[str] = []
    for place, prefix in ((folder, ""), (folder / SUPERSEDED, f"{SUPERSEDED}/")):
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(place) as entries:
            for entry in entries:
                name = prefix + entry.name
                if name.endswith(SUFFIX) and entry.is_symlink():
                    links.append(name)
                if not entry.is_file() or name.startswith("report."):
                    continue
                names.append(name)
                if name.endswith(SUFFIX) and (stamp := _look(entry)) is not None:
                    sidecars[name] = stamp
    return Survey(frozenset(names), sidecars, frozenset(links))


def _look(entry: os.DirEntry[str]) -> Stamp | None:
    try:
        return _stamp_of(entry.stat(follow_symlinks=False)) if entry.is_file(follow_symlinks=False) else None
    except FileNotFoundError:
        return None  # gone meanwhile


def look(path: Path) -> Stamp | None:
    """The stamp of a regular file, None where there is none."""
    try:
        seen = path.lstat()
    except OSError:
        return None
    return _stamp_of(seen) if stat.S_ISREG(seen.st_mode) else None


def looks(folder: Path, names: Iterable[str]) -> dict[str, Stamp]:
    """The stamps of the files of these names that are there."""
    seen = ((name, look(folder / name)) for name in names)
    return {name: stamp for name, stamp in seen if stamp is not None}


def read_object(path: str | Path, largest: int) -> Mapping[str, Any] | None:
    """The JSON object in a file, None where there is none."""
    try:
        value = read_json(path, largest)
    except (UnreadableFile, FileNotFoundError):
        return None
    return value if isinstance(value, dict) else None


class UnreadableFile(Exception):  # noqa: N818 - named for what it is; nobody but its reader sees it
    """A file is there, and is no JSON that can be read."""


def read_json(path: str | Path, largest: int) -> Any:
    """The value in a JSON file. Raises UnreadableFile, and FileNotFoundError where there is no regular file."""
    content = read_bounded(path, largest)
    if content is None:
        if look(Path(path)) is not None:
            raise UnreadableFile
        raise FileNotFoundError(path)
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise UnreadableFile from None


def read_bounded(path: str | Path, largest: int) -> bytes | None:
    """A regular file's bytes, None where it is none, is larger than this, or cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        seen = os.fstat(file)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > largest:
            return None
        with os.fdopen(file, "rb", closefd=False) as opened:
            return opened.read(largest + 1)
    except OSError:
        return None
    finally:
        os.close(file)


def _stamp_of(seen: os.stat_result) -> Stamp:
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino

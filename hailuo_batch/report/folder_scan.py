"""What is in the output folder: which files, when each was changed, and the contents of small ones.

No file there can block, mislead or overwhelm the program: only regular files are read, no link is followed, and nothing
is read beyond a limit. Raises OSError if an existing folder cannot be read.
"""

import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.local.fs import open_to_read
from hailuo_batch.core.model.file_layout import SUPERSEDED_FOLDER

SUFFIX = ".json"
"""What a sidecar's name adds to its video's."""

FileStamp = tuple[int, int, int, int]
"""A file's size, modification time, inode change time and inode: any change of the file changes one of them."""


@dataclass(frozen=True, slots=True)
class FolderScan:
    """The files in an output folder and its `superseded/`, except the report's own.

    `names` are their paths in the folder, `sidecars` the stamps of those that may be sidecars, `links` the links in
    place of one.
    """

    names: frozenset[str]
    sidecars: Mapping[str, FileStamp]
    links: frozenset[str]


def scan_folder(folder: Path) -> FolderScan:
    """Scan an output folder."""
    names: list[str] = []
    sidecars: dict[str, FileStamp] = {}
    links: list[str] = []
    for place, prefix in ((folder, ""), (folder / SUPERSEDED_FOLDER, f"{SUPERSEDED_FOLDER}/")):
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(place) as entries:
            for entry in entries:
                name = prefix + entry.name
                if name.endswith(SUFFIX) and entry.is_symlink():
                    links.append(name)
                if not entry.is_file() or name.startswith("report."):
                    continue
                names.append(name)
                if name.endswith(SUFFIX) and (stamp := _entry_stamp(entry)) is not None:
                    sidecars[name] = stamp
    return FolderScan(frozenset(names), sidecars, frozenset(links))


def _entry_stamp(entry: os.DirEntry[str]) -> FileStamp | None:
    try:
        return _to_stamp(entry.stat(follow_symlinks=False)) if entry.is_file(follow_symlinks=False) else None
    except FileNotFoundError:
        return None  # deleted meanwhile


def stamp_of(path: Path) -> FileStamp | None:
    """The stamp of a regular file, None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return _to_stamp(status) if stat.S_ISREG(status.st_mode) else None


def stamps_of(folder: Path, names: Iterable[str]) -> dict[str, FileStamp]:
    """The stamps of those files that exist, by their names."""
    stamps = ((name, stamp_of(folder / name)) for name in names)
    return {name: stamp for name, stamp in stamps if stamp is not None}


def read_object(path: str | Path, largest: int) -> Mapping[str, Any] | None:
    """The JSON object in a file, None if there is none."""
    try:
        value = read_json(path, largest)
    except (UnreadableFile, FileNotFoundError):
        return None
    return value if isinstance(value, dict) else None


class UnreadableFile(Exception):  # noqa: N818 - caught by its two callers, never shown
    """The file exists, but is not readable JSON."""


def read_json(path: str | Path, largest: int) -> Any:
    """The value in a JSON file. Raises UnreadableFile, and FileNotFoundError if there is no regular file."""
    content = read_bounded(path, largest)
    if content is None:
        if stamp_of(Path(path)) is not None:
            raise UnreadableFile
        raise FileNotFoundError(path)
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise UnreadableFile from None


def read_bounded(path: str | Path, largest: int) -> bytes | None:
    """A regular file's bytes; None if it is not one, is larger than this, or cannot be read."""
    try:
        with open_to_read(Path(path)) as file:
            content = file.read(largest + 1)
    except OSError:
        return None
    return content if len(content) <= largest else None


def _to_stamp(status: os.stat_result) -> FileStamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino

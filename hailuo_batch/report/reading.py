"""Reading back what an earlier command left beside the videos: the sidecars and report.json.

Owns which files are looked into, and that none of them can hold up, mislead or overwhelm who looks: regular files
only, no link is followed, and none is read beyond its bound. Raises OSError where the folder itself cannot be read.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hailuo_batch.core.shelf import SUPERSEDED
from hailuo_batch.core.traces import Trace
from hailuo_batch.report.traces import parse_report, parse_sidecar

SIDECAR = "hailuo-batch sidecar"
"""The kind that a sidecar says that it is."""
SUFFIX = ".json"
LARGEST_SIDECAR = 1_000_000
REPORT = "report.json"
_LARGEST_REPORT = 1_000_000_000


def read_traces(folder: Path, campaign: str, endpoint: str) -> Iterator[Trace]:
    """What the files in the output folder tell of this campaign's runs at this endpoint."""
    for name in sidecar_names(folder):
        found = read_object(folder / name, LARGEST_SIDECAR)
        if found is not None and found.get("kind") == SIDECAR:
            trace = parse_sidecar(found, campaign, endpoint, name.removesuffix(SUFFIX), name)
            if trace is not None:
                yield trace
    report = read_object(folder / REPORT, _LARGEST_REPORT)
    if report is not None:
        yield from parse_report(report, campaign, endpoint, REPORT)


def sidecar_names(folder: Path) -> Iterator[str]:
    """The files that may be sidecars, by their paths in the folder."""
    return (name for name in file_names(folder) if name.endswith(SUFFIX) and not name.startswith("report."))


def file_names(folder: Path) -> Iterator[str]:
    """The files in the folder and in `superseded/`, by their paths in it."""
    for place, prefix in ((folder, ""), (folder / SUPERSEDED, f"{SUPERSEDED}/")):
        try:
            with os.scandir(place) as entries:
                yield from (f"{prefix}{entry.name}" for entry in entries if entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            continue


def read_object(path: Path, largest: int) -> Mapping[str, Any] | None:
    """The JSON object in a file, None where there is none."""
    content = read_bounded(path, largest)
    try:
        value = None if content is None else json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_bounded(path: Path, largest: int) -> bytes | None:
    """A regular file's bytes, None where it is none, is larger than this, or cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(file, "rb") as opened:
        try:
            looked = os.fstat(file)
            return opened.read(looked.st_size) if stat.S_ISREG(looked.st_mode) and looked.st_size <= largest else None
        except OSError:
            return None

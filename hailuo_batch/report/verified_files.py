"""A cache of files in the output folder that are known to match the ledger, so that they are not read again.

It is a small file in the state folder. Files are recognised by their stamps. An entry is valid for one position of the
ledger's journal and one version of this program. The cache only saves time: nothing depends on it if it is damaged,
missing or put back.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from hailuo_batch import __version__
from hailuo_batch.adapters.local.fs import write_without_sync
from hailuo_batch.report.folder_scan import FileStamp, read_object, stamp_of

SIDECARS = "sidecars"
REPORTS = "reports"
RECEIPTS = "receipts"

_LARGEST = 200_000_000
_VERSION = 1

Mark = tuple[int, str]
"""The end of a ledger's journal: the number of its last line, and that line's SHA-256."""


@dataclass(frozen=True, slots=True)
class VerifiedFiles:
    """Files that matched the ledger when its journal ended at `mark`, by their stamps.

    `content_hash` is a hash of what else they were made from.
    """

    mark: Mark
    content_hash: str
    files: Mapping[str, FileStamp]


def load_verified(path: Path) -> Mapping[str, VerifiedFiles]:
    """The cache's entries by their names; none if it cannot be read."""
    return _load(path, stamp_of(path))


@lru_cache(maxsize=1)
def _load(path: Path, stamp: FileStamp | None) -> Mapping[str, VerifiedFiles]:
    """Parsed once per change of the file: a command asks several times."""
    if stamp is None:
        return {}
    data = read_object(path, _LARGEST)
    if data is None or data.get("version") != _VERSION or data.get("program") != program_state():
        return {}
    parts = ((name, _parse(data.get(name))) for name in (SIDECARS, REPORTS, RECEIPTS))
    return {name: part for name, part in parts if part is not None}


def save_verified(path: Path, verified: Mapping[str, VerifiedFiles]) -> None:
    """Replace the cache's entries. If the disk refuses, nothing is remembered."""
    parts = {
        name: {"mark": part.mark, "made_of": part.content_hash, "files": part.files} for name, part in verified.items()
    }
    text = json.dumps({"version": _VERSION, "program": program_state(), **parts}, separators=(",", ":"))
    with suppress(OSError):
        write_without_sync(path, text.encode("ascii"))


@cache
def program_state() -> str:
    """The version of this program, and the newest change of its source, for those who develop it."""
    places = (Path(__file__).parent, Path(__file__).parent / "page", Path(__file__).parent / "page" / "styles")
    newest = max(path.stat().st_mtime_ns for place in places for path in place.iterdir())
    return f"{__version__} {newest}"


def _parse(value: Any) -> VerifiedFiles | None:
    try:
        number, digest = value["mark"]
        files = {name: tuple(stamp) for name, stamp in value["files"].items()}
        is_mark = isinstance(number, int) and number > 0  # empty journals cannot be told apart
        return VerifiedFiles((number, str(digest)), str(value["made_of"]), files) if is_mark else None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None

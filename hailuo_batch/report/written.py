"""What was last found right in the output folder, file by file: what nobody has touched is not looked into again.

Owns the small file in the state folder that remembers it. A file is told by its size, its times and its inode: whoever
changes it changes one of them. What is remembered holds for one moment of the ledger, by its journal's mark, and for
one version of this program. It is a memory aid alone: damaged, missing or put back, it costs time and nothing else.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from hailuo_batch import __version__
from hailuo_batch.report.disk import write_without_sync
from hailuo_batch.report.looking import FileStamp, read_object, stamp_of

SIDECARS = "sidecars"
REPORTS = "reports"
RECEIPTS = "receipts"

_LARGEST = 200_000_000
_VERSION = 1

Mark = tuple[int, str]
"""Where a ledger's journal ends: the number of its last line, and that line's SHA-256."""


@dataclass(frozen=True, slots=True)
class VerifiedFiles:
    """Files that were right when the ledger's journal ended at `mark`, each by its stamp; `made_of` says what else they
    were made from."""

    mark: Mark
    content_hash: str
    files: Mapping[str, FileStamp]


def load_verified(path: Path) -> Mapping[str, VerifiedFiles]:
    """What is remembered, by what it is about; nothing where it cannot be read."""
    return _load(path, stamp_of(path))


@lru_cache(maxsize=1)
def _load(path: Path, stamp: FileStamp | None) -> Mapping[str, VerifiedFiles]:
    """A command asks several times for what it last wrote itself at most."""
    if stamp is None:
        return {}
    data = read_object(path, _LARGEST)
    if data is None or data.get("version") != _VERSION or data.get("program") != program_state():
        return {}
    parts = ((name, _parse(data.get(name))) for name in (SIDECARS, REPORTS, RECEIPTS))
    return {name: part for name, part in parts if part is not None}


def save_verified(path: Path, verified: Mapping[str, VerifiedFiles]) -> None:
    """Remember this in place of what was remembered. Where the disk refuses, nothing is remembered."""
    parts = {
        name: {"mark": part.mark, "made_of": part.content_hash, "files": part.files} for name, part in verified.items()
    }
    text = json.dumps({"version": _VERSION, "program": program_state(), **parts}, separators=(",", ":"))
    with suppress(OSError):
        write_without_sync(path, text.encode("ascii"))


@cache
def program_state() -> str:
    """What writes the files: this version, and while it is worked on, this state of its source."""
    places = (Path(__file__).parent, Path(__file__).parent / "page")
    newest = max(path.stat().st_mtime_ns for place in places for path in place.iterdir())
    return f"{__version__} {newest}"


def _parse(value: Any) -> VerifiedFiles | None:
    try:
        number, digest = value["mark"]
        files = {name: tuple(stamp) for name, stamp in value["files"].items()}
        is_mark = isinstance(number, int) and number > 0  # before its first line one ledger is like another
        return VerifiedFiles((number, str(digest)), str(value["made_of"]), files) if is_mark else None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None

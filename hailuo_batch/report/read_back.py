"""Read back what an earlier command left beside the videos: the sidecars and report.json.

Files that are known to match the ledger, and are unchanged since, are not read. A file of ours that cannot be read may
name paid runs: it is reported as unreadable, not skipped.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from hailuo_batch.core.planning.traces import Trace, UnreadableTrace
from hailuo_batch.report.folder_scan import SUFFIX, FileStamp, UnreadableFile, read_json, scan_folder, stamp_of
from hailuo_batch.report.traces import parse_report, parse_sidecar

SIDECAR = "hailuo-batch sidecar"
"""The value of `kind` in every sidecar."""
LARGEST_SIDECAR = 1_000_000
REPORT = "report.json"
_LARGEST_REPORT = 1_000_000_000


def read_traces(
    folder: Path,
    campaign: str,
    endpoint: str,
    verified: Mapping[str, FileStamp],
    is_known: Callable[[str], bool],
) -> Iterator[Trace | UnreadableTrace]:
    """The runs of this campaign at this endpoint that the files in the output folder name.

    Leaves out files with the stamps of `verified`, and runs whose IDs are known. Raises OSError if the folder cannot be
    read.
    """
    seen = scan_folder(folder)
    for name in sorted(seen.links):
        yield from _unreadable(name)  # links are not followed, and may lead to one of ours
    for name, stamp in seen.sidecars.items():
        if verified.get(name) != stamp:
            yield from _read_sidecar(folder, name, campaign, endpoint, is_known)
    path = folder / REPORT
    now = stamp_of(path)
    if now is None and os.path.lexists(path):
        yield UnreadableTrace(REPORT)
    elif now is not None and verified.get(REPORT) != now:
        with suppress(FileNotFoundError):
            try:
                yield from parse_report(read_json(path, _LARGEST_REPORT), campaign, endpoint, REPORT, is_known)
            except UnreadableFile:
                yield UnreadableTrace(REPORT)


def _read_sidecar(
    folder: Path, name: str, campaign: str, endpoint: str, is_known: Callable[[str], bool]
) -> Iterator[Trace | UnreadableTrace]:
    try:
        found = read_json(f"{folder}/{name}", LARGEST_SIDECAR)
    except FileNotFoundError:
        return  # deleted meanwhile
    except UnreadableFile:
        yield from _unreadable(name)
        return
    if not isinstance(found, dict) or found.get("kind") != SIDECAR:
        return
    run_id = found.get("run_id")
    if not (isinstance(run_id, str) and is_known(run_id)):
        trace = parse_sidecar(found, campaign, endpoint, name.removesuffix(SUFFIX), name)
        if trace is not None:
            yield trace


def _unreadable(name: str) -> Iterator[UnreadableTrace]:
    """An unreadable trace, if the name is that of a sidecar."""
    video = name.removesuffix(SUFFIX)
    if PurePosixPath(video).suffix and not name.startswith("report."):
        yield UnreadableTrace(name, video)

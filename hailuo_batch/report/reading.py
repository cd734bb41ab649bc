"""Reading back what an earlier command left beside the videos: the sidecars and report.json.

Owns which files are looked into: those that were found right, and that nobody has touched since, are not. A file of
ours that cannot be read is no file that says nothing: it is told of as what it is.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from hailuo_batch.core.traces import Trace, Unreadable
from hailuo_batch.report.looking import SUFFIX, Stamp, UnreadableFile, look, read_json, survey
from hailuo_batch.report.traces import parse_report, parse_sidecar

SIDECAR = "hailuo-batch sidecar"
"""The kind that a sidecar says that it is."""
LARGEST_SIDECAR = 1_000_000
REPORT = "report.json"
_LARGEST_REPORT = 1_000_000_000


def read_traces(
    folder: Path,
    campaign: str,
    endpoint: str,
    right: Mapping[str, Stamp],
    is_known: Callable[[str], bool],
) -> Iterator[Trace | Unreadable]:
    """What the files in the output folder tell of this campaign's runs at this endpoint.

    Files with the stamps of `right` are passed over, and runs that are known by their IDs. Raises OSError where the
    folder cannot be read.
    """
    for name, stamp in survey(folder).sidecars.items():
        if right.get(name) == stamp:
            continue
        try:
            found = read_json(f"{folder}/{name}", LARGEST_SIDECAR)
        except UnreadableFile:
            video = name.removesuffix(SUFFIX)
            if PurePosixPath(video).suffix:  # else the name is none that a sidecar has
                yield Unreadable(name, video)
            continue
        if not isinstance(found, dict) or found.get("kind") != SIDECAR:
            continue
        run_id = found.get("run_id")
        if isinstance(run_id, str) and is_known(run_id):
            continue
        told = parse_sidecar(found, campaign, endpoint, name.removesuffix(SUFFIX), name)
        if told is not None:
            yield told
    if right.get(REPORT, ()) != look(folder / REPORT):
        try:
            report = read_json(folder / REPORT, _LARGEST_REPORT)
        except UnreadableFile:
            yield Unreadable(REPORT)
        else:
            yield from () if report is None else parse_report(report, campaign, endpoint, REPORT, is_known)

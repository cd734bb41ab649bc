"""The stills of one campaign's videos and reference images: from the ledger and the manifest to what can be made.

Only the image that a take was made from is shown beside it: not one that has taken its place since.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hailuo_batch.adapters.stills.pictures import VIDEO_SUFFIXES, Image, Source, Video
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.manifest import ResolvedImage
from hailuo_batch.manifest.images.local_copies import combine_digests
from hailuo_batch.report.model import Report
from hailuo_batch.values import Take

Copies = Mapping[str, ResolvedImage]
"""The images that lie on this machine, by their URLs."""


def videos_of(runs: Iterable[Run], outputs: Path) -> Iterator[Video]:
    """The saved videos of these runs."""
    for run in runs:
        for output in run.outputs:
            if output.path is None or output.sha256 is None or output.bytes is None:
                continue
            if output.path.endswith(VIDEO_SUFFIXES):  # which the bytes have chosen when it was saved
                yield Video(outputs / output.path, output.bytes, output.sha256)


def images_of(takes: Iterable[Take], copies: Copies) -> dict[str, tuple[Image | None, ...]]:
    """The local copies of each take's images, by its ID; without the takes of which there is none."""
    if not any(copy.file for copy in copies.values()):
        return {}
    found = {take.id: _images(take, copies) for take in takes if take.images_sha256 is not None}
    return {take_id: images for take_id, images in found.items() if any(images)}


def sources_of(report: Report, snapshot: Snapshot, outputs: Path, copies: Copies) -> list[Source]:
    """Everything of which the report shows a still, the videos first."""
    images = images_of((shown.take for shown in report.takes), copies)
    return [
        *videos_of(snapshot.paid_runs, outputs),
        *(image for each in images.values() for image in each if image is not None),
    ]


def _images(take: Take, copies: Copies) -> tuple[Image | None, ...]:
    urls = take.input.get("image_urls")
    known = [copies.get(url) if isinstance(url, str) else None for url in (urls if isinstance(urls, list) else ())]
    digests = [copy.sha256 for copy in known if copy is not None and copy.sha256 is not None]
    if combine_digests(digests) != take.images_sha256:
        return ()
    return tuple(
        None if copy is None or copy.file is None or copy.sha256 is None else Image(copy.file, copy.sha256)
        for copy in known
    )

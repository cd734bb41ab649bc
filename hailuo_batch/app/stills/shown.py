"""What the report shows of a campaign's files: the stills that are there, the small pictures that its page embeds, and
what the videos say of themselves.

A small picture is embedded as long as there is room, then named where it lies beside the page. Where none was made, the
image itself is embedded if it is small enough.
"""

import base64
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from hailuo_batch.adapters.download.clip_facts import read_clip_facts
from hailuo_batch.adapters.stills.folder import StillsFolder
from hailuo_batch.adapters.stills.pictures import Image
from hailuo_batch.app.stills.campaign_stills import Copies, images_of
from hailuo_batch.core.model.file_layout import STILLS_FOLDER
from hailuo_batch.image_files.content import read_content
from hailuo_batch.report.files import Format
from hailuo_batch.report.folder_scan import read_bounded
from hailuo_batch.report.model import Report, Stills

LARGEST_EMBEDDED = 30_000
MOST_EMBEDDED = 12_000_000
"""Characters in one page. A page of 5,000 takes with an image each stays loadable."""

_MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp", "GIF": "image/gif"}


def with_stills(report: Report, outputs: Path, copies: Copies) -> Report:
    """The report with what stills there are. Reads the names in a folder, and no file."""
    images = images_of((shown.take for shown in report.takes), copies)
    references = {
        take_id: tuple("" if image is None else image.name for image in each) for take_id, each in images.items()
    }
    return replace(report, stills=Stills(StillsFolder(outputs).names(), references))


def with_files_read(report: Report, outputs: Path, copies: Copies, formats: Collection[Format]) -> Report:
    """The report with what these formats show of the videos and the small pictures themselves. Reads their files."""
    if not {Format.HTML, Format.CSV}.intersection(formats):
        return report
    attempts = [*(attempt for take in report.takes for attempt in take.attempts), *report.forgotten]
    report = replace(report, clips=read_clip_facts(outputs, (o for each in attempts for o in each.run.outputs)))
    if Format.HTML not in formats or not report.stills.references:
        return report
    images = images_of((shown.take for shown in report.takes), copies)
    distinct = {image.name: image for each in images.values() for image in each if image is not None}
    pictures = dict(_pictures(distinct, report.stills.posters, StillsFolder(outputs)))
    return replace(report, stills=replace(report.stills, pictures=pictures))


def _pictures(images: Mapping[str, Image], there: frozenset[str], folder: StillsFolder) -> Iterator[tuple[str, str]]:
    room = MOST_EMBEDDED
    for name, image in images.items():
        content = folder.read(name, LARGEST_EMBEDDED) if name in there else None
        if content is None and name not in there and room > 0:
            content = read_bounded(image.path, LARGEST_EMBEDDED)
        address = "" if content is None else _data_url(content)
        if address and len(address) <= room:
            room -= len(address)
            yield name, address
        elif name in there:
            yield name, f"{STILLS_FOLDER}/{name}"


def _data_url(content: bytes) -> str:
    """The image as a `data:` URL, empty for what is no image that a browser shows."""
    header = read_content(content, len(content)).header
    if header is None or header.fault:
        return ""
    return f"data:{_MEDIA_TYPES[header.kind]};base64,{base64.b64encode(content).decode('ascii')}"

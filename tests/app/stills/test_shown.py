"""Which pictures a page shows beside a take, and how much of them it holds."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.adapters.stills.folder import StillsFolder
from hailuo_batch.app.stills import shown
from hailuo_batch.app.stills.shown import with_files_read, with_stills
from hailuo_batch.core.model.file_layout import thumbnail_name
from hailuo_batch.manifest import ResolvedImage
from hailuo_batch.manifest.images.local_copies import combine_digests
from hailuo_batch.report.files import Format
from hailuo_batch.report.model import Report, Stills
from tests.adapters.stills.test_pictures import JPEG
from tests.helpers.images import png
from tests.helpers.snapshots import record, run, take
from tests.report.builders import report_of

LAMP, REMOTE = "https://cdn.test/lamp.png", "https://cdn.test/remote.png"
SMALL, LARGE = png(size=2_000), png(size=60_000)


def copy(folder: Path, content: bytes, name: str = "lamp.png") -> ResolvedImage:
    (folder / name).write_bytes(content)
    return ResolvedImage(f"https://cdn.test/{name}", hashlib.sha256(content).hexdigest(), folder / name)


def name_of(image: ResolvedImage) -> str:
    return thumbnail_name(image.sha256 or "")


def report_with(*images: ResolvedImage, made_from: tuple[ResolvedImage, ...] | None = None) -> Report:
    """A take for each of these images, which were there as it was made, with one from the web."""
    wanted = []
    for number, (now, then) in enumerate(zip(images, made_from or images, strict=True)):
        each = take(f"shot-{number}", image_urls=[REMOTE, now.url])
        wanted.append(replace(each, images_sha256=combine_digests([then.sha256 or ""])))
    return report_of(*(record(each, run(of=each)) for each in wanted))


def stills(report: Report, folder: Path, *images: ResolvedImage) -> Stills:
    copies = {image.url: image for image in images}
    report = with_stills(report, folder, copies)
    return with_files_read(report, folder, copies, (Format.HTML,)).stills


def test_a_small_picture_stands_for_the_image(tmp_path: Path) -> None:
    lamp = copy(tmp_path, LARGE)
    StillsFolder(tmp_path).write(name_of(lamp), JPEG)
    found = stills(report_with(lamp), tmp_path, lamp)
    assert found.references == {"shot-0": ("", name_of(lamp))}
    assert list(found.pictures) == [name_of(lamp)]
    assert found.pictures[name_of(lamp)].startswith("data:image/jpeg;base64,")


def test_without_one_a_small_image_stands_for_itself_and_a_large_one_is_named(tmp_path: Path) -> None:
    small, large = copy(tmp_path, SMALL, "small.png"), copy(tmp_path, LARGE, "large.png")
    found = stills(report_with(small, large), tmp_path, small, large)
    assert list(found.pictures) == [name_of(small)]
    assert found.pictures[name_of(small)].startswith("data:image/png;base64,")


def test_an_image_that_has_changed_since_is_not_shown_beside_what_was_made_of_another(tmp_path: Path) -> None:
    lamp = copy(tmp_path, SMALL)
    before = replace(lamp, sha256="ab" * 32)
    assert stills(report_with(lamp, made_from=(before,)), tmp_path, lamp).references == {}


def test_a_take_without_copies_on_this_machine_has_no_pictures(tmp_path: Path) -> None:
    lamp = copy(tmp_path, SMALL)
    assert stills(report_of(record(take(image_urls=[LAMP]), run())), tmp_path, lamp).references == {}
    assert stills(report_with(lamp), tmp_path, ResolvedImage(LAMP)).references == {}


def test_a_file_that_is_no_image_is_not_embedded(tmp_path: Path) -> None:
    script = copy(tmp_path, b"<script>alert(1)</script>")
    assert stills(report_with(script), tmp_path, script).pictures == {}
    StillsFolder(tmp_path).write(name_of(script), b"<svg/>")
    assert stills(report_with(script), tmp_path, script).pictures == {name_of(script): f"posters/{name_of(script)}"}


def test_where_the_page_has_no_room_a_picture_is_shown_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [copy(tmp_path, png(size=2_000 + n), f"{n}.png") for n in range(4)]
    for image in images[:3]:
        StillsFolder(tmp_path).write(name_of(image), JPEG)
    one = len("data:image/jpeg;base64,") + (len(JPEG) + 2) // 3 * 4
    monkeypatch.setattr(shown, "MOST_EMBEDDED", 2 * one)
    pictures = stills(report_with(*images), tmp_path, *images).pictures
    assert [pictures.get(name_of(image), "")[:9] for image in images] == [
        "data:imag",
        "data:imag",
        "posters/" + name_of(images[2])[:1],
        "",
    ]


def test_formats_without_pictures_read_none(tmp_path: Path) -> None:
    lamp = copy(tmp_path, SMALL)
    report = with_stills(report_with(lamp), tmp_path, {lamp.url: lamp})
    assert with_files_read(report, tmp_path, {lamp.url: lamp}, (Format.JSON, Format.MARKDOWN)) is report
    assert with_files_read(report, tmp_path, {lamp.url: lamp}, (Format.CSV,)).stills.pictures == {}

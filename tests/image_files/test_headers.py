"""How images begin: real layouts, cut at every byte, and garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.image_files.headers import parse_image_header
from hailuo_batch.image_files.kinds import name_no_image, name_other_image
from tests.helpers.images import gif, jpeg, png, webp

_PROFILE = b"\xff\xe2" + (60_000).to_bytes(2, "big") + bytes(59_998)
IMAGES = {
    "PNG": png(1280, 720),
    "GIF": gif(1280, 720),
    "JPEG": jpeg(1280, 720),
    "JPEG with a colour profile": jpeg(1280, 720, before=_PROFILE * 3, size=200_000),
    "JPEG with fill bytes": jpeg(1280, 720, before=b"\xff\xff\xff\xff\xe0\0\x04JF\xff\xd0"),
    "WebP": webp(1280, 720),
    "WebP, lossy": webp(1280, 720, b"VP8 "),
    "WebP, lossless": webp(1280, 720, b"VP8L"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_size_is_read_from_the_header(name: str) -> None:
    head = parse_image_header(IMAGES[name], is_whole=True)
    assert head is not None
    assert (head.kind, head.width, head.height) == (name.split(maxsplit=1)[0].rstrip(","), 1280, 720)


@pytest.mark.parametrize("name", IMAGES)
def test_a_start_that_is_cut_anywhere_is_unknown_and_a_file_that_is_cut_is_broken(name: str) -> None:
    image = IMAGES[name]
    needed = next(n for n in range(len(image)) if (h := parse_image_header(image[:n], is_whole=False)) and h.width)
    for length in {6, 12, 16, needed // 2, needed - 2, needed - 1}:
        start = parse_image_header(image[:length], is_whole=False) if length < needed else None
        whole = parse_image_header(image[:length], is_whole=True)
        if start is not None and whole is not None:
            assert (start.width, start.fault) == (None, "")
            assert whole.fault
    start = parse_image_header(image[: needed - 1], is_whole=False)
    assert start is not None
    assert (start.kind, start.width, start.fault) == (name.split(maxsplit=1)[0].rstrip(","), None, "")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (png(0, 10), "0 x 10 pixels"),
        (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0dCgBI" + bytes(100), "start with its header"),
        (b"\xff\xd8\xff\xd9" + bytes(100), "no frame"),
        (b"\xff\xd8\xff\xe0\0\x04JFxx" + bytes(100), "out of order"),
        (b"RIFF\0\0\0\0WEBPnone" + bytes(100), "unknown chunk"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(100), "key frame"),
        (b"RIFF\0\0\0\0WEBPVP8L" + bytes(100), "signature"),
    ],
)
def test_what_is_broken_is_reported(data: bytes, fault: str) -> None:
    head = parse_image_header(data, is_whole=False)
    assert head is not None
    assert fault in head.fault


def test_a_page_and_nothing_at_all_are_no_image() -> None:
    assert parse_image_header(b"<!doctype html>", is_whole=True) is None
    assert parse_image_header(b"", is_whole=True) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x20ftypavif", "AVIF"),
        (b"\0\0\0\x20ftypheic", "HEIC"),
        (b"BM\x10\0\0\0\0\0\0\0", "BMP"),
        (b"MM\0*\0\0", "TIFF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "SVG"),
        (b"<!doctype html><html><svg>", ""),
    ],
)
def test_images_of_other_kinds_are_known_by_name(data: bytes, kind: str) -> None:
    assert name_other_image(data) == kind


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"<!--", b"II*\0", b""]),
    st.binary(),
)
def test_no_bytes_can_make_it_fail(start: bytes, rest: bytes) -> None:
    for is_whole in (True, False):
        head = parse_image_header(start + rest, is_whole=is_whole)
        assert head is None or head.fault or head.width is None or head.width > 0
    name_other_image(start + rest)
    name_no_image(start + rest)

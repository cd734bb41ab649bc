"""What is said of an image: the same of a file, a `data:` URL and what a server sent."""

import struct

import pytest

from hailuo_batch.image_files.content import EndSearch, read_content
from hailuo_batch.image_files.findings import Finding, ImageLimits, judge_content, limits_of
from hailuo_batch.image_files.headers import parse_image_header
from hailuo_batch.warning_codes import WarningCode
from tests.helpers.images import (
    AVIF,
    BMP,
    GIF_PICTURE,
    HEIC,
    PAGE,
    PDF,
    SVG,
    TIFF,
    exif,
    gif,
    jpeg,
    png,
    png_chunk,
    webp,
)

NOT_RUNBASES_WORD = "elsewhere; Runbase does not say"


def judge(data: bytes, limits: ImageLimits = ImageLimits.HAILUO, size: int | None = None) -> tuple[Finding, ...]:
    return judge_content(read_content(data, len(data) if size is None else size), limits)


@pytest.mark.parametrize("data", [png(), jpeg(), webp(), webp(kind=b"VP8 "), webp(kind=b"VP8L"), jpeg(before=exif(1))])
def test_a_good_image_needs_no_words(data: bytes) -> None:
    assert judge(data) == judge(data, ImageLimits.GENERAL) == ()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (HEIC, "a HEIC image"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC image"),
        (AVIF, "an AVIF image"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf", "an AVIF image"),
        (TIFF, "a TIFF image"),
        (b"MM\0*\0\0\0\x08", "a TIFF image"),
        (BMP, "a BMP image"),
        (SVG, "an SVG drawing"),
    ],
)
def test_an_image_of_another_kind_is_named_with_what_to_do(data: bytes, name: str) -> None:
    [found] = judge(data)
    assert found.what == f"is {name}: Hailuo is known to take JPEG, PNG and WebP {NOT_RUNBASES_WORD}"
    assert (found.code, found.hint, found.fatal) == (WarningCode.IMAGE_FORMAT, "export it as JPEG or PNG", False)
    [found] = judge(data, ImageLimits.GENERAL)
    assert found.what == f"is {name}, not a PNG, JPEG, WebP or GIF image"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (PAGE, "is a web page, not an image"),
        (b"\xef\xbb\xbf \n<!-- hello --><HTML lang=en>", "is a web page, not an image"),
        (PDF, "is a PDF document, not an image"),
        (b"no image", "is not a PNG, JPEG, WebP or GIF image"),
        (png()[:20], "is a damaged PNG: it ends inside its header"),
        (png(0, 5), "is a damaged PNG: its header says 0 x 5 pixels"),
    ],
)
def test_what_cannot_work_is_fatal_and_says_what_to_do(data: bytes, what: str) -> None:
    for limits in ImageLimits:
        [found] = judge(data, limits)
        assert (found.what, found.fatal) == (what, True)
        assert found.hint
        assert "[" not in found.text


@pytest.mark.parametrize("limits", ImageLimits)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (jpeg(components=4), "is a JPEG in CMYK"),
        (png(depth=16), "is a PNG with 16 bits a colour"),
        (png(before=png_chunk(b"acTL", bytes(8))), "is an animated PNG"),
        (webp(flags=2), "is an animated WebP"),
        (jpeg()[:-2], "is cut short: its end is missing"),
        (jpeg(before=exif(1))[:-2], "is cut short: its end is missing"),
        (png()[:-12], "is cut short: its end is missing"),
        (webp()[:-1], "is cut short: its end is missing"),
    ],
)
def test_what_may_work_is_a_warning_about_the_format(data: bytes, words: str, limits: ImageLimits) -> None:
    [found] = judge(data, limits)
    assert found.what.startswith(words)
    assert (found.code, found.fatal) == (WarningCode.IMAGE_FORMAT, False)
    assert found.hint
    assert found.text == f"{found.what} [image-format]: {found.hint}"


@pytest.mark.parametrize("body", [GIF_PICTURE * 2, b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0" + GIF_PICTURE])
def test_a_gif_of_several_pictures_is_animated(body: bytes) -> None:
    [found] = judge(gif(body=body), ImageLimits.GENERAL)
    assert found.what.startswith("is an animated GIF, of which at most the first picture can be used")
    assert judge(gif(body=b"!\xf9\x04\0\0\0\0\0" + GIF_PICTURE), ImageLimits.GENERAL) == ()


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("orientation", "words"),
    [
        (2, "is stored mirrored: the video may show it mirrored"),
        (3, "is stored upside down: the video may show it upside down"),
        (4, "is stored upside down: the video may show it upside down"),
        *((number, "is stored turned: the video may show it on its side") for number in (5, 6, 7, 8)),
    ],
)
def test_a_turned_jpeg_is_warned_of(orientation: int, words: str, order: str) -> None:
    [found] = judge(jpeg(before=exif(orientation, order)))
    assert (found.what, found.hint, found.code) == (words, "save it upright", WarningCode.IMAGE_SHAPE)


def test_the_pixels_of_a_turned_jpeg_are_those_that_one_sees() -> None:
    found = judge(jpeg(1200, 400, before=exif(6)))
    assert "is 400 x 1,200 pixels, too tall" in found[1].what


@pytest.mark.parametrize("orientation", [0, 9, 1000])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int) -> None:
    assert judge(jpeg(before=exif(orientation))) == ()


def test_what_hailuo_is_known_to_take_is_said_of_its_models_only() -> None:
    assert limits_of("hailuo/pro") is ImageLimits.HAILUO
    assert limits_of("acme/hailuo") is limits_of("hailuos/pro") is ImageLimits.GENERAL
    for data in (gif(), png(300, 400), png(301, 800), png(size=20_000_000)):
        [found] = judge(data)
        assert NOT_RUNBASES_WORD in found.what
        assert not found.fatal
        assert judge(data, ImageLimits.GENERAL) == ()


@pytest.mark.parametrize(
    ("width", "height", "codes"),
    [
        (301, 301, []),
        (300, 301, ["image-size"]),
        (301, 300, ["image-size"]),
        (1000, 400, []),
        (400, 1000, []),
        (1001, 400, ["image-shape"]),
        (400, 1001, ["image-shape"]),
        (1000, 200, ["image-size", "image-shape"]),
        (9000, 8000, ["image-size"]),
    ],
)
def test_hailuos_short_side_and_shape(width: int, height: int, codes: list[str]) -> None:
    assert [finding.code for finding in judge(png(width, height))] == codes


def test_hailuos_bytes() -> None:
    assert judge(png(), size=19_999_999) == ()
    [found] = judge(png(), size=20_000_000)
    assert found.what.startswith("has 20.0 MB: Hailuo is known to take less than 20 MB")
    assert found.code is WarningCode.IMAGE_SIZE


@pytest.mark.parametrize(
    ("data", "size", "words"),
    [
        (png(63, 900), None, "is tiny: 63 x 900 pixels"),
        (png(20_000, 9_000), None, "is huge: 20,000 x 9,000 pixels"),
        (png(), 30_000_000, "is huge: 30 MB"),
    ],
)
def test_the_general_limits_of_other_models(data: bytes, size: int | None, words: str) -> None:
    [found] = judge(data, ImageLimits.GENERAL, size)
    assert (found.what, found.code) == (words, WarningCode.IMAGE_SIZE)


def test_an_image_that_is_wrong_in_several_ways_gets_all_its_findings() -> None:
    found = judge(jpeg(1200, 100, before=exif(6), components=4)[:-2])
    words = ["CMYK", "stored turned", "cut short", "short side", "too tall"]
    assert [word for word in words if any(word in finding.what for finding in found)] == words
    assert len(found) == len(words)


def test_the_end_of_an_image_is_looked_for_only_where_it_must_be() -> None:
    assert judge(jpeg()[:-2], size=50_000) == ()  # the rest was not read
    assert judge(jpeg(after=bytes(5_000))) == ()  # cameras append films
    assert judge(png() + bytes(5_000)) == ()
    [found] = judge(webp(), size=1_999)  # it says itself how long it is
    assert "cut short" in found.what


@pytest.mark.parametrize("data", [jpeg(before=exif(6), size=400), png(size=200)])
def test_an_end_is_found_however_the_bytes_are_cut(data: bytes) -> None:
    header = parse_image_header(data, is_whole=True)
    for length in range(1, 40):
        whole, short = EndSearch(header), EndSearch(header)
        for at in range(0, len(data), length):
            whole.feed(data[at : at + length])
            short.feed(data[:-1][at : at + length])
        assert (whole.is_found, short.is_found) == (True, False)


def test_hostile_comments_take_no_time() -> None:
    for start in (b"<!---->" * 600, b" " * 4096, b"<?xml " * 700, b"<!-- " * 800):
        [found] = judge(start)
        assert found.what == "is not a PNG, JPEG, WebP or GIF image"
    endless = b"\xff\xe1" + struct.pack(">H", 60_000) + b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 65_535) + bytes(59_982)
    assert judge(jpeg(before=endless, size=90_000)[:80_000], size=90_000) == ()

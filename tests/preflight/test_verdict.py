"""What is thought of an image: fatal what cannot work, a warning what may."""

import pytest

from hailuo_batch.image_files.content import read_content
from hailuo_batch.image_files.findings import Finding, ImageLimits
from hailuo_batch.preflight import verdict
from hailuo_batch.preflight.verdict import Fetched, FetchResult, ImageResponse, NotFetched
from hailuo_batch.warning_codes import WarningCode
from tests.helpers.images import AVIF, HEIC, PAGE, exif, gif, jpeg, png

FINE = ImageResponse(200, "image/png", 50_000)
REFUSED = ImageResponse(405, "text/plain")


def judge_fetch(result: FetchResult, copy: bytes | None = None) -> tuple[Finding, ...]:
    known = None if copy is None else read_content(copy, len(copy))
    return verdict.judge_fetch(result, ImageLimits.GENERAL, known)


def got(start: bytes, content_type: str = "image/png", size: int | None = 50_000, status: int = 206) -> Fetched:
    return Fetched(ImageResponse(200, ""), ImageResponse(status, content_type, size, start))


def test_a_good_answer_to_head_needs_no_words() -> None:
    assert judge_fetch(Fetched(FINE)) == ()
    assert judge_fetch(got(png())) == ()
    assert judge_fetch(got(jpeg(), "image/jpg; charset=binary")) == ()


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Fetched(REFUSED, ImageResponse(404, "text/html")), "is not there (HTTP 404)"),
        (Fetched(REFUSED, ImageResponse(410, "")), "is not there (HTTP 410)"),
        (Fetched(REFUSED, ImageResponse(403, "")), "not public (HTTP 403)"),
        (Fetched(REFUSED, ImageResponse(418, "")), "cannot be fetched (HTTP 418)"),
        (got(PAGE, "text/html"), "leads to a web page, not to an image"),
        (got(PAGE, "image/png"), "leads to a web page, not to an image"),
        (Fetched(None, ImageResponse(200, "text/html", 50_000)), "leads to a web page"),
        (got(b"%PDF-1.7", "application/pdf"), "is not an image: it is sent as application/pdf"),
        (got(b"\0" * 2000), "not an image: it is sent as image/png"),
        (got(b"", size=0), "is empty"),
        (got(png(0, 5)), "damaged PNG"),
        (got(png()[:20], size=20), "damaged PNG: it ends"),
        (Fetched(None, ImageResponse(200, "video/mp4", 50_000)), "is sent as video/mp4, which is not an image"),
        (NotFetched("cannot be fetched: the name x cannot be resolved", fatal=True), "cannot be resolved"),
    ],
)
def test_what_cannot_work_is_fatal(look: Fetched | NotFetched, words: str) -> None:
    (finding,) = judge_fetch(look)
    assert finding.fatal
    assert words in finding.what


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Fetched(REFUSED, ImageResponse(503, "")), "could not be checked now (HTTP 503)"),
        (Fetched(REFUSED, ImageResponse(429, "")), "could not be checked now (HTTP 429)"),
        (
            Fetched(REFUSED, ImageResponse(206, "image/png", 50_000, png())),
            "refused to HEAD requests (HTTP 405) but served to GET",
        ),
        (got(png(), "application/octet-stream"), "is PNG but sent as application/octet-stream"),
        (got(gif(), "image/png"), "is GIF but sent as image/png"),
        (got(png(), "\x1b[31m"), "sent as [31m"),
        (got(png(), ""), "sent as no type"),
        (got(AVIF, "image/avif"), "is an AVIF image"),
        (
            Fetched(None, ImageResponse(200, "image/heic", 50_000)),
            "is sent as image/heic, not as a PNG, JPEG, WebP or GIF",
        ),
        (got(png(16, 900)), "tiny: 16 x 900 pixels"),
        (got(png(20_000, 900)), "huge: 20,000 x 900 pixels"),
        (got(png(), size=30_000_000), "huge: 30 MB"),
        (got(jpeg()[:5], "image/jpeg", size=50_000), ""),
        (Fetched(None, ImageResponse(200, "image/png", 70)), "tiny: 70 bytes"),
        (NotFetched("could not be checked: timed out"), "timed out"),
    ],
)
def test_what_may_work_is_a_warning(look: Fetched | NotFetched, words: str) -> None:
    findings = judge_fetch(look)
    assert not any(finding.fatal for finding in findings)
    assert [words in finding.what for finding in findings] == ([True] if words else [])


def test_a_local_copy_of_another_size_is_suspicious() -> None:
    assert judge_fetch(Fetched(ImageResponse(200, "image/png", 2_000)), png()) == ()
    [finding] = judge_fetch(Fetched(ImageResponse(200, "image/png", 2_000)), png(size=2_001))
    what = "has 2,000 bytes on the server, but its local copy has 2,001"
    assert finding == Finding(what, WarningCode.IMAGE_SERVER)


def test_what_a_local_copy_has_against_it_as_well_is_not_said_twice() -> None:
    turned = jpeg(before=exif(6))
    assert [finding.code for finding in judge_fetch(got(turned, "image/jpeg", 2_000))] == [WarningCode.IMAGE_SHAPE]
    assert judge_fetch(got(turned, "image/jpeg", 2_000), turned) == ()


def test_what_hailuo_is_known_to_take_is_said_of_what_a_server_sends() -> None:
    result = got(HEIC, "image/heic")
    [finding] = verdict.judge_fetch(result, ImageLimits.HAILUO)
    assert finding.what.startswith("is a HEIC image: Hailuo is known to take JPEG, PNG and WebP elsewhere")
    [finding] = verdict.judge_fetch(got(png(), size=30_000_000), ImageLimits.HAILUO)
    assert finding.text.startswith(
        "has 30.0 MB: Hailuo is known to take less than 20 MB elsewhere; Runbase does not say"
    )


def test_a_page_says_what_to_do() -> None:
    [finding] = judge_fetch(got(PAGE, "text/html"))
    assert finding.text == (
        "leads to a web page, not to an image: open it in a browser, and copy the address of the image itself"
    )

"""What is thought of an image: fatal what cannot work, a warning what may."""

import base64

import pytest

from hailuo_batch.preflight.verdict import (
    Fetched,
    Finding,
    ImageResponse,
    NotFetched,
    judge_copy,
    judge_data_url,
    judge_fetch,
)
from tests.helpers.images import gif, jpeg, png

FINE = ImageResponse(200, "image/png", 50_000)
REFUSED = ImageResponse(405, "text/plain")


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
        (Fetched(REFUSED, ImageResponse(418, "")), "not given (HTTP 418)"),
        (got(b"<!doctype html>", "text/html"), "no image: it is sent as text/html"),
        (got(b"\0" * 2000), "no image: it is sent as image/png"),
        (got(b"", size=0), "is empty"),
        (got(png(0, 5)), "broken PNG"),
        (got(png()[:20], size=20), "broken PNG: it ends"),
        (Fetched(None, ImageResponse(200, "video/mp4", 50_000)), "no image"),
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
        (Fetched(REFUSED, ImageResponse(503, "")), "could not be looked at now (HTTP 503)"),
        (Fetched(REFUSED, ImageResponse(429, "")), "could not be looked at now (HTTP 429)"),
        (
            Fetched(REFUSED, ImageResponse(206, "image/png", 50_000, png())),
            "refused to HEAD (HTTP 405) and given to GET",
        ),
        (got(png(), "application/octet-stream"), "is PNG and sent as application/octet-stream"),
        (got(gif(), "image/png"), "is GIF and sent as image/png"),
        (got(png(), "\x1b[31m"), "sent as [31m"),
        (got(png(), ""), "no type at all"),
        (got(b"\0\0\0\x20ftypavif", "image/avif"), "is AVIF"),
        (got(png(16, 900)), "tiny: 16 x 900 pixels"),
        (got(png(20_000, 900)), "huge: 20,000 x 900 pixels"),
        (got(png(), size=30_000_000), "huge: 30 MB"),
        (got(jpeg()[:5], "image/jpeg", size=50_000), ""),
        (Fetched(None, ImageResponse(200, "image/png", 70)), "tiny: 70 bytes"),
        (NotFetched("could not be looked at: timed out"), "timed out"),
    ],
)
def test_what_may_work_is_a_warning(look: Fetched | NotFetched, words: str) -> None:
    findings = judge_fetch(look)
    assert not any(finding.fatal for finding in findings)
    assert [words in finding.what for finding in findings] == ([True] if words else [])


def test_a_local_copy_of_another_size_is_suspicious() -> None:
    assert judge_fetch(Fetched(FINE), 50_000) == ()
    (finding,) = judge_fetch(Fetched(FINE), 50_001)
    assert finding == Finding("has 50,000 bytes at the server, and its local copy has 50,001")


def test_a_local_copy_is_judged_by_its_header() -> None:
    assert judge_copy(png(), 2_000) == ()
    assert judge_copy(png(8, 8), 2_000) == (Finding("is tiny: 8 x 8 pixels"),)
    assert judge_copy(png()[:20], 20)[0].fatal
    assert judge_copy(b"no image", 8)[0].fatal


def test_a_data_url_is_judged_by_what_it_holds() -> None:
    written = base64.b64encode(png()).decode()
    assert judge_data_url(f"data:image/png;base64,{written}") == ()
    assert judge_data_url("data:image/png;base64,####")[0] == Finding("is no readable base64", fatal=True)
    assert judge_data_url("data:image/png,hello")[0].fatal

"""A download that broke off is gone on with, by this apply or the next, and never joined to another file's bytes."""

import hashlib
import json
import threading
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.download.response_head import CannotResumeError, parse_response_head
from hailuo_batch.adapters.download.resume import OVERLAP_BYTES, DownloadSource, PartialFile, parse_note, render_note
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import LoopbackServer, Peer, Request
from tests.helpers.mp4 import clip
from tests.helpers.ranges import RangedFile

CLIP = clip(bytes(range(256)) * 2000)
OTHER = clip(bytes(range(255, -1, -1)) * 2000)
HALF = 300_000
DATES = {"Last-Modified": "Sun, 22 Nov 2026 08:00:00 GMT", "Date": "Sun, 22 Nov 2026 09:00:00 GMT"}
PART, NOTE = ".hero.part", ".hero.part.json"


def fetch(out: Path, url: str) -> FetchOutcome:
    return Downloader(out, allow_loopback=True).fetch(url, "hero", 0, lambda: False)


def saved(content: bytes = CLIP) -> ev.FileSaved:
    return ev.FileSaved(0, "hero.mp4", len(content), hashlib.sha256(content).hexdigest())


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def break_off(out: Path, headers: dict[str, str], url_path: str = "/a.mp4", *, then: http.Act) -> list[Request]:
    """Break a download off half way, try again with what a server then does; the requests of the second try."""
    with LoopbackServer(RangedFile(CLIP, headers, cut_after=HALF), then) as server:
        assert isinstance(fetch(out, f"{server.url}/a.mp4"), ev.FetchFailed)
        assert fetch(out, f"{server.url}{url_path}") == saved()
    assert (out / "hero.mp4").read_bytes() == CLIP
    assert names(out) == ["hero.mp4"]
    return server.requests[1:]


@pytest.mark.parametrize(
    ("headers", "validator"),
    [({"ETag": '"one"'}, '"one"'), ({"ETag": '"one"', **DATES}, '"one"'), (DATES, DATES["Last-Modified"])],
)
def test_download_goes_on_where_it_broke_off(headers: dict[str, str], validator: str, tmp_path: Path) -> None:
    [request] = break_off(tmp_path, headers, then=RangedFile(CLIP, headers))
    assert request.headers["range"] == f"bytes={HALF - OVERLAP_BYTES}-"
    assert request.headers["if-range"] == validator


def test_what_came_stays_beside_the_final_name_with_a_note(tmp_path: Path) -> None:
    with LoopbackServer(RangedFile(CLIP, cut_after=HALF)) as server:
        fetch(tmp_path, f"{server.url}/a.mp4")
    assert names(tmp_path) == [PART, NOTE]
    assert (tmp_path / PART).read_bytes() == CLIP[:HALF]
    note = json.loads((tmp_path / NOTE).read_text())
    assert note["source"]["validator"] == '"one"'
    assert (note["size"], note["source"]["total"]) == (HALF, len(CLIP))


def test_download_that_was_stopped_is_gone_on_with_by_the_next_apply(tmp_path: Path) -> None:
    stop = threading.Event()

    def stall(peer: Peer, _request: Request) -> None:
        head = f'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nETag: "one"\r\nContent-Length: {len(CLIP)}\r\n\r\n'
        peer.send(head.encode() + CLIP[:HALF])
        peer.wait_until_gone()

    def count(size: int) -> None:
        arrived.append(size)
        if sum(arrived) >= OVERLAP_BYTES + 1:
            stop.set()

    arrived: list[int] = []
    with LoopbackServer(stall, RangedFile(CLIP)) as server:
        url = f"{server.url}/a.mp4"
        downloader = Downloader(tmp_path, allow_loopback=True, chunk_bytes=1 << 14)
        assert downloader.fetch(url, "hero", 0, stop.is_set, count) == ev.FetchCancelled()
        assert fetch(tmp_path, url) == saved()
    assert "range" in server.requests[1].headers


def test_fresh_link_with_the_same_etag_goes_on(tmp_path: Path) -> None:
    [request] = break_off(tmp_path, {"ETag": '"one"'}, "/a.mp4?signature=2", then=RangedFile(CLIP))
    assert "range" in request.headers


@pytest.mark.parametrize(
    ("headers", "url_path"),
    [
        pytest.param({}, "/a.mp4", id="no validator"),
        pytest.param({"ETag": 'W/"one"'}, "/a.mp4", id="weak ETag"),
        pytest.param({"ETag": 'W/"one"', **DATES}, "/a.mp4", id="weak ETag and a date"),
        pytest.param({"ETag": "one"}, "/a.mp4", id="ETag without quotes"),
        pytest.param({"Last-Modified": DATES["Last-Modified"]}, "/a.mp4", id="date without a Date"),
        pytest.param({**DATES, "Date": DATES["Last-Modified"]}, "/a.mp4", id="date of this very second"),
        pytest.param({**DATES, "Last-Modified": "yesterday"}, "/a.mp4", id="no date"),
        pytest.param(DATES, "/a.mp4?signature=2", id="fresh link with but a date"),
    ],
)
def test_without_a_strong_validator_it_starts_over(headers: dict[str, str], url_path: str, tmp_path: Path) -> None:
    [request] = break_off(tmp_path, headers, url_path, then=RangedFile(CLIP, headers))
    assert not {"range", "if-range"} & set(request.headers)


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(RangedFile(CLIP, {"ETag": '"two"'}), id="file changed"),
        pytest.param(RangedFile(CLIP, ranges=False), id="no ranges"),
    ],
)
def test_whole_file_in_place_of_the_rest_is_taken_whole(served: RangedFile, tmp_path: Path) -> None:
    assert len(break_off(tmp_path, {"ETag": '"one"'}, then=served)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(RangedFile(CLIP, {"ETag": '"two"'}, trusting=True), id="a part of another version"),
        pytest.param(RangedFile(CLIP, part_headers={"ETag": None}), id="a part without its ETag"),
        pytest.param(RangedFile(OTHER), id="another file's part with the same ETag"),
        pytest.param(RangedFile(CLIP + CLIP), id="a part of a longer file"),
        pytest.param(RangedFile(CLIP, shift=1), id="from another byte on"),
        pytest.param(RangedFile(CLIP, shift=-1), id="from a byte before"),
        pytest.param(RangedFile(CLIP, part_headers={"Content-Range": None}), id="no Content-Range"),
        pytest.param(
            RangedFile(CLIP, part_headers={"Content-Range": "bytes */9"}), id="a Content-Range without a range"
        ),
        pytest.param(
            RangedFile(CLIP, part_headers={"Content-Range": f"bytes {HALF - OVERLAP_BYTES}-{len(CLIP) - 1}/*"}),
            id="a Content-Range without a total",
        ),
        pytest.param(
            RangedFile(CLIP, part_headers={"Content-Range": f"bytes {HALF - OVERLAP_BYTES}-{HALF}/{len(CLIP)}"}),
            id="a part that ends early",
        ),
        pytest.param(RangedFile(CLIP, part_headers={"Content-Length": "9"}), id="lengths that contradict each other"),
        pytest.param(RangedFile(CLIP[:1000], trusting=True), id="416"),
        pytest.param(RangedFile(CLIP, status=416, body=b"{}"), id="416 for no reason"),
    ],
)
def test_part_that_does_not_fit_is_not_joined_and_the_file_is_asked_for_anew(wrong: RangedFile, tmp_path: Path) -> None:
    def then(peer: Peer, request: Request) -> None:
        (wrong if "range" in request.headers else RangedFile(CLIP))(peer, request)

    first, second = break_off(tmp_path, {"ETag": '"one"'}, then=then)
    assert "range" in first.headers
    assert "range" not in second.headers


@pytest.mark.parametrize(
    "span",
    [
        pytest.param((1, 99, 100), id="from another byte on"),
        pytest.param((HALF - OVERLAP_BYTES, HALF, len(CLIP)), id="not to the end"),
        pytest.param((HALF - OVERLAP_BYTES, len(CLIP), len(CLIP)), id="beyond the end"),
        pytest.param((HALF - OVERLAP_BYTES, len(CLIP), len(CLIP) + 1), id="of a longer file"),
    ],
)
def test_range_that_was_not_asked_for_does_not_go_on(span: tuple[int, int, int]) -> None:
    """Also where its length is right, and before a byte of it is read."""
    first, last, total = span
    asked = PartialFile(DownloadSource("https://runbase.net/a.mp4", '"one"', len(CLIP)), HALF, "0" * 64)
    head = {
        "Content-Range": f"bytes {first}-{last}/{total}",
        "Content-Length": f"{last - first + 1}",
        "ETag": '"one"',
    }
    with pytest.raises(CannotResumeError):
        parse_response_head(206, head, asked.source.url, asked)


def test_416_to_a_partial_file_that_has_every_byte_is_not_taken_for_complete(tmp_path: Path) -> None:
    leave(tmp_path, CLIP, CLIP)
    refuse = http.answer(416, b"", headers={"Content-Range": f"bytes */{len(CLIP)}"})
    with LoopbackServer(refuse, RangedFile(CLIP)) as server:
        assert fetch(tmp_path, f"{server.url}/a.mp4") == saved()
    assert len(server.requests) == 2


def test_partial_file_that_has_every_byte_is_compared_once_more_and_resolved(tmp_path: Path) -> None:
    leave(tmp_path, CLIP, CLIP)
    with LoopbackServer(RangedFile(CLIP)) as server:
        assert fetch(tmp_path, f"{server.url}/a.mp4") == saved()
    [request] = server.requests
    assert request.headers["range"] == f"bytes={len(CLIP) - OVERLAP_BYTES}-"


def leave(out: Path, bytes_on_disk: bytes, bytes_noted: bytes, etag: str = '"one"') -> None:
    """A partial file as an earlier apply leaves it."""
    source = DownloadSource("https://runbase.net/a.mp4", etag, len(CLIP), "video/mp4")
    partial = PartialFile(source, len(bytes_noted), hashlib.sha256(bytes_noted).hexdigest())
    (out / PART).write_bytes(bytes_on_disk)
    (out / NOTE).write_text(render_note(partial))


def test_bytes_beyond_the_note_are_not_trusted(tmp_path: Path) -> None:
    leave(tmp_path, CLIP[:HALF] + b"written by a crash" * 9999, CLIP[:HALF])
    with LoopbackServer(RangedFile(CLIP)) as server:
        assert fetch(tmp_path, f"{server.url}/a.mp4") == saved()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "on_disk",
    [
        pytest.param(bytes(1000) + CLIP[1000:HALF], id="zeros at the start, after a power cut"),
        pytest.param(CLIP[: HALF - 1] + b"?", id="changed at the end"),
    ],
)
def test_partial_file_that_was_damaged_is_started_over(on_disk: bytes, tmp_path: Path) -> None:
    leave(tmp_path, on_disk, CLIP[:HALF])
    with LoopbackServer(RangedFile(CLIP)) as server:
        assert fetch(tmp_path, f"{server.url}/a.mp4") == saved()
    assert "range" not in server.requests[-1].headers


def test_bytes_that_have_their_final_name_already_are_not_written_into(tmp_path: Path) -> None:
    with LoopbackServer(RangedFile(CLIP, cut_after=HALF), RangedFile(CLIP)) as server:
        assert isinstance(fetch(tmp_path, f"{server.url}/a.mp4"), ev.FetchFailed)
        (tmp_path / "hero.mp4").hardlink_to(tmp_path / PART)  # killed before it lost its other name
        with (tmp_path / "hero.mp4").open("ab") as file:
            file.write(b" changed by hand")
        by_hand = (tmp_path / "hero.mp4").read_bytes()
        assert isinstance(fetch(tmp_path, f"{server.url}/a.mp4"), ev.FileSaved)
    assert (tmp_path / "hero.mp4").read_bytes() == CLIP
    assert (tmp_path / "hero.kept-1.mp4").read_bytes() == by_hand
    assert names(tmp_path) == ["hero.kept-1.mp4", "hero.mp4"]


def test_damaged_partial_file_is_not_noted_as_sound_when_starting_over_fails(tmp_path: Path) -> None:
    leave(tmp_path, bytes(HALF), CLIP[:HALF])
    with LoopbackServer(RangedFile(CLIP), http.close) as server:
        assert isinstance(fetch(tmp_path, f"{server.url}/a.mp4"), ev.FetchFailed)
    assert names(tmp_path) == []


@pytest.mark.parametrize("on_disk", [None, CLIP[: HALF - 1]])
def test_note_without_its_bytes_is_worth_nothing(on_disk: bytes | None, tmp_path: Path) -> None:
    leave(tmp_path, on_disk or b"", CLIP[:HALF])
    if on_disk is None:
        (tmp_path / PART).unlink()
    with LoopbackServer(RangedFile(CLIP)) as server:
        assert fetch(tmp_path, f"{server.url}/a.mp4") == saved()
    assert "range" not in server.requests[0].headers
    assert names(tmp_path) == ["hero.mp4"]


@pytest.mark.parametrize("act", [http.close, http.answer(503, b"later"), http.answer(403, b"expired")])
def test_partial_file_outlives_a_try_that_brought_nothing(act: http.Act, tmp_path: Path) -> None:
    with LoopbackServer(RangedFile(CLIP, cut_after=HALF), act, RangedFile(CLIP)) as server:
        url = f"{server.url}/a.mp4"
        assert isinstance(fetch(tmp_path, url), ev.FetchFailed)
        assert isinstance(fetch(tmp_path, url), ev.FetchFailed)
        assert names(tmp_path) == [PART, NOTE]
        assert fetch(tmp_path, url) == saved()
    assert "range" in server.requests[2].headers


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_web_page_in_place_of_a_part_is_not_joined(kind: str, tmp_path: Path) -> None:
    page = RangedFile(CLIP, part_headers={"Content-Type": kind})
    with LoopbackServer(RangedFile(CLIP, cut_after=HALF), page) as server:
        url = f"{server.url}/a.mp4"
        fetch(tmp_path, url)
        assert isinstance(fetch(tmp_path, url), ev.FetchFailed)
    assert (tmp_path / PART).read_bytes() == CLIP[:HALF]


def test_download_may_break_off_again_and_again(tmp_path: Path) -> None:
    def a_bit(peer: Peer, request: Request) -> None:
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        head = f"HTTP/1.1 206 Part\r\nContent-Range: bytes {start}-{len(CLIP) - 1}/{len(CLIP)}\r\n" if start else ""
        head = head or "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
        head += f'Content-Length: {len(CLIP) - start}\r\nETag: "one"\r\n\r\n'
        peer.send(head.encode() + CLIP[start : start + 2 * OVERLAP_BYTES])
        peer.end()

    with LoopbackServer(a_bit) as server:
        outcomes = [fetch(tmp_path, f"{server.url}/a.mp4") for _ in range(8)]
        tries = next(number for number, outcome in enumerate(outcomes) if outcome == saved())
    assert tries == 6
    assert (tmp_path / "hero.mp4").read_bytes() == CLIP


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", "{}", '{"source": 1}'),
        pytest.param("[" * 100_000, id="deep"),
        '{"source": {"url": 1, "validator": "", "total": null, "content_type": ""}, "size": 9, "sha256": "'
        + "a" * 64
        + '"}',
        '{"source": {"url": "", "validator": "\\r\\nX: y"}, "size": 9, "sha256": "' + "a" * 64 + '"}',
        '{"source": {"url": "", "validator": "\\"a\\""}, "size": -9, "sha256": "' + "a" * 64 + '"}',
        '{"source": {"url": "", "validator": "\\"a\\"", "total": 8}, "size": 9, "sha256": "' + "a" * 64 + '"}',
        '{"source": {"url": "", "validator": "\\"a\\""}, "size": true, "sha256": "' + "a" * 64 + '"}',
        '{"source": {"url": "", "validator": "\\"a\\""}, "size": 9, "sha256": "a"}',
        '{"source": {"url": "", "more": ""}, "size": 9, "sha256": "' + "a" * 64 + '"}',
    ],
)
def test_note_that_cannot_be_right_is_no_note(text: str) -> None:
    assert parse_note(text) is None

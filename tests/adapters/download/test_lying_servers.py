"""File servers that lie about how long a file is, or never come to its end: what is not whole gets no final name."""

import hashlib
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.download.file_writer import SPARE_BYTES
from hailuo_batch.adapters.download.resume import OVERLAP_BYTES
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import Act, LoopbackServer, Peer, Request
from tests.helpers.mp4 import clip
from tests.helpers.ranges import RangedFile
from tests.helpers.small_disk import decoy_disk

CLIP = clip(bytes(range(256)) * 2000)
HALF = 300_000
PIECE = bytes(1 << 16)


def fetch(out: Path, url: str) -> FetchOutcome:
    return Downloader(out, allow_loopback=True, chunk_bytes=1 << 16).fetch(f"{url}/a.mp4", "hero", 0, lambda: False)


def fetch_by(out: Path, act: Act) -> FetchOutcome:
    with LoopbackServer(act) as server:
        return fetch(out, server.url)


def saved() -> ev.FileSaved:
    return ev.FileSaved(0, "hero.mp4", len(CLIP), hashlib.sha256(CLIP).hexdigest())


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: video/mp4", *lines, "", ""]).encode()


def without_end(start: bytes, most: int = 1 << 30) -> Act:
    """Goes on sending for as long as the client listens, up to a length at which the test has long failed."""

    def act(peer: Peer, _request: Request) -> None:
        peer.send(start)
        sent = 0
        while not peer.ended and not peer.stopping.is_set() and sent < most:
            peer.send(PIECE)
            sent += len(PIECE)

    return act


def disk_with_room_for(size: int, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that gets fuller with what is written into the folder."""

    def free() -> int:
        return max(0, SPARE_BYTES + size - sum(path.stat().st_size for path in out.iterdir()))

    decoy_disk(monkeypatch, free)


@pytest.mark.parametrize("missing", [1, 1000, len(CLIP) - 10])
def test_length_that_is_shorter_than_the_file_gives_no_file(missing: int, tmp_path: Path) -> None:
    outcome = fetch_by(tmp_path, http.raw(head(f"Content-Length: {len(CLIP) - missing}") + CLIP))
    assert isinstance(outcome, ev.FetchFailed)
    assert "not a complete MP4" in outcome.reason
    assert names(tmp_path) == []


def test_bytes_beyond_the_length_that_was_named_are_not_taken(tmp_path: Path) -> None:
    act = http.raw(head(f"Content-Length: {len(CLIP)}") + CLIP + b"and what does not belong to it")
    assert fetch_by(tmp_path, act) == saved()
    assert (tmp_path / "hero.mp4").read_bytes() == CLIP


@pytest.mark.parametrize("length", ["-1", "many", "1e9", "٣", "9" * 30])
def test_length_that_is_no_number_is_no_length(length: str, tmp_path: Path) -> None:
    lines = head().replace(b"\r\n\r\n", b"\r\nContent-Length: " + length.encode() + b"\r\n\r\n")
    outcome = fetch_by(tmp_path, http.raw(lines + CLIP))
    assert outcome == saved() or isinstance(outcome, ev.FetchFailed)
    assert names(tmp_path) in ([], ["hero.mp4"])
    assert isinstance(fetch_by(tmp_path / "cut", http.raw(lines + CLIP[:-9])), ev.FetchFailed)


def test_lengths_that_contradict_each_other_give_no_file(tmp_path: Path) -> None:
    act = http.raw(head(f"Content-Length: {len(CLIP)}", f"Content-Length: {len(CLIP) - 1}") + CLIP)
    assert isinstance(fetch_by(tmp_path, act), ev.FetchFailed)
    assert names(tmp_path) == []


def test_length_that_no_disk_holds_is_no_full_disk(tmp_path: Path) -> None:
    outcome = fetch_by(tmp_path, http.raw(head('ETag: "one"', f"Content-Length: {10**17}") + CLIP))
    assert isinstance(outcome, ev.FetchFailed)
    assert "more than the whole disk" in outcome.reason
    assert names(tmp_path) == []


def test_chunked_answer_that_names_a_length_too_is_measured_by_its_chunks(tmp_path: Path) -> None:
    lines = head("Transfer-Encoding: chunked", "Content-Length: 9")
    assert fetch_by(tmp_path, http.raw(lines + b"%x\r\n%b\r\n0\r\n\r\n" % (len(CLIP), CLIP))) == saved()


@pytest.mark.parametrize("cut", [b"", b"5\r\nhal", b"xyz\r\n"])
def test_chunked_file_that_ends_early_gives_no_file(cut: bytes, tmp_path: Path) -> None:
    chunk = b"%x\r\n%b\r\n" % (HALF, CLIP[:HALF])
    assert isinstance(fetch_by(tmp_path, http.raw(head("Transfer-Encoding: chunked") + chunk + cut)), ev.FetchFailed)
    assert names(tmp_path) == []


def test_chunked_file_that_ends_early_is_gone_on_with_where_its_version_is_named(tmp_path: Path) -> None:
    lines = head("Transfer-Encoding: chunked", 'ETag: "one"')
    cut = http.raw(lines + b"%x\r\n%b\r\n" % (HALF, CLIP[:HALF]))
    with LoopbackServer(cut, RangedFile(CLIP)) as server:
        assert isinstance(fetch(tmp_path, server.url), ev.FetchFailed)
        assert fetch(tmp_path, server.url) == saved()
    assert "range" in server.requests[1].headers


@pytest.mark.parametrize("lines", [(), ('ETag: "one"',)])
def test_body_without_end_stops_at_the_room_there_is_and_leaves_it_free(
    lines: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_with_room_for(1 << 20, tmp_path, monkeypatch)
    outcome = fetch_by(tmp_path, without_end(head(*lines)))
    assert isinstance(outcome, ev.DiskFull)
    assert names(tmp_path) == []


def test_body_without_end_is_taken_as_far_as_its_length_states(tmp_path: Path) -> None:
    assert fetch_by(tmp_path, without_end(head(f"Content-Length: {len(CLIP)}") + CLIP)) == saved()


def test_part_without_end_is_not_taken_beyond_the_file(tmp_path: Path) -> None:
    start = HALF - OVERLAP_BYTES
    span = f"Content-Range: bytes {start}-{len(CLIP) - 1}/{len(CLIP)}"
    endless = without_end(head('ETag: "one"', span, status="206 Part") + CLIP[start:])
    came: list[int] = []
    with LoopbackServer(RangedFile(CLIP, cut_after=HALF), endless) as server:
        assert isinstance(fetch(tmp_path, server.url), ev.FetchFailed)
        downloader = Downloader(tmp_path, allow_loopback=True, chunk_bytes=1 << 16)
        outcome = downloader.fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False, came.append)
    assert isinstance(outcome, ev.FetchFailed)
    assert sum(came) < len(CLIP)
    assert names(tmp_path) == []


def test_part_without_a_length_that_ends_early_is_not_whole_and_is_gone_on_with(tmp_path: Path) -> None:
    start = HALF - OVERLAP_BYTES
    span = f"Content-Range: bytes {start}-{len(CLIP) - 1}/{len(CLIP)}"
    cut = http.raw(head('ETag: "one"', span, status="206 Part") + CLIP[start:-9])
    with LoopbackServer(RangedFile(CLIP, cut_after=HALF), cut, RangedFile(CLIP)) as server:
        assert isinstance(fetch(tmp_path, server.url), ev.FetchFailed)
        outcome = fetch(tmp_path, server.url)
        assert isinstance(outcome, ev.FetchFailed)
        assert "bytes arrived" in outcome.reason
        assert names(tmp_path) == [".hero.part", ".hero.part.json"]
        assert fetch(tmp_path, server.url) == saved()
    assert "range" in server.requests[2].headers


def test_head_without_end_is_given_up(tmp_path: Path) -> None:
    outcome = fetch_by(tmp_path, without_end(b"HTTP/1.1 200 OK\r\nX: ", most=1 << 22))
    assert isinstance(outcome, ev.FetchFailed)
    assert names(tmp_path) == []

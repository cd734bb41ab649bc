"""What comes is looked at before it gets its final name: is it a video, is it whole, is there room for it."""

import errno
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.download.file_writer import SPARE_BYTES, DiskError, FileWriter, SpaceReservations
from hailuo_batch.adapters.download.resume import DownloadSource
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import Act, LoopbackServer
from tests.helpers.mp4 import FTYP, MOOV, box, clip
from tests.helpers.ranges import RangedFile
from tests.helpers.small_disk import decoy_disk

CLIP = clip(bytes(range(256)) * 5000)
HEADLESS = FTYP + box(b"mdat", b"light" * 1000)
CUT = CLIP[:-1]


def tries(out: Path, *acts: Act, path: str = "/a.mp4") -> list[FetchOutcome]:
    """One try for each act, by one downloader, as within an apply."""
    downloader = Downloader(out, allow_loopback=True)
    with LoopbackServer(*acts) as server:
        return [downloader.fetch(f"{server.url}{path}", "hero", 0, lambda: False) for _ in acts]


def video(content: bytes, content_type: str = "video/mp4") -> Act:
    return http.answer(200, content, content_type=content_type)


def saved(content: bytes, note: str = "", path: str = "hero.mp4") -> ev.FileSaved:
    return ev.FileSaved(0, path, len(content), hashlib.sha256(content).hexdigest(), note)


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


@pytest.mark.parametrize("content", [HEADLESS, CUT, MOOV, bytes(5000), CLIP + b"\0"])
def test_broken_mp4_is_not_kept_the_first_time(content: bytes, tmp_path: Path) -> None:
    [outcome] = tries(tmp_path, video(content))
    assert isinstance(outcome, ev.FetchFailed)
    assert "not a complete MP4" in outcome.reason
    assert not outcome.gone
    assert names(tmp_path) == []


def test_broken_mp4_that_comes_twice_with_the_same_bytes_is_kept_with_a_warning(tmp_path: Path) -> None:
    _, outcome = tries(tmp_path, video(HEADLESS), video(HEADLESS))
    assert isinstance(outcome, ev.FileSaved)
    assert outcome == replace(saved(HEADLESS), flaw="it is not a complete MP4: it has no moov box")
    assert (tmp_path / "hero.mp4").read_bytes() == HEADLESS


def test_broken_mp4_is_not_kept_while_its_bytes_differ(tmp_path: Path) -> None:
    outcomes = tries(tmp_path, *(video(CLIP[:-size]) for size in (1, 2, 1)))
    assert {type(outcome) for outcome in outcomes} == {ev.FetchFailed}
    assert names(tmp_path) == []


def test_whole_mp4_that_comes_after_a_broken_one_is_saved_without_a_word(tmp_path: Path) -> None:
    assert tries(tmp_path, video(CUT), video(CLIP))[1] == saved(CLIP)


def test_broken_mp4_is_never_gone_on_with(tmp_path: Path) -> None:
    downloader = Downloader(tmp_path, allow_loopback=True)
    with LoopbackServer(RangedFile(HEADLESS * 100), RangedFile(CLIP)) as server:
        for _ in range(2):
            outcome = downloader.fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False)
    assert outcome == saved(CLIP)
    assert "range" not in server.requests[1].headers


def test_chunked_and_unbounded_answers_that_end_early_are_caught_by_the_boxes(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n"
    assert isinstance(tries(tmp_path, http.raw(head + CLIP[:4000]))[0], ev.FetchFailed)


@pytest.mark.parametrize("kind", ["application/octet-stream", "", "video/quicktime"])
def test_file_that_begins_like_an_mp4_is_checked_whatever_it_is_called(kind: str, tmp_path: Path) -> None:
    assert isinstance(tries(tmp_path, video(CUT, kind), path="/a")[0], ev.FetchFailed)


def test_other_containers_are_not_measured_by_the_boxes_of_mp4(tmp_path: Path) -> None:
    webm = b"\x1a\x45\xdf\xa3" + bytes(1000)
    assert tries(tmp_path, video(webm, "video/webm")) == [saved(webm, path="hero.webm")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html><title>Sorry</title>",
        b"\r\n  <html>",
        b'\xef\xbb\xbf{"error": {"message": "expired"}}',
        b'[{"error": 1}]',
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    ],
)
@pytest.mark.parametrize("kind", ["video/mp4", "application/octet-stream"])
def test_document_that_poses_as_a_video_is_not_kept_however_often_it_comes(
    content: bytes, kind: str, tmp_path: Path
) -> None:
    outcomes = tries(tmp_path, *[video(content, kind)] * 3)
    assert {type(outcome) for outcome in outcomes} == {ev.FetchFailed}
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/json", "application/xml", "image/svg+xml"])
def test_answer_that_states_it_is_a_document_is_not_kept(kind: str, tmp_path: Path) -> None:
    outcomes = tries(tmp_path, *[video(CLIP, kind)] * 2)
    assert {type(outcome) for outcome in outcomes} == {ev.FetchFailed}
    assert names(tmp_path) == []


def room_for(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with room for so many bytes that does not get fuller."""
    decoy_disk(monkeypatch, lambda: SPARE_BYTES + size)


def test_file_for_which_there_is_no_room_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(len(CLIP) - 1, monkeypatch)
    [outcome] = tries(tmp_path, video(CLIP))
    assert isinstance(outcome, ev.DiskFull)
    assert str(tmp_path) in outcome.reason
    assert names(tmp_path) == []


def test_file_for_which_there_is_just_room_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(len(CLIP), monkeypatch)
    assert tries(tmp_path, video(CLIP)) == [saved(CLIP)]


def test_disk_that_fills_up_during_a_download_keeps_what_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([10**12] * 2)
    real = os.statvfs
    decoy_disk(monkeypatch, lambda: next(free, 0))
    with LoopbackServer(RangedFile(CLIP)) as server:
        downloader = Downloader(tmp_path, allow_loopback=True, chunk_bytes=1 << 18)
        assert isinstance(downloader.fetch(server.url, "hero", 0, lambda: False), ev.DiskFull)
        assert names(tmp_path) == [".hero.part", ".hero.part.json"]
        monkeypatch.setattr(os, "statvfs", real)
        assert isinstance(downloader.fetch(server.url, "hero", 0, lambda: False), ev.FileSaved)
    assert "range" in server.requests[1].headers


def test_file_system_that_does_not_know_its_size_is_not_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoy_disk(monkeypatch, lambda: 0, total=0)
    assert tries(tmp_path, video(CLIP)) == [saved(CLIP)]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_write_that_the_disk_refuses_leaves_nothing_behind(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) <= 100_000:
            raise OSError(code, os.strerror(code))
        return real(file, data[:-100_000])

    with LoopbackServer(RangedFile(CLIP)) as server, monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        outcome = Downloader(tmp_path, allow_loopback=True).fetch(server.url, "hero", 0, lambda: False)
    assert isinstance(outcome, ev.DiskFull)
    assert names(tmp_path) == []


def source(total: int) -> DownloadSource:
    return DownloadSource("https://x/a.mp4", '"one"', total)


def test_two_files_on_their_way_do_not_count_on_the_same_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room_for(1500, monkeypatch)
    claims = SpaceReservations()
    with FileWriter(tmp_path, "a", claims) as first, FileWriter(tmp_path, "b", claims) as second:
        first.begin(source(1000))
        with pytest.raises(DiskError) as refused:
            second.begin(source(1000))
        assert isinstance(refused.value.outcome, ev.DiskFull)
        with FileWriter(tmp_path, "c", claims) as third:
            third.begin(source(500))
    with FileWriter(tmp_path, "b", claims) as second:
        second.begin(source(1500))
        second.write(bytes(1500))
        assert claims.bytes == 0  # what has come is on the disk, and is not to come any more
    assert claims.bytes == 0


@pytest.mark.parametrize(("left", "for_any"), [(SPARE_BYTES, True), (SPARE_BYTES + (1 << 20), False)])
def test_a_disk_on_which_nothing_fits_is_distinguished_from_a_file_that_is_too_large(
    left: int, for_any: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy_disk(monkeypatch, lambda: left)
    [outcome] = tries(tmp_path, video(CLIP))
    assert isinstance(outcome, ev.DiskFull)
    assert outcome.for_any is for_any

"""Which extension a file gets: what its bytes are, where they say so, whatever the server and the link say."""

import gzip
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.download.file_types import detect_extension
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import LoopbackServer
from tests.helpers.mp4 import MOOV, box, clip
from tests.helpers.ranges import RangedFile

CLIP = clip(b"light" * 40_000)


def ftyp(brand: bytes, *others: bytes) -> bytes:
    return box(b"ftyp", brand + bytes(4) + b"".join(others))


def ebml(kind: bytes) -> bytes:
    return b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82" + bytes([0x80 + len(kind)]) + kind + bytes(100)


KINDS = [
    (ftyp(b"isom") + MOOV, ".mp4"),
    (ftyp(b"mp42"), ".mp4"),
    (ftyp(b"dash", b"iso6"), ".mp4"),
    (ftyp(b"qt  "), ".mov"),
    (ftyp(b"M4V "), ".m4v"),
    (ftyp(b"M4A "), ".m4a"),
    (ftyp(b"avif"), ".avif"),
    (ftyp(b"mif1", b"avif"), ".avif"),
    (ftyp(b"mif1", b"heic"), ".heic"),
    (ftyp(b"heic"), ".heic"),
    (box(b"wide") + box(b"mdat", bytes(100)), ".mov"),
    (ebml(b"webm"), ".webm"),
    (ebml(b"matroska"), ".mkv"),
    (b"RIFF\x24\0\0\0AVI LIST", ".avi"),
    (b"RIFF\x24\0\0\0WAVEfmt ", ".wav"),
    (b"RIFF\x24\0\0\0WEBPVP8 ", ".webp"),
    (b"GIF87a" + bytes(20), ".gif"),
    (b"GIF89a" + bytes(20), ".gif"),
    (b"\x89PNG\r\n\x1a\n" + bytes(20), ".png"),
    (b"\xff\xd8\xff\xe0" + bytes(20), ".jpg"),
    (b"OggS\0\x02" + bytes(20), ".ogv"),
    (b"FLV\x01\x05" + bytes(20), ".flv"),
    (b"\0\0\x01\xba" + bytes(20), ".mpg"),
    (b"ID3\x04" + bytes(20), ".mp3"),
    (b"PK\x03\x04" + bytes(20), ".zip"),
    (b"\x1f\x8b\x08" + bytes(20), ".gz"),
    (b"7z\xbc\xaf\x27\x1c" + bytes(20), ".7z"),
    (bytes(257) + b"ustar\x0000" + bytes(20), ".tar"),
]


@pytest.mark.parametrize(("head", "expected"), KINDS, ids=[expected for _, expected in KINDS])
@pytest.mark.parametrize("hint", [".bin", ".png", ".zip"])
def test_bytes_win_over_what_is_claimed_of_them(head: bytes, expected: str, hint: str) -> None:
    assert detect_extension(head, hint) == expected


@pytest.mark.parametrize("head", [b"", b"light", bytes(512), b"\0\0\0", b"RIFF\x24\0\0\0XYZ ", b"ftyp"])
@pytest.mark.parametrize("hint", [".bin", ".mp4"])
def test_bytes_that_state_nothing_leave_it_to_the_server_and_the_link(head: bytes, hint: str) -> None:
    assert detect_extension(head, hint) == hint


@pytest.mark.parametrize(
    ("head", "hint"),
    [
        (ftyp(b"isom"), ".m4v"),
        (ftyp(b"isom"), ".mov"),
        (ftyp(b"mp42"), ".m4a"),
        (b"OggS\0\x02" + bytes(20), ".ogg"),
        (MOOV, ".mp4"),
        (ebml(b"matroska"), ".mka"),
        (b"\xff\xd8\xff\xe0" + bytes(20), ".jpeg"),
    ],
)
def test_a_name_that_the_bytes_do_not_contradict_is_kept(head: bytes, hint: str) -> None:
    assert detect_extension(head, hint) == hint


def fetch(out: Path, url: str) -> FetchOutcome:
    return Downloader(out, allow_loopback=True).fetch(url, "hero", 0, lambda: False)


@pytest.mark.parametrize("path", ["/files/8c1f", "/a.dat", "/a.webm", "/a.exe", "/a.mp4"])
@pytest.mark.parametrize("kind", ["application/octet-stream", "", "binary/octet-stream", "video/webm", "image/png"])
def test_a_video_is_named_a_video_whatever_its_link_and_its_type(kind: str, path: str, tmp_path: Path) -> None:
    with LoopbackServer(http.answer(200, CLIP, content_type=kind)) as server:
        outcome = fetch(tmp_path, f"{server.url}{path}")
    assert isinstance(outcome, ev.FileSaved)
    assert (outcome.path, outcome.flaw) == ("hero.mp4", "")


def test_a_download_that_goes_on_is_named_by_the_bytes_that_came_before(tmp_path: Path) -> None:
    nameless = {"ETag": '"one"', "Content-Type": "application/octet-stream"}
    with LoopbackServer(RangedFile(CLIP, nameless, cut_after=150_000), RangedFile(CLIP, nameless)) as server:
        assert isinstance(fetch(tmp_path, f"{server.url}/8c1f"), ev.FetchFailed)
        outcome = fetch(tmp_path, f"{server.url}/8c1f")
    assert isinstance(outcome, ev.FileSaved)
    assert outcome.path == "hero.mp4"
    assert "range" in server.requests[1].headers


def test_a_file_that_was_saved_under_another_name_keeps_it(tmp_path: Path) -> None:
    """As a program did that went by the link alone: what is downloaded again stands where it stood."""
    (tmp_path / "hero.bin").write_bytes(CLIP)
    with LoopbackServer(http.answer(200, CLIP, content_type="application/octet-stream")) as server:
        outcome = fetch(tmp_path, f"{server.url}/8c1f")
    assert isinstance(outcome, ev.FileSaved)
    assert outcome.path == "hero.bin"
    assert [path.name for path in tmp_path.iterdir()] == ["hero.bin"]


def test_an_archive_that_poses_as_a_video_is_named_what_it_is(tmp_path: Path) -> None:
    with LoopbackServer(http.answer(200, gzip.compress(CLIP), content_type="video/mp4")) as server:
        outcome = fetch(tmp_path, f"{server.url}/a.mp4")
    assert isinstance(outcome, ev.FileSaved)
    assert outcome.path == "hero.gz"

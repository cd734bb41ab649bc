"""A video that is sent compressed although nobody asked: unpacked as it comes, within bounds, and then checked."""

import gzip
import hashlib
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader, decompress
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import Act, LoopbackServer
from tests.helpers.mp4 import clip
from tests.helpers.ranges import RangedFile

NOISE = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(20_000))
CLIP = clip(NOISE)


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def in_two_members(data: bytes) -> bytes:
    return gzip.compress(data[:1000]) + gzip.compress(data[1000:])


def packed(body: bytes, encoding: str = "gzip", length: int | None = None) -> Act:
    return http.answer(200, body, content_type="video/mp4", headers={"Content-Encoding": encoding}, length=length)


def chunked(body: bytes, encoding: str = "gzip") -> Act:
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Type: video/mp4",
        f"Content-Encoding: {encoding}",
        "Transfer-Encoding: chunked",
    ]
    pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    head = "\r\n".join([*lines, "", ""]).encode()
    return http.raw(head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")


def fetch(out: Path, *acts: Act) -> FetchOutcome:
    downloader = Downloader(out, allow_loopback=True, chunk_bytes=1 << 14)
    with LoopbackServer(*acts) as server:
        *_, last = [downloader.fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False) for _ in acts]
    return last


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


SAVED = ev.FileSaved(0, "hero.mp4", len(CLIP), hashlib.sha256(CLIP).hexdigest())
WAYS = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("GZIP ", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("gzip", in_two_members),
    ("gzip", lambda data: gzip.compress(data) + bytes(100)),
    ("identity, gzip", gzip.compress),
]


@pytest.mark.parametrize(("encoding", "pack"), WAYS)
def test_it_is_unpacked_and_saved(encoding: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    assert fetch(tmp_path, packed(pack(CLIP), encoding)) == SAVED
    assert (tmp_path / "hero.mp4").read_bytes() == CLIP
    assert names(tmp_path) == ["hero.mp4"]


def test_it_may_come_in_chunks(tmp_path: Path) -> None:
    assert fetch(tmp_path, chunked(gzip.compress(CLIP))) == SAVED


@pytest.mark.parametrize("left_out", [1, 8, 9, 5000])
@pytest.mark.parametrize("send", [packed, chunked])
def test_one_that_ends_early_is_not_kept(send: Callable[[bytes], Act], left_out: int, tmp_path: Path) -> None:
    outcome = fetch(tmp_path, send(gzip.compress(CLIP)[:-left_out]))
    assert isinstance(outcome, ev.FetchFailed)
    assert names(tmp_path) == []


def test_one_whose_own_checksum_is_wrong_is_not_kept(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(CLIP))
    whole[-6] ^= 1
    outcome = fetch(tmp_path, packed(bytes(whole)))
    assert isinstance(outcome, ev.FetchFailed)
    assert "damaged compressed data" in outcome.reason
    assert names(tmp_path) == []


@pytest.mark.parametrize("body", [CLIP, b"", gzip.compress(CLIP) + b"and more"])
def test_one_that_is_not_what_it_states_is_not_kept(body: bytes, tmp_path: Path) -> None:
    assert isinstance(fetch(tmp_path, packed(body)), ev.FetchFailed)
    assert names(tmp_path) == []


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "x"])
def test_what_cannot_be_unpacked_here_is_named(encoding: str, tmp_path: Path) -> None:
    outcome = fetch(tmp_path, packed(CLIP, encoding))
    assert isinstance(outcome, ev.FetchFailed)
    assert f"unsupported compression ({encoding})" in outcome.reason
    assert names(tmp_path) == []


def test_one_that_grows_beyond_all_measure_is_cut_off(tmp_path: Path) -> None:
    outcome = fetch(tmp_path, packed(gzip.compress(bytes(200 << 20))))
    assert isinstance(outcome, ev.FetchFailed)
    assert "more than" in outcome.reason
    assert names(tmp_path) == []


def test_one_that_becomes_too_large_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompress, "MAX_BYTES", len(CLIP) - 1)
    outcome = fetch(tmp_path, packed(gzip.compress(CLIP)))
    assert isinstance(outcome, ev.FetchFailed)
    assert "more than" in outcome.reason


def test_memory_does_not_depend_on_what_comes_out() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    unpacker = decompress.decompressor_for("gzip")
    assert unpacker is not None
    tracemalloc.start()
    try:
        with pytest.raises(decompress.DecompressionError):
            assert max(map(len, unpacker.feed(bomb))) <= decompress.PIECE_BYTES
        assert tracemalloc.get_traced_memory()[1] < 8 * decompress.PIECE_BYTES
    finally:
        tracemalloc.stop()


def test_what_broke_off_is_downloaded_from_the_start(tmp_path: Path) -> None:
    """No part of it can be asked for: the ranges are those of the compressed bytes."""
    body = gzip.compress(CLIP)
    cut = http.answer(200, body[:-50_000], headers={"Content-Encoding": "gzip", "ETag": '"one"'}, length=len(body))
    downloader = Downloader(tmp_path, allow_loopback=True)
    with LoopbackServer(cut, packed(body)) as server:
        first = downloader.fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False)
        assert isinstance(first, ev.FetchFailed)
        assert names(tmp_path) == []
        assert downloader.fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False) == SAVED
    assert "range" not in server.requests[1].headers


@pytest.mark.parametrize("status", [200, 206])
def test_a_rest_that_comes_compressed_does_not_go_on_from_what_is_here(status: int, tmp_path: Path) -> None:
    whole = RangedFile(CLIP, cut_after=300_000)
    span = f"bytes 234464-{len(CLIP) - 1}/{len(CLIP)}"
    body = gzip.compress(CLIP)
    headers = {"Content-Encoding": "gzip", "ETag": '"one"', **({"Content-Range": span} if status == 206 else {})}
    rest = http.answer(status, body, content_type="video/mp4", headers=headers)
    downloader = Downloader(tmp_path, allow_loopback=True)
    with LoopbackServer(whole, rest, packed(body)) as server:
        assert isinstance(downloader.fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False), ev.FetchFailed)
        assert downloader.fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False) == SAVED


def test_every_byte_that_comes_is_counted_as_it_came(tmp_path: Path) -> None:
    came: list[int] = []
    body = gzip.compress(CLIP)
    with LoopbackServer(packed(body)) as server:
        Downloader(tmp_path, allow_loopback=True).fetch(f"{server.url}/a.mp4", "hero", 0, lambda: False, came.append)
    assert sum(came) == len(body)


def test_a_damaged_video_is_damaged_after_it_was_unpacked_too(tmp_path: Path) -> None:
    outcome = fetch(tmp_path, *[packed(gzip.compress(CLIP[:-1]))] * 2)
    assert isinstance(outcome, ev.FileSaved)
    assert "not a complete MP4" in outcome.flaw


@pytest.mark.parametrize(("encoding", "pack"), WAYS)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_it_may_come_in_pieces_of_any_size(size: int, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    body, whole = pack(CLIP[:20_000]), CLIP[:20_000]
    unpacker = decompress.decompressor_for(encoding)
    assert unpacker is not None
    pieces = [piece for at in range(0, len(body), size) for piece in unpacker.feed(body[at : at + size])]
    unpacker.finish()
    assert b"".join(pieces) == whole

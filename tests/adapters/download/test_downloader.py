"""Downloads against a real socket that misbehaves: what stands under a final name is whole and right."""

import errno
import hashlib
import os
import socket
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.http.timeouts import Timeouts
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import CERTIFICATE, Act, LoopbackServer, Peer, Request
from tests.helpers.mp4 import clip
from tests.helpers.timeouts import TEST_TIMEOUT_S

CLIP = clip(bytes(range(256)) * 5000)
LARGE = clip(bytes(2 << 20))
PATIENT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=TEST_TIMEOUT_S, total_s=TEST_TIMEOUT_S)
SHORT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=0.3, total_s=TEST_TIMEOUT_S)
VIDEO = http.answer(200, CLIP, content_type="video/mp4")


def never() -> bool:
    return False


def fetch(out: Path, url: str, stem: str = "hero", timeouts: Timeouts = PATIENT) -> FetchOutcome:
    return Downloader(out, allow_loopback=True, timeouts=timeouts).fetch(url, stem, 0, never)


def fetch_by(out: Path, act: Act, timeouts: Timeouts = PATIENT) -> FetchOutcome:
    with LoopbackServer(act) as server:
        return fetch(out, f"{server.url}/files/generated/a.mp4", timeouts=timeouts)


def saved(path: str, content: bytes = CLIP, index: int = 0, *, kept: str = "") -> ev.FileSaved:
    note = f"a different file was already named {path}; it is kept as {kept}" if kept else ""
    return ev.FileSaved(index, path, len(content), hashlib.sha256(content).hexdigest(), note)


def names(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*")) if out.exists() else []


def test_file_is_saved_with_its_size_and_hash_and_nothing_else_is_left(tmp_path: Path) -> None:
    with LoopbackServer(VIDEO) as server:
        outcome = Downloader(tmp_path / "out", allow_loopback=True).fetch(f"{server.url}/a.mp4?x=1", "hero", 3, never)
    assert outcome == saved("hero.mp4", index=3)
    assert (tmp_path / "out/hero.mp4").read_bytes() == CLIP
    assert names(tmp_path / "out") == ["hero.mp4"]
    [request] = server.requests
    assert request.target == "/a.mp4?x=1"
    assert not {"authorization", "cookie", "range", "proxy-authorization"} & set(request.headers)


def test_stem_may_lead_into_a_folder_of_the_output_folder(tmp_path: Path) -> None:
    with LoopbackServer(VIDEO) as server:
        assert fetch(tmp_path, server.url, "superseded/hero.take2.run_1") == saved("superseded/hero.take2.run_1.mp4")
    assert names(tmp_path) == ["superseded", "superseded/hero.take2.run_1.mp4"]


@pytest.mark.parametrize("stem", ["", "/etc/hero", "../hero", "a/../../hero", "a//b", "a\\b", "a\0b", ".", "c:hero"])
def test_stem_that_leaves_the_output_folder_is_refused(stem: str, tmp_path: Path) -> None:
    with LoopbackServer(VIDEO) as server:
        assert isinstance(fetch(tmp_path / "out", server.url, stem), ev.FetchFailed)
    assert server.requests == []
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_dead_link_is_gone(status: int, tmp_path: Path) -> None:
    outcome = fetch_by(tmp_path, http.answer(status, b"no"))
    assert outcome == ev.FetchFailed(f"the file server answered HTTP {status}", gone=True)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(http.close, id="closed without an answer"),
        pytest.param(http.reset, id="reset"),
        pytest.param(http.silence, id="silence"),
        pytest.param(http.raw(b"garbage"), id="garbage"),
        pytest.param(http.answer(200, CLIP, content_type="video/mp4", length=len(CLIP) + 1), id="one byte missing"),
        pytest.param(http.answer(200, b"", content_type="video/mp4", length=10), id="nothing of the body"),
        pytest.param(
            http.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n4\r\nab"), id="half a chunk"
        ),
        pytest.param(
            http.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n"), id="no last chunk"
        ),
        pytest.param(http.drip(b"HTTP/1.1 200 OK\r\n\r\nabcdef", 0.005), id="drip"),
        pytest.param(http.answer(200, b"", content_type="video/mp4"), id="empty"),
        pytest.param(http.answer(204, b""), id="204"),
        pytest.param(http.answer(206, CLIP, content_type="video/mp4"), id="a part that was not asked for"),
        pytest.param(http.answer(200, b"<html>", content_type="text/html; charset=utf-8"), id="html"),
        pytest.param(http.answer(200, b"{}", content_type="Application/JSON"), id="json"),
        pytest.param(http.answer(200, b"{}", content_type="application/problem+json"), id="problem"),
        pytest.param(http.answer(200, CLIP, content_type="video/mp4", headers={"Content-Encoding": "gzip"}), id="gzip"),
        pytest.param(http.answer(301, b""), id="redirect to nowhere"),
        pytest.param(http.answer(500, b"x"), id="500"),
        pytest.param(http.answer(503, b"x"), id="503"),
    ],
)
def test_broken_download_leaves_no_trace_and_may_be_tried_again(act: Act, tmp_path: Path) -> None:
    outcome = fetch_by(tmp_path, act, SHORT)
    assert isinstance(outcome, ev.FetchFailed)
    assert not outcome.gone
    assert outcome.reason.isprintable()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\n\r\n"],
)
def test_file_of_unknown_length_ends_with_its_connection(head: bytes, tmp_path: Path) -> None:
    assert fetch_by(tmp_path, http.raw(head + CLIP)) == saved("hero.mp4")


def test_chunked_file_is_put_together(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(CLIP[at : at + 999]), CLIP[at : at + 999]) for at in range(0, len(CLIP), 999)
    )
    assert fetch_by(tmp_path, http.raw(head + chunks + b"0\r\n\r\n")) == saved("hero.mp4")


def test_what_stands_under_the_final_name_already_is_adopted_if_it_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "hero.mp4").write_bytes(CLIP)
    before = (tmp_path / "hero.mp4").stat()
    assert fetch_by(tmp_path, VIDEO) == saved("hero.mp4")
    assert (tmp_path / "hero.mp4").stat().st_ino == before.st_ino
    assert names(tmp_path) == ["hero.mp4"]


def test_what_differs_is_kept_aside_and_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "hero.kept-1.mp4").write_bytes(b"kept earlier")
    (tmp_path / "hero.mp4").write_bytes(b"cut by hand")
    assert fetch_by(tmp_path, VIDEO) == saved("hero.mp4", kept="hero.kept-2.mp4")
    assert (tmp_path / "hero.mp4").read_bytes() == CLIP
    assert (tmp_path / "hero.kept-1.mp4").read_bytes() == b"kept earlier"
    assert (tmp_path / "hero.kept-2.mp4").read_bytes() == b"cut by hand"


def test_a_folder_or_a_link_under_the_final_name_is_kept_aside_too(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(CLIP)
    (tmp_path / "hero.mp4").symlink_to("elsewhere")
    (tmp_path / "lamp.mp4").mkdir()
    assert fetch_by(tmp_path, VIDEO) == saved("hero.mp4", kept="hero.kept-1.mp4")
    with LoopbackServer(VIDEO) as server:
        assert fetch(tmp_path, server.url, "lamp") == saved("lamp.mp4", kept="lamp.kept-1.mp4")
    assert not (tmp_path / "hero.mp4").is_symlink()
    assert names(tmp_path) == ["elsewhere", "hero.kept-1.mp4", "hero.mp4", "lamp.kept-1.mp4", "lamp.mp4"]


def test_file_system_without_hard_links_keeps_the_same_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_link)
    for kept in ([], ["hero.kept-1.mp4"]):
        assert fetch_by(tmp_path, VIDEO) == saved("hero.mp4", kept="".join(kept))
        assert names(tmp_path) == [*kept, "hero.mp4"]
        (tmp_path / "hero.mp4").write_bytes(b"cut by hand")
    assert (tmp_path / "hero.kept-1.mp4").read_bytes() == b"cut by hand"


def test_remains_of_a_crash_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".hero.part").write_bytes(b"half a clip")
    assert fetch_by(tmp_path, VIDEO) == saved("hero.mp4")
    assert names(tmp_path) == ["hero.mp4"]


def test_final_name_appears_only_when_the_file_is_whole(tmp_path: Path) -> None:
    go = threading.Event()
    seen: list[list[str]] = []

    def in_two_halves(peer: Peer, _request: Request) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % len(LARGE))
        peer.send(LARGE[: 1 << 20])
        assert go.wait(TEST_TIMEOUT_S)
        peer.send(LARGE[1 << 20 :])

    def look(_count: int) -> None:
        seen.append(names(tmp_path))
        go.set()

    with LoopbackServer(in_two_halves) as server:
        downloader = Downloader(tmp_path, allow_loopback=True)
        assert downloader.fetch(server.url, "hero", 0, never, look) == saved("hero.mp4", LARGE)
    assert len(seen) > 1
    assert {tuple(names) for names in seen} == {(".hero.part",)}


def test_cancelled_download_stops_in_the_middle_of_silence(tmp_path: Path) -> None:
    stop = threading.Event()

    def stall(peer: Peer, _request: Request) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
        stop.set()
        peer.wait_until_gone()

    with LoopbackServer(stall) as server:
        downloader = Downloader(tmp_path, allow_loopback=True, timeouts=PATIENT)
        assert downloader.fetch(server.url, "hero", 0, stop.is_set) == ev.FetchCancelled()
    assert names(tmp_path) == []


def test_download_that_is_cancelled_beforehand_asks_for_nothing(tmp_path: Path) -> None:
    with LoopbackServer(VIDEO) as server:
        downloader = Downloader(tmp_path, allow_loopback=True)
        assert downloader.fetch(server.url, "hero", 0, lambda: True) == ev.FetchCancelled()
    assert server.connections == 0


def test_every_byte_is_counted(tmp_path: Path) -> None:
    counts: list[int] = []
    with LoopbackServer(VIDEO) as server:
        Downloader(tmp_path, allow_loopback=True).fetch(server.url, "hero", 0, never, counts.append)
    assert sum(counts) == len(CLIP)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_distinguished(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    outcome = fetch_by(tmp_path, VIDEO)
    assert isinstance(outcome, ev.DiskFull)
    assert str(tmp_path) in outcome.reason
    assert names(tmp_path) == []


def test_output_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with LoopbackServer(VIDEO) as server:
        outcome = fetch(tmp_path / "out", server.url)
    assert isinstance(outcome, ev.FetchFailed)
    assert str(tmp_path / "out") in outcome.reason


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    piece, pieces = bytes(1 << 20), 64

    def large(peer: Peer, _request: Request) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * pieces))
        for _ in range(pieces):
            peer.send(piece)

    tracemalloc.start()
    try:
        with LoopbackServer(large) as server:
            assert isinstance(fetch(tmp_path, server.url), ev.FileSaved)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_https_file_is_fetched_from_the_very_addresses_that_were_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: int, **options: int) -> object:
        asked.append(host)
        if host != "api.example.test":
            return real(host, port, *args, **options)
        return [entry for address in ("127.0.0.2", "127.0.0.1") for entry in real(address, port, *args, **options)]

    with LoopbackServer(VIDEO, tls=True) as server:
        monkeypatch.setattr("socket.getaddrinfo", resolve)
        outcome = fetch(tmp_path, f"https://api.example.test:{server.address[1]}/a")
        monkeypatch.undo()
    assert outcome == saved("hero.mp4")
    assert asked.count("api.example.test") == 1
    assert server.server_names == ["api.example.test"]
    assert server.requests[0].headers["host"] == f"api.example.test:{server.address[1]}"


def test_transfer_that_only_drips_is_given_up_long_before_it_ends(tmp_path: Path) -> None:
    began = time.monotonic()
    endless = http.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nx", 0.005)
    outcome = fetch_by(tmp_path, endless, SHORT)
    assert outcome == ev.FetchFailed("timed out")
    assert time.monotonic() - began < TEST_TIMEOUT_S

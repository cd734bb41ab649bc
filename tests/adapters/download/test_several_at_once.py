"""Several fetches at once: so many transfers and no more, and none that waits for the disk."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader, file_writer
from hailuo_batch.adapters.local.fs import sync
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import LoopbackServer, Peer, Request
from tests.helpers.mp4 import clip
from tests.helpers.timeouts import TEST_TIMEOUT_S

CLIP = clip(bytes(100_000))
VIDEO = http.answer(200, CLIP, content_type="video/mp4")


def never() -> bool:
    return False


class ConcurrentServer:
    """A server's act that answers once two requests are there, and counts how many ever were at the same time."""

    def __init__(self) -> None:
        self.most = 0
        self._here = 0
        self._lock = threading.Lock()
        self._pairs = threading.Barrier(2, timeout=TEST_TIMEOUT_S)

    def __call__(self, peer: Peer, request: Request) -> None:
        with self._lock:
            self._here += 1
            self.most = max(self.most, self._here)
        self._pairs.wait()
        with self._lock:
            self._here -= 1
        VIDEO(peer, request)


def test_only_so_many_transfers_go_on_at_once(tmp_path: Path) -> None:
    crowd = ConcurrentServer()
    with LoopbackServer(crowd) as server, ThreadPoolExecutor(12) as threads:
        downloader = Downloader(tmp_path, allow_loopback=True, transfers_at_once=2)
        fetches = [threads.submit(downloader.fetch, server.url, f"take-{n}", 0, never) for n in range(12)]
        assert all(isinstance(fetch.result(TEST_TIMEOUT_S), ev.FileSaved) for fetch in fetches)
    assert crowd.most == 2


def test_a_file_that_waits_for_the_disk_holds_up_no_transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk_is_ready = threading.Event()

    def slow_sync(file: int) -> None:
        assert disk_is_ready.wait(TEST_TIMEOUT_S)
        sync(file)

    def serve(peer: Peer, request: Request) -> None:
        VIDEO(peer, request)
        if len(server.requests) == 3:
            disk_is_ready.set()

    monkeypatch.setattr(file_writer, "sync", slow_sync)
    with LoopbackServer(serve) as server, ThreadPoolExecutor(3) as threads:
        downloader = Downloader(tmp_path, allow_loopback=True, transfers_at_once=1)
        fetches = [threads.submit(downloader.fetch, server.url, f"take-{n}", 0, never) for n in range(3)]
        assert all(isinstance(fetch.result(TEST_TIMEOUT_S), ev.FileSaved) for fetch in fetches)


def test_a_fetch_that_waits_for_its_turn_can_be_stopped(tmp_path: Path) -> None:
    may_answer = threading.Event()
    with LoopbackServer(http.after(may_answer, VIDEO)) as server, ThreadPoolExecutor(2) as threads:
        downloader = Downloader(tmp_path, allow_loopback=True, transfers_at_once=1)
        first: Future[FetchOutcome] = threads.submit(downloader.fetch, server.url, "first", 0, never)
        while not server.requests:
            assert not first.done()
        assert downloader.fetch(server.url, "second", 0, lambda: True) == ev.FetchCancelled()
        may_answer.set()
        assert isinstance(first.result(TEST_TIMEOUT_S), ev.FileSaved)


def test_a_transfer_that_breaks_gives_up_its_place(tmp_path: Path) -> None:
    with LoopbackServer(http.reset, VIDEO) as server:
        downloader = Downloader(tmp_path, allow_loopback=True, transfers_at_once=1)
        assert isinstance(downloader.fetch(server.url, "hero", 0, never), ev.FetchFailed)
        assert isinstance(downloader.fetch(server.url, "hero", 0, never), ev.FileSaved)

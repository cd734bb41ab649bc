"""Answers before the answer (RFC 9110, section 15.2): passed over, whatever they say and however many they are."""

import hashlib
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import Act, LoopbackServer, Peer, Request
from tests.helpers.mp4 import clip
from tests.helpers.ranges import RangedFile

CLIP = clip(b"light" * 60_000)
SAVED = ev.FileSaved(0, "hero.mp4", len(CLIP), hashlib.sha256(CLIP).hexdigest())
WHOLE = http.answer(200, CLIP, content_type="video/mp4")
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nContent-Length: 5\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"


def after(first: bytes, then: Act = WHOLE) -> Act:
    def act(peer: Peer, request: Request) -> None:
        peer.send(first)
        then(peer, request)

    return act


def fetch(out: Path, *acts: Act) -> FetchOutcome:
    with LoopbackServer(*acts) as server:
        outcomes = [Downloader(out, allow_loopback=True).fetch(server.url, "hero", 0, lambda: False) for _ in acts]
    return outcomes[-1]


@pytest.mark.parametrize(
    "first",
    [
        HINTS,
        PROCESSING,
        CONTINUE,
        HINTS * 3,
        CONTINUE + PROCESSING + HINTS + CONTINUE,
        b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 199 Whatever\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 103\r\n\r\n",
    ],
)
def test_it_is_passed_over(first: bytes, tmp_path: Path) -> None:
    assert fetch(tmp_path, after(first)) == SAVED


def test_the_answer_behind_it_may_be_a_redirect_or_a_refusal(tmp_path: Path) -> None:
    to = http.answer(302, b"moved", headers={"Location": "/b.mp4"})
    with LoopbackServer(after(HINTS, to), after(HINTS)) as server:
        outcome = Downloader(tmp_path, allow_loopback=True).fetch(server.url, "hero", 0, lambda: False)
    assert outcome == SAVED
    refused = fetch(tmp_path, after(HINTS, http.answer(404, b"no")))
    assert isinstance(refused, ev.FetchFailed)
    assert refused.gone


def test_a_download_goes_on_behind_it(tmp_path: Path) -> None:
    assert fetch(tmp_path, after(HINTS, RangedFile(CLIP, cut_after=200_000)), after(HINTS, RangedFile(CLIP))) == SAVED


@pytest.mark.parametrize(
    "act",
    [
        http.raw(HINTS),
        http.raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        after(HINTS * 1000),
        after(CONTINUE * 1000),
    ],
)
def test_one_that_no_answer_follows_is_no_answer(act: Act, tmp_path: Path) -> None:
    assert isinstance(fetch(tmp_path, act), ev.FetchFailed)

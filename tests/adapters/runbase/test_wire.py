"""What the client stands on: bodies that must not grow, connections that must not come back to life."""

import gzip
import math
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from hailuo_batch.adapters.http.connection import CONNECTION_ERRORS, Dialer
from hailuo_batch.adapters.http.origin import Origin
from hailuo_batch.adapters.http.timeouts import ExchangeTimer
from hailuo_batch.adapters.runbase import Client
from hailuo_batch.adapters.runbase.fields import decode_body
from hailuo_batch.core.model import events as ev
from tests.helpers import http
from tests.helpers.http import LoopbackServer
from tests.helpers.timeouts import TEST_TIMEOUT_S


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_body_is_decompressed_up_to_the_limit_and_no_further(compress: Callable[[bytes], bytes]) -> None:
    for encoding in ("gzip", " Deflate "):
        assert decode_body(compress(bytes(1000)), encoding, 1000) == bytes(1000)
        assert decode_body(compress(bytes(1001)), encoding, 1000) is None
        assert decode_body(compress(bytes(1000))[:-1], encoding, 1000) is None


def test_decompression_bomb_takes_no_memory() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        assert decode_body(bomb, "gzip", 1000) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_closed_line_never_dials_again_by_itself() -> None:
    with LoopbackServer(http.answer(200, {})) as server:
        patience = ExchangeTimer(TEST_TIMEOUT_S, TEST_TIMEOUT_S)
        line = Dialer(TEST_TIMEOUT_S).dial(Origin("http", *server.address), patience)
        line.close()
        with pytest.raises(CONNECTION_ERRORS):
            line.request("POST", "/", {}, b"{}", patience)
    assert server.requests == []
    assert server.connections <= 1


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nContent-Length: 7\r\n\r\n"
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n{"id": "run_1", "costUsd": 280000}'
INTERIM = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n", EARLY, EARLY + EARLY]


@pytest.mark.parametrize("interim", INTERIM)
def test_interim_answers_to_a_create_are_passed_over(interim: bytes) -> None:
    with LoopbackServer(http.raw(interim + ANSWER)) as server:
        client = Client(server.url, None)
        assert client.create_run("hailuo/pro", "{}") == ev.RunCreated("run_1", 280_000)
    assert len(server.requests) == 1


@pytest.mark.parametrize("interim", INTERIM)
def test_interim_answers_to_reads_are_passed_over_on_a_connection_that_is_kept(interim: bytes) -> None:
    body = b'{"id": "run_1", "status": "pending"}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)

    def act(peer: http.Peer, _: http.Request) -> None:
        peer.send(interim)
        peer.send(head + body)

    with LoopbackServer(act) as server:
        client = Client(server.url, None)
        assert [client.read_run("run_1") for _ in range(3)] == [ev.RunQueued()] * 3
        client.close()
    assert server.connections == 1


@pytest.mark.parametrize("interim", [EARLY * 1000 + ANSWER, EARLY, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
def test_interim_answers_alone_leave_a_create_in_doubt(interim: bytes) -> None:
    with LoopbackServer(http.raw(interim)) as server:
        outcome = Client(server.url, None).create_run("hailuo/pro", "{}")
    assert isinstance(outcome, ev.CreateUnanswered)


@pytest.mark.parametrize("interim", [EARLY, b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_interim_answers_that_never_end_hold_nobody(interim: bytes) -> None:
    def flood(peer: http.Peer, _: http.Request) -> None:
        while not peer.ended:
            peer.send(interim)

    with LoopbackServer(flood) as server:
        line = Dialer(TEST_TIMEOUT_S).dial(Origin("http", *server.address), patience := ExchangeTimer(0.2, math.inf))
        with pytest.raises(CONNECTION_ERRORS):
            line.request("GET", "/", {}, None, patience)
        line.close()

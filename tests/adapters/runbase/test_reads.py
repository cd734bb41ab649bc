"""Reads against a real socket, the connections they share, and those that a create never shares."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from hailuo_batch.adapters.runbase import Client, Timeouts
from hailuo_batch.adapters.runbase.client import MAX_RESPONSE_BYTES
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import ReadOutcome, Refusal
from tests.helpers import http
from tests.helpers.http import Act, LoopbackServer, Peer, Request
from tests.helpers.timeouts import TEST_TIMEOUT_S

PATIENT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=TEST_TIMEOUT_S, total_s=TEST_TIMEOUT_S)
SHORT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=0.2, total_s=0.5)
DONE = {
    "id": "run_1",
    "status": "succeeded",
    "costUsd": 40000,
    "output": {"urls": ["https://runbase.net/files/generated/a.mp4"]},
    "createdAt": "2026-01-02T03:04:05.000Z",
    "completedAt": "2026-01-02T03:05:05.500Z",
}
PENDING = {"id": "run_1", "status": "pending", "costUsd": 40000}


@contextmanager
def client_of(server: LoopbackServer, timeouts: Timeouts = PATIENT) -> Iterator[Client]:
    client = Client(f"{server.url}/api/v1", "sk-secret", timeouts)
    try:
        yield client
    finally:
        client.close()


def read(act: Act, timeouts: Timeouts = PATIENT) -> ReadOutcome:
    with LoopbackServer(act) as server, client_of(server, timeouts) as client:
        outcome = client.read_run("run_1")
    assert [(request.method, request.target) for request in server.requests] == [("GET", "/api/v1/runs/run_1")]
    return outcome


def test_finished_run_is_read_with_links_cost_and_times() -> None:
    assert read(http.answer(200, DONE)) == ev.RunSucceeded(
        ("https://runbase.net/files/generated/a.mp4",), 40000, 1767323045.0, 1767323105.5
    )


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (401, "invalid_api_key", ev.ReadRefused(Refusal.ACCOUNT, "invalid_api_key", "because")),
        (402, "insufficient_balance", ev.ReadRefused(Refusal.BALANCE, "insufficient_balance", "because")),
        (403, "ip_not_allowed", ev.ReadRefused(Refusal.ACCOUNT, "ip_not_allowed", "because")),
        (404, "run_not_found", ev.RunMissing()),
        (429, "RATE_LIMITED", ev.ReadRefused(Refusal.RATE, "RATE_LIMITED", "because")),
        (429, "USAGE_EXCEEDED", ev.ReadRefused(Refusal.ACCOUNT, "USAGE_EXCEEDED", "because")),
        (500, "unexpected", ev.ReadUnanswered("HTTP 500: because")),
    ],
)
def test_each_documented_error_of_a_read(status: int, code: str, outcome: ReadOutcome) -> None:
    assert read(http.answer(status, {"error": {"message": "because", "code": code}})) == outcome


@pytest.mark.parametrize(
    "act",
    [
        http.close,
        http.reset,
        http.silence,
        http.drip(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 9999, 0.005),
        http.raw(b"garbage"),
        http.answer(200, b'{"id": "run_1", "sta', length=99),
        http.answer(200, b"<html>"),
        http.answer(404, b"<html>not found</html>", content_type="text/html"),
        http.answer(301, b"", headers={"Location": "/elsewhere"}),
        http.answer(200, {"id": "run_2", "status": "succeeded"}),
    ],
)
def test_read_without_a_readable_answer_is_harmless(act: Act) -> None:
    assert isinstance(read(act, SHORT), ev.ReadUnanswered)


def test_refused_connection_states_that_the_api_is_away() -> None:
    with http.refusing_port() as port:
        outcome = Client(f"http://127.0.0.1:{port}", None, SHORT).read_run("run_1")
    assert isinstance(outcome, ev.ReadNotSent)


def test_run_id_cannot_lead_anywhere_else() -> None:
    with LoopbackServer(http.answer(200, DONE)) as server, client_of(server) as client:
        for run_id in ("..", "", "run_1?x", "run_1/../../keys", "run\r\n1"):
            assert isinstance(client.read_run(run_id), ev.ReadUnanswered)
    assert server.requests == []


def test_reads_share_a_connection() -> None:
    with LoopbackServer(http.answer(200, PENDING)) as server, client_of(server) as client:
        for _ in range(3):
            assert client.read_run("run_1") == ev.RunQueued()
    assert [request.connection for request in server.requests] == [1, 1, 1]


def test_create_never_rides_a_connection_that_was_used_before_nor_leaves_one_behind() -> None:
    created = http.answer(200, {"id": "run_2"})
    pending = http.answer(200, PENDING)
    with LoopbackServer(pending, created, created, pending) as server, client_of(server) as client:
        client.read_run("run_1")
        client.create_run("hailuo/pro", "{}")
        client.create_run("hailuo/pro", "{}")
        client.read_run("run_1")
    assert [request.connection for request in server.requests] == [1, 2, 3, 1]


@pytest.mark.parametrize("stale", [http.close, http.reset])
def test_stale_connection_costs_a_read_nothing_and_cannot_touch_a_create(stale: Act) -> None:
    pending = http.answer(200, PENDING)
    with LoopbackServer(pending, stale, pending) as server, client_of(server) as client:
        client.read_run("run_1")
        assert client.read_run("run_1") == ev.RunQueued()
    assert [request.connection for request in server.requests] == [1, 1, 2]

    with LoopbackServer(pending, stale) as server, client_of(server) as client:
        client.read_run("run_1")
        assert isinstance(client.create_run("hailuo/pro", "{}"), ev.CreateUnanswered)
    assert [request.connection for request in server.requests] == [1, 2]


def test_connection_that_the_server_has_closed_meanwhile_is_not_used_again() -> None:
    closed = threading.Event()

    def answer_and_close(peer: Peer, request: Request) -> None:
        http.answer(200, PENDING)(peer, request)
        peer.end()
        closed.set()

    with LoopbackServer(answer_and_close, http.answer(200, PENDING)) as server, client_of(server) as client:
        client.read_run("run_1")
        assert closed.wait(TEST_TIMEOUT_S)
        assert client.read_run("run_1") == ev.RunQueued()
    assert [request.connection for request in server.requests] == [1, 2]


def test_connection_on_which_the_server_spoke_unasked_is_not_used_again() -> None:
    first_is_read, forged = threading.Event(), threading.Event()

    def answer_twice(peer: Peer, request: Request) -> None:
        http.answer(200, PENDING)(peer, request)
        assert first_is_read.wait(TEST_TIMEOUT_S)
        http.answer(200, DONE)(peer, request)
        forged.set()

    with LoopbackServer(answer_twice, http.answer(200, PENDING)) as server, client_of(server) as client:
        client.read_run("run_1")
        first_is_read.set()
        assert forged.wait(TEST_TIMEOUT_S)
        assert client.read_run("run_1") == ev.RunQueued()
    assert [request.connection for request in server.requests] == [1, 2]


def test_connection_whose_answer_was_not_read_to_its_end_is_not_used_again() -> None:
    def stop_just_past_the_limit(peer: Peer, _request: Request) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {3 * MAX_RESPONSE_BYTES}\r\n\r\n"
        peer.send(head.encode() + b" " * (MAX_RESPONSE_BYTES + (1 << 16)))

    with LoopbackServer(stop_just_past_the_limit, http.answer(200, PENDING)) as server, client_of(server) as client:
        assert isinstance(client.read_run("run_1"), ev.ReadUnanswered)
        assert client.read_run("run_1") == ev.RunQueued()
    assert [request.connection for request in server.requests] == [1, 2]


def test_silence_on_a_kept_connection_is_not_asked_twice() -> None:
    timeouts = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=1, total_s=1)
    with LoopbackServer(http.answer(200, PENDING), http.silence) as server, client_of(server, timeouts) as client:
        client.read_run("run_1")
        assert isinstance(client.read_run("run_1"), ev.ReadUnanswered)
    assert len(server.requests) == 2


def test_twenty_threads_share_one_client() -> None:
    def echo(peer: Peer, request: Request) -> None:
        run_id = request.target.rpartition("/")[2]
        status = "processing" if int(run_id) % 2 else "pending"
        http.answer(200, {"id": run_id, "status": status})(peer, request)

    def ask(number: int) -> tuple[int, Any]:
        return number, client.read_run(str(number))

    with LoopbackServer(echo) as server, client_of(server) as client, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(400)))
    assert all(outcome == (ev.RunStarted() if number % 2 else ev.RunQueued()) for number, outcome in answers)
    assert server.connections <= 20

"""Creates against a real socket: which failures are not sent, refused, answered or in doubt."""

import gzip
import json
import socket
import threading
import time
from typing import Any

import pytest

from hailuo_batch.adapters.runbase import Client, Timeouts
from hailuo_batch.adapters.runbase.client import MAX_RESPONSE_BYTES
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome, Refusal
from hailuo_batch.values import canonical_json, request_json
from tests.helpers import http
from tests.helpers.http import Act, LoopbackServer
from tests.helpers.timeouts import TEST_TIMEOUT_S

KEY = "sk-very-secret-0123456789"
PATIENT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=TEST_TIMEOUT_S, total_s=TEST_TIMEOUT_S)
SHORT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=0.2, total_s=0.5)
RUN = {"id": "run_1", "model": "hailuo/pro", "status": "pending", "costUsd": 280000}


def create(server: LoopbackServer | str, timeouts: Timeouts = PATIENT, prompt: str = "a lamp") -> CreateOutcome:
    url = server if isinstance(server, str) else server.url
    client = Client(f"{url}/api/v1", KEY, timeouts)
    try:
        return client.create_run("hailuo/pro", canonical_json({"prompt": prompt}))
    finally:
        client.close()


def created_by(act: Act, timeouts: Timeouts = PATIENT) -> CreateOutcome:
    """The outcome of one create, which must have arrived once and once only."""
    with LoopbackServer(act) as server:
        outcome = create(server, timeouts)
    assert len(server.requests) == 1
    return outcome


def error(code: str) -> dict[str, Any]:
    return {"error": {"message": "because", "code": code}}


def test_create_sends_exactly_what_was_hashed_and_the_key_in_one_header() -> None:
    with LoopbackServer(http.answer(200, RUN)) as server:
        assert create(server, prompt="eine Lampe, «weiß» 灯") == ev.RunCreated("run_1", 280000)
    [request] = server.requests
    assert (request.method, request.target) == ("POST", "/api/v1/runs")
    assert request.body == request_json("hailuo/pro", canonical_json({"prompt": "eine Lampe, «weiß» 灯"})).encode()
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["connection"] == "close"
    assert request.headers["user-agent"].startswith("hailuo-batch/")
    assert str(request.headers).count(KEY) == 1


def test_without_a_key_no_authorization_is_sent() -> None:
    with LoopbackServer(http.answer(200, RUN)) as server:
        client = Client(server.url, None)
        assert client.create_run("hailuo/pro", "{}") == ev.RunCreated("run_1", 280000)
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (400, "invalid_input", ev.InputRejected("invalid_input", "because")),
        (400, "invalid_json", ev.CreateRefused(Refusal.PROTOCOL, "invalid_json", "because")),
        (400, "missing_model", ev.CreateRefused(Refusal.PROTOCOL, "missing_model", "because")),
        (400, "missing_input", ev.CreateRefused(Refusal.PROTOCOL, "missing_input", "because")),
        (400, "model_not_found", ev.CreateRefused(Refusal.MODEL, "model_not_found", "because")),
        (401, "missing_api_key", ev.CreateRefused(Refusal.ACCOUNT, "missing_api_key", "because")),
        (401, "invalid_api_key", ev.CreateRefused(Refusal.ACCOUNT, "invalid_api_key", "because")),
        (402, "insufficient_balance", ev.CreateRefused(Refusal.BALANCE, "insufficient_balance", "because")),
        (
            403,
            "api_key_spend_limit_exceeded",
            ev.CreateRefused(Refusal.KEY_SPEND, "api_key_spend_limit_exceeded", "because"),
        ),
        (403, "ip_not_allowed", ev.CreateRefused(Refusal.ACCOUNT, "ip_not_allowed", "because")),
        (404, "run_not_found", ev.CreateRefused(Refusal.ADDRESS, "run_not_found", "because")),
        (429, "RATE_LIMITED", ev.CreateRefused(Refusal.RATE, "RATE_LIMITED", "because")),
        (429, "USAGE_EXCEEDED", ev.CreateRefused(Refusal.ACCOUNT, "USAGE_EXCEEDED", "because")),
        (500, "unexpected", ev.CreateUnanswered("HTTP 500: because")),
    ],
)
def test_each_documented_error_of_a_create(status: int, code: str, outcome: CreateOutcome) -> None:
    assert created_by(http.answer(status, error(code))) == outcome


def test_retry_after_comes_through() -> None:
    outcome = created_by(http.answer(429, error("RATE_LIMITED"), headers={"Retry-After": "3"}))
    assert outcome == ev.CreateRefused(Refusal.RATE, "RATE_LIMITED", "because", 3.0)


WHOLE = json.dumps(RUN).encode()
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(http.close, id="closed without an answer"),
        pytest.param(http.reset, id="reset"),
        pytest.param(http.silence, id="silence"),
        pytest.param(http.raw(b"\x00\xff garbage\r\n\r\n"), id="garbage"),
        pytest.param(http.raw(b"HTTP/1.1 200 OK\r\nContent-"), id="half a head"),
        pytest.param(http.raw(HEAD + b"Content-Length: 5, 6\r\n\r\n{}"), id="two lengths"),
        pytest.param(http.raw(HEAD + b"A: b\r\n" * 200 + b"\r\n" + WHOLE), id="too many headers"),
        pytest.param(http.raw(HEAD + b"A: " + b"b" * 70000 + b"\r\n\r\n" + WHOLE), id="too long a header"),
        pytest.param(http.raw(HEAD + b"\r\n" + WHOLE[:30]), id="half a body, length unknown"),
        pytest.param(http.answer(200, WHOLE[:30], length=len(WHOLE)), id="half a body"),
        pytest.param(http.answer(402, b'{"error', length=99), id="half a refusal"),
        pytest.param(http.answer(200, WHOLE, length=30), id="length too small"),
        pytest.param(http.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{"), id="half a chunk"),
        pytest.param(http.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), id="bad chunk"),
        pytest.param(http.answer(200, b""), id="empty body"),
        pytest.param(http.answer(200, b"<html>ok</html>", content_type="text/html"), id="html"),
        pytest.param(http.answer(200, [RUN]), id="a list"),
        pytest.param(http.answer(200, b"[" * 100_000), id="deep nesting"),
        pytest.param(http.answer(200, b'{"id": ' + b"9" * 5000 + b"}"), id="huge number"),
        pytest.param(http.answer(200, WHOLE + b" " * MAX_RESPONSE_BYTES), id="too long"),
        pytest.param(http.answer(200, b"no gzip", headers={"Content-Encoding": "gzip"}), id="bad gzip"),
        pytest.param(http.answer(200, WHOLE, headers={"Content-Encoding": "br"}), id="unknown encoding"),
        pytest.param(
            http.answer(200, gzip.compress(WHOLE + b" " * 50_000_000), headers={"Content-Encoding": "gzip"}),
            id="decompression bomb",
        ),
        pytest.param(http.answer(302, b"", headers={"Location": "/api/v1/runs"}), id="redirect"),
        pytest.param(http.answer(307, b"", headers={"Location": "/api/v1/runs"}), id="redirect that keeps the method"),
        pytest.param(http.answer(408, error("timeout")), id="408"),
        pytest.param(http.answer(500, b""), id="500 without a body"),
        pytest.param(http.answer(502, b"<html>", content_type="text/html"), id="502"),
        pytest.param(http.answer(503, error("x"), headers={"Retry-After": "1"}), id="503"),
        pytest.param(http.answer(504, b""), id="504"),
    ],
)
def test_create_that_may_have_arrived_is_in_doubt_and_never_sent_again(act: Act) -> None:
    outcome = created_by(act, SHORT)
    assert isinstance(outcome, ev.CreateUnanswered)
    assert outcome.reason.isprintable()
    assert outcome.reason


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(http.raw(HEAD + b"\r\n" + WHOLE), id="length unknown"),
        pytest.param(http.answer(200, b"\xef\xbb\xbf" + WHOLE), id="byte order mark"),
        pytest.param(http.answer(200, WHOLE[:-1] + b', "note": "\xff"}'), id="bad UTF-8 elsewhere"),
        pytest.param(http.answer(200, WHOLE, content_type="text/plain"), id="wrong type"),
        pytest.param(http.answer(200, WHOLE, content_type=""), id="no type"),
        pytest.param(http.answer(200, WHOLE, length=len(WHOLE) + 1), id="a last byte missing"),
        pytest.param(http.answer(200, gzip.compress(WHOLE), headers={"Content-Encoding": "GZip"}), id="gzip"),
        pytest.param(http.answer(503, WHOLE), id="503 that names the run"),
    ],
)
def test_readable_run_id_makes_a_run_whatever_else_is_wrong(act: Act) -> None:
    assert created_by(act) == ev.RunCreated("run_1", 280000)


@pytest.mark.parametrize("digits", ["1" + "0" * 30, "9" * 399, "9" * 5000, "-" + "9" * 5000, "1e400", "-1e30", "NaN"])
def test_number_that_nothing_can_mean_spoils_the_cost_and_never_the_run(digits: str) -> None:
    outcome = created_by(http.answer(200, f'{{"id": "run_1", "costUsd": {digits}}}'))
    assert isinstance(outcome, ev.RunCreated)
    assert (outcome.run_id, outcome.cost_micro_usd) == ("run_1", None)
    assert outcome.cost_note


def test_refused_connection_is_not_sent() -> None:
    with http.refusing_port() as port:
        outcome = create(f"http://127.0.0.1:{port}")
    assert outcome == ev.CreateNotSent(f"no connection to 127.0.0.1:{port}: connection refused")


def test_name_that_cannot_be_resolved_is_not_sent() -> None:
    assert isinstance(create("https://name.invalid"), ev.CreateNotSent)


def test_server_that_drips_cannot_hold_a_create() -> None:
    for text in (b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 9999, HEAD + b"\r\n" + b" " * 9999):
        outcome = created_by(http.drip(text, 0.005), SHORT)
        assert isinstance(outcome, ev.CreateUnanswered)
        assert "timed out" in outcome.reason


def test_slow_answer_within_the_time_outs_is_an_answer() -> None:
    go = threading.Event()
    with LoopbackServer(http.after(go, http.answer(200, RUN))) as server:
        timer = threading.Timer(0.05, go.set)
        timer.start()
        assert create(server) == ev.RunCreated("run_1", 280000)
        timer.join()


def test_answer_before_the_whole_body_was_read_still_counts() -> None:
    def answer_early(peer: http.Peer) -> None:
        peer.sock.recv(100)
        body = json.dumps(error("insufficient_balance")).encode()
        peer.send(b"HTTP/1.1 402 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        peer.sock.shutdown(socket.SHUT_WR)
        peer.ended = True

    with LoopbackServer(http.close, before=answer_early) as server:
        outcome = create(server, prompt="x" * 20_000_000)
    assert isinstance(outcome, ev.CreateRefused)
    assert outcome.refusal is Refusal.BALANCE


def test_silence_ends_a_create_before_its_whole_time_is_over() -> None:
    began = time.monotonic()
    with LoopbackServer(http.silence) as server:
        outcome = create(server, Timeouts(connect_s=TEST_TIMEOUT_S, read_s=0.1, total_s=TEST_TIMEOUT_S))
    assert isinstance(outcome, ev.CreateUnanswered)
    assert time.monotonic() - began < TEST_TIMEOUT_S

"""Clients that send garbage, too much or too little, and a server's own beginning and end."""

import socket
import threading
from contextlib import closing
from http.client import HTTPConnection

import pytest

from hailuo_batch.sandbox.handler import MAX_BODY_BYTES
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.helpers.timeouts import TEST_TIMEOUT_S
from tests.sandbox.conftest import Caller, address_of

POST = b"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-1\r\n"


def answer_to(sandbox: SandboxServer, sent: bytes) -> bytes:
    """All that comes back until the server hangs up, after the client has said its last."""
    with socket.create_connection(address_of(sandbox), timeout=TEST_TIMEOUT_S) as connection:
        received = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionError:
            return received
        return received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\xff\x16\x03\x01garbage\r\n\r\n", b"400"),
        (b"GET\r\n\r\n", b"400"),
        (b"POST /api", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"BREW /api/v1/runs HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (POST + b"\r\n{}", b"411"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"411"),
        (POST + b"Content-Length: -1\r\n\r\n", b"411"),
        (POST + b"Content-Length: two\r\n\r\n", b"411"),
        (POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), b"413"),
        (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", b"413"),
    ],
)
def test_what_cannot_be_read_is_refused_with_json_and_hung_up_on(
    sandbox: SandboxServer, caller: Caller, sent: bytes, status: bytes
) -> None:
    answer = answer_to(sandbox, sent)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b'"}}')
    assert sandbox.world.created == {}
    assert caller.read(caller.create()).status == 200


@pytest.mark.parametrize("sent", [b"", b"\r\n", POST + b"Content-Length: 50\r\n\r\n{"])
def test_a_client_that_breaks_off_gets_nothing_and_makes_nothing(
    sandbox: SandboxServer, caller: Caller, sent: bytes
) -> None:
    assert answer_to(sandbox, sent) == b""
    assert sandbox.world.created == {}
    assert caller.read(caller.create()).status == 200


def test_a_body_with_a_get_is_not_taken_for_the_next_request(sandbox: SandboxServer) -> None:
    smuggled = b"GET /two HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = b"GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(smuggled) + smuggled
    assert answer_to(sandbox, sent).count(b"HTTP/1.1 404") == 1


def test_two_requests_sent_at_once_are_answered_in_order(sandbox: SandboxServer) -> None:
    one = b"GET /api/v1/runs/run_1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-1\r\n\r\n"
    two = b"GET /api/v1/runs HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = answer_to(sandbox, one + two)
    assert 0 <= answer.find(b"run_not_found") < answer.find(b"method_not_allowed")


def test_it_prints_nothing(sandbox: SandboxServer, caller: Caller, capfd: pytest.CaptureFixture[str]) -> None:
    caller.read(caller.create())
    answer_to(sandbox, b"garbage\r\n\r\n")
    with socket.create_connection(address_of(sandbox)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(POST + b"Content-Length: 50\r\n\r\n{")
    sandbox.stop()
    assert capfd.readouterr() == ("", "")


def test_stopping_closes_kept_connections_and_their_threads() -> None:
    before = set(threading.enumerate())
    with (
        SandboxServer(WorldSettings()) as sandbox,
        closing(HTTPConnection(*address_of(sandbox), timeout=TEST_TIMEOUT_S)) as connection,
    ):
        Caller(connection).create()
        sandbox.stop()
        assert set(threading.enumerate()) <= before
        with pytest.raises(OSError, match=r".*"):
            Caller(connection).create()


def test_stopping_twice_or_without_a_start_is_fine() -> None:
    sandbox = SandboxServer(WorldSettings())
    sandbox.stop()
    sandbox.stop()
    with pytest.raises(ConnectionRefusedError), closing(HTTPConnection(*address_of(sandbox))) as connection:
        Caller(connection).create()


def test_it_serves_in_the_foreground_until_it_is_stopped() -> None:
    sandbox = SandboxServer(WorldSettings())
    foreground = threading.Thread(target=sandbox.serve_forever)
    foreground.start()
    with closing(HTTPConnection(*address_of(sandbox), timeout=TEST_TIMEOUT_S)) as connection:
        caller = Caller(connection)
        assert caller.read(caller.create()).status == 200
    sandbox.stop()
    foreground.join(TEST_TIMEOUT_S)
    assert not foreground.is_alive()


def test_a_port_can_be_chosen_and_a_taken_one_is_an_os_error() -> None:
    with SandboxServer(WorldSettings()) as first, pytest.raises(OSError, match="in use"):
        SandboxServer(WorldSettings(), port=address_of(first)[1])


@pytest.mark.parametrize(
    "wrong", [{"host": "0.0.0.0"}, {"host": "192.0.2.1"}, {"host": "x"}, {"speed": 0}, {"latency_s": -1}]
)
def test_it_listens_on_loopback_only_and_refuses_nonsense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"loopback|Expected|must"):
        SandboxServer(WorldSettings(), **wrong)  # type: ignore[arg-type]


def test_a_head_is_answered_without_a_single_byte_of_body(sandbox: SandboxServer) -> None:
    answer = answer_to(sandbox, b"HEAD /files/generated/none.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404")
    assert answer.endswith(b"\r\n\r\n")

"""Where a create failed decides what is known of it: TLS, proxies; and where the key may be seen."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from hailuo_batch.adapters.http.dialing import _classify_certificate_error
from hailuo_batch.adapters.runbase import Client, Timeouts
from hailuo_batch.adapters.runbase.fields import redact
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome
from hailuo_batch.core.model.obstacles import Obstacle
from hailuo_batch.errors import AccountError
from tests.helpers import http
from tests.helpers.http import CERTIFICATE, LoopbackServer, Peer
from tests.helpers.proxy import tunnel_to
from tests.helpers.timeouts import TEST_TIMEOUT_S

KEY = "sk-very-secret-0123456789"
PATIENT = Timeouts(connect_s=TEST_TIMEOUT_S, read_s=TEST_TIMEOUT_S, total_s=TEST_TIMEOUT_S)
SHORT = Timeouts(connect_s=0.5, read_s=0.5, total_s=1)
RUN = http.answer(200, {"id": "run_1", "costUsd": 40000})
CREATED = ev.RunCreated("run_1", 40000)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def create(url: str, timeouts: Timeouts = PATIENT) -> CreateOutcome:
    return Client(url, KEY, timeouts).create_run("hailuo/pro", "{}")


@pytest.mark.usefixtures("_trusted")
def test_verified_tls_carries_a_create() -> None:
    with LoopbackServer(RUN, tls=True) as server:
        assert create(server.url) == CREATED


@pytest.mark.usefixtures("_trusted")
def test_reads_share_a_tls_connection() -> None:
    with LoopbackServer(http.answer(200, {"id": "run_1", "status": "pending"}), tls=True) as server:
        client = Client(server.url, KEY, PATIENT)
        assert [client.read_run("run_1") for _ in range(3)] == [ev.RunQueued()] * 3
        client.close()
    assert server.connections == 1


def test_certificate_that_is_not_trusted_is_not_sent() -> None:
    with LoopbackServer(RUN, tls=True) as server:
        outcome = create(server.url)
    assert isinstance(outcome, ev.CreateNotSent)
    assert "certificate is not trusted" in outcome.reason
    assert server.requests == []


@pytest.mark.usefixtures("_trusted")
def test_certificate_for_another_name_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(RUN, tls=True) as server, LoopbackServer(tunnel_to(server.address)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        outcome = create("https://other.example.test")
    assert isinstance(outcome, ev.CreateNotSent)
    assert "its certificate is for another host name" in outcome.reason
    assert server.requests == []


def test_server_that_speaks_no_tls_is_not_sent() -> None:
    for before in (lambda peer: peer.send(b"HTTP/1.1 400 Bad\r\n\r\n"), Peer.end, Peer.reset, Peer.wait_until_gone):
        with LoopbackServer(RUN, before=before) as server:
            outcome = create(server.url.replace("http:", "https:"), SHORT)
        assert isinstance(outcome, ev.CreateNotSent)
        assert server.requests == []


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("act", [http.garble_tls, http.close, http.reset, http.silence])
def test_tls_that_breaks_after_the_handshake_leaves_the_create_in_doubt(act: http.Act) -> None:
    with LoopbackServer(act, tls=True) as server:
        outcome = create(server.url, Timeouts(connect_s=TEST_TIMEOUT_S, read_s=0.5, total_s=TEST_TIMEOUT_S))
    assert isinstance(outcome, ev.CreateUnanswered)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("_trusted")
def test_garbled_tls_is_an_ssl_error_and_yet_not_a_handshake() -> None:
    with LoopbackServer(http.garble_tls, tls=True) as server:
        context = ssl.create_default_context()
        with context.wrap_socket(socket.create_connection(server.address), server_hostname="localhost") as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(ssl.SSLError):
                sock.recv(1)


@pytest.mark.usefixtures("_trusted")
def test_create_goes_through_the_tunnel_of_the_environments_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(RUN, tls=True) as server, LoopbackServer(tunnel_to(server.address)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//us%40er:pass@"))
        assert create("https://api.example.test/api/v1") == CREATED
    [connect] = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", "api.example.test:443")
    assert connect.headers["proxy-authorization"] == "Basic dXNAZXI6cGFzcw=="
    assert "authorization" not in connect.headers
    assert server.requests[0].headers["host"] == "api.example.test"


@pytest.mark.usefixtures("_trusted")
def test_create_goes_through_a_tunnel_of_a_proxy_that_speaks_tls_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(RUN, tls=True) as server, LoopbackServer(tunnel_to(server.address), tls=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert create("https://api.example.test/api/v1") == CREATED
    assert proxy.requests[0].target == "api.example.test:443"
    assert server.requests[0].headers["host"] == "api.example.test"


def test_proxy_whose_own_certificate_is_not_trusted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(http.silence, tls=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        outcome = create("https://api.example.test/api/v1")
    assert isinstance(outcome, ev.CreateNotSent)
    assert f"the proxy 127.0.0.1:{proxy.address[1]} (HTTPS_PROXY) cannot be used: its certificate" in outcome.reason
    assert proxy.requests == []


@pytest.mark.usefixtures("_trusted")
def test_interim_answer_of_a_proxy_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(RUN, tls=True) as server:
        tunnel = tunnel_to(server.address)

        def act(peer: Peer, request: http.Request) -> None:
            peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            tunnel(peer, request)

        with LoopbackServer(act) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            assert create("https://api.example.test/api/v1") == CREATED


@pytest.mark.parametrize(("code", "words"), [(9, "not yet valid"), (10, "has expired")])
def test_certificate_at_the_wrong_time_speaks_of_the_clock(code: int, words: str) -> None:
    error = ssl.SSLCertVerificationError(words)
    error.verify_code, error.verify_message = code, f"certificate {words}"
    assert _classify_certificate_error(error) == (
        Obstacle.CERTIFICATE_DATE,
        f"its certificate has expired or is not valid yet (certificate {words})",
    )


@pytest.mark.parametrize(
    "act", [http.answer(502, b""), http.answer(407, b""), http.close, http.reset, http.silence, http.raw(b"garbage")]
)
def test_tunnel_that_never_stood_is_not_sent(act: http.Act, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(act) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert isinstance(create("https://api.example.test", SHORT), ev.CreateNotSent)
    assert KEY not in str(proxy.requests)


@pytest.mark.usefixtures("_trusted")
def test_tunnel_that_breaks_after_the_request_leaves_the_create_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(http.close, tls=True) as server, LoopbackServer(tunnel_to(server.address)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert isinstance(create("https://api.example.test"), ev.CreateUnanswered)


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "http://", "http://[::1"])
def test_proxy_that_cannot_be_used_is_not_sent_and_not_gone_round(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    assert isinstance(create("https://api.example.test"), ev.CreateNotSent)


@pytest.mark.usefixtures("_trusted")
def test_loopback_and_what_no_proxy_names_are_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    with http.refusing_port() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        with LoopbackServer(RUN) as plain, LoopbackServer(RUN, tls=True) as secure:
            assert create(plain.url) == CREATED
            assert create(secure.url) == CREATED
        monkeypatch.setenv("NO_PROXY", "name.invalid")
        outcome = create("https://name.invalid")
    assert isinstance(outcome, ev.CreateNotSent)
    assert "cannot be resolved" in outcome.reason


ESCAPED = "".join(f"\\u{ord(char):04x}" for char in KEY)
SPELLINGS = [
    KEY,
    ESCAPED,
    ESCAPED.replace("\\", "\\\\"),
    "\\u0073" + KEY[1:],
    KEY.upper(),
    quote(KEY.replace("-", " ")).replace("%20", "%2D"),
    "".join(f"%{ord(char):02x}" for char in KEY),
    "".join(f"%25{ord(char):02X}" for char in KEY),
    "".join(f"&#{ord(char)};" for char in KEY),
    "".join(f"&amp;#x{ord(char):X};" for char in KEY),
    "".join(f"\\\\x{ord(char):02x}" for char in KEY),
]


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_key_that_a_server_echoes_is_struck_out_in_every_spelling(spelled: str) -> None:
    body = f'{{"error": {{"code": "{spelled}", "message": "wrong key {spelled} or {KEY}"}}}}'
    with LoopbackServer(http.answer(401, body)) as server:
        outcome = create(server.url)
    assert isinstance(outcome, ev.CreateRefused)
    assert (outcome.code, outcome.message) == ("[API key]", "wrong key [API key] or [API key]")


@pytest.mark.parametrize("spelled", [spelled.replace("\\\\", "\\") for spelled in SPELLINGS])
@pytest.mark.parametrize(
    "act",
    [
        lambda spelled: http.answer(403, f"<html><title>no {spelled}</title></html>", content_type="text/html"),
        lambda spelled: http.answer(403, f"no access for {spelled}", content_type="text/plain"),
        lambda spelled: http.answer(302, b"", headers={"Location": f"https://login.example/?key={spelled}"}),
        lambda spelled: http.answer(422, f"{'x' * 290}{spelled}", content_type="text/plain"),
        lambda spelled: http.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * 288}{spelled}, 1\r\n\r\n".encode()),
    ],
)
def test_key_in_an_answer_that_is_not_the_apis_is_struck_out(spelled: str, act: Callable[[str], http.Act]) -> None:
    with LoopbackServer(act(spelled)) as server:
        outcome = create(server.url)
    assert isinstance(outcome, ev.CreateUnanswered)
    assert KEY[:12].lower() not in outcome.reason.lower()
    assert spelled[:12] not in outcome.reason


def test_looking_for_the_key_takes_no_time_whatever_comes() -> None:
    began = time.process_time()
    for text in (
        "\\" * 500_000,
        "%25" * 300_000,
        "&amp;" * 200_000,
        "&#" + "0" * 900_000,
        "s" * 900_000,
        KEY[:-1] * 30_000,
    ):
        redact(text, [KEY])
    assert time.process_time() - began < TEST_TIMEOUT_S


@pytest.mark.parametrize(
    "head", [f"HTTP/1.1 {KEY}\r\n\r\n", f"{KEY}\r\n\r\n", f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}, 1\r\n\r\n"]
)
def test_key_in_a_broken_head_is_struck_out(head: str) -> None:
    with LoopbackServer(http.raw(head.encode())) as server:
        outcome = create(server.url)
    assert isinstance(outcome, ev.CreateUnanswered)
    assert KEY not in outcome.reason


def test_key_is_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with LoopbackServer(RUN) as server:
        client = Client(server.url, KEY, PATIENT)
        client.create_run("hailuo/pro", "{}")
        client.read_run("run_1")
        client.close()
    assert KEY not in caplog.text + repr(client) + str(client)


@pytest.mark.parametrize("key", ["", "sk-a b", "sk-a\n", "sk-\xe4", "sk-a\r\nX-Evil: 1", "s" * 513])
def test_key_that_cannot_be_one_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(AccountError, match="nothing was paid") as caught:
        Client("https://runbase.net/api/v1", key)
    assert not key or key not in str(caught.value)

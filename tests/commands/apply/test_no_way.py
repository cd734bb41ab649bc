"""`apply` and `resolve` where no connection comes to stand: what lasts is told at the first try, with its remedy."""

from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from tests.helpers import http
from tests.helpers.command_line import KEY, CommandResult, Shell
from tests.helpers.http import CERTIFICATE, LoopbackServer, refusing_port
from tests.helpers.proxy import tunnel_to

API = "https://api.example.test/api/v1"
NEVER = http.answer(500, b"")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", KEY)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


def stopped(shell: Shell, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Applies, which must stop with nothing sent. Gives what it said, on one line."""
    monkeypatch.setenv("RUNBASE_BASE_URL", url)
    ended = shell("apply")
    assert ended.code is ExitCode.UNFINISHED
    printed = flat(ended)
    assert printed.count("Stopped: ") == 1
    assert "Nothing was sent, nothing was paid" in printed
    assert KEY not in printed
    assert "3 waiting" in shell("status").out
    return printed


def flat(ended: CommandResult) -> str:
    return " ".join(ended.err.split())


def test_a_certificate_that_nobody_trusted_has_signed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(NEVER, tls=True) as server:
        printed = stopped(shell, server.url, monkeypatch)
    assert server.connections == 1
    assert server.url.removeprefix("https://") in printed
    assert "its certificate is not trusted (self-signed certificate)" in printed
    assert "set SSL_CERT_FILE" in printed


def test_a_certificate_for_another_name(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with LoopbackServer(NEVER, tls=True) as server, LoopbackServer(tunnel_to(server.address)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        printed = stopped(shell, "https://other.example.test/api/v1", monkeypatch)
    assert "no connection to other.example.test: its certificate is for another host name" in printed
    assert "RUNBASE_BASE_URL" in printed


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_of_certificates_that_is_no_use(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with LoopbackServer(NEVER, tls=True) as server:
        printed = stopped(shell, server.url, monkeypatch)
    assert f"SSL_CERT_FILE is {file}, which" in printed
    assert ("no such file or directory" in printed) is (content is None)


def test_a_server_that_speaks_no_tls(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(NEVER, before=lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)) as server:
        printed = stopped(shell, server.url.replace("http:", "https:"), monkeypatch)
    assert "does not speak TLS" in printed


def test_a_name_that_does_not_resolve(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = stopped(shell, "https://api.invalid/v1", monkeypatch)
    assert "no connection to api.invalid: the host name cannot be resolved" in printed
    assert "RUNBASE_BASE_URL" in printed


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_that_requires_a_password_and_the_variable_that_names_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with LoopbackServer(http.answer(407, b"", headers={"Proxy-Authenticate": "Basic"})) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("//", "//user:hunter2@"))
        printed = stopped(shell, API, monkeypatch)
    assert len(proxy.requests) == 1
    assert f"the proxy 127.0.0.1:{proxy.address[1]} ({variable})" in printed
    assert f"HTTP 407). Nothing was sent, nothing was paid. Add name and password to {variable}" in printed
    assert "hunter2" not in printed


@pytest.mark.parametrize("status", [403, 302, 405])
def test_a_proxy_that_lets_nobody_through(shell: Shell, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with LoopbackServer(http.answer(status, b"no")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        printed = stopped(shell, API, monkeypatch)
    assert f"did not connect: it answered HTTP {status}" in printed
    assert "HTTPS_PROXY and NO_PROXY" in printed


def test_a_proxy_that_is_not_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_port() as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        printed = stopped(shell, API, monkeypatch)
    assert f"the proxy 127.0.0.1:{port} (https_proxy) cannot be reached: connection refused" in printed
    assert "Check https_proxy" in printed


def test_a_proxy_whose_name_does_not_resolve(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    printed = stopped(shell, API, monkeypatch)
    assert "the proxy proxy.invalid:3128 (HTTPS_PROXY) cannot be reached: the host name cannot be resolved" in printed


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("socks5://user:hunter2@127.0.0.1:1", "is a SOCKS proxy, but only http:// and https:// are supported"),
        ("socks5h://127.0.0.1:1", "is a SOCKS proxy"),
        ("http://", "is not a valid proxy URL"),
        ("http://[::1", "is not a valid proxy URL"),
    ],
)
def test_a_proxy_that_cannot_be_used(shell: Shell, monkeypatch: pytest.MonkeyPatch, url: str, fault: str) -> None:
    monkeypatch.setenv("ALL_PROXY", url)
    printed = stopped(shell, API, monkeypatch)
    assert f"ALL_PROXY {fault}" in printed
    assert "Set ALL_PROXY to a URL like http://HOST:PORT" in printed
    assert "hunter2" not in printed


def test_a_certificate_that_a_proxy_shows_in_the_servers_place(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(NEVER, tls=True) as server, LoopbackServer(tunnel_to(server.address)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        printed = stopped(shell, API, monkeypatch)
    assert "its certificate is not trusted" in printed
    assert f"through the proxy 127.0.0.1:{proxy.address[1]} (HTTPS_PROXY)" in printed


def test_resolve_prints_the_same_reason_and_remedy(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(peer: http.Peer, request: http.Request) -> None:
        body = {"error": {"code": "run_not_found", "message": "no such run"}}
        (http.close if request.method == "POST" else http.answer(404, body))(peer, request)

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with LoopbackServer(vanish, tls=True) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
        monkeypatch.delenv("SSL_CERT_FILE")
        ended = shell("resolve", "desk", "--run-id", "run_1")
    assert ended.code is ExitCode.UNFINISHED
    assert "its certificate is not trusted (self-signed certificate)" in flat(ended)
    assert "Nothing was changed. If a proxy or firewall" in flat(ended)
    assert "SSL_CERT_FILE" in flat(ended)

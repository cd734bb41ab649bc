"""The way to the API: certificates, proxies, addresses, what answers there, and what time it has."""

from email.utils import formatdate
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.doctor.conftest import Ask
from tests.commands.doctor.readings import commands, findings, said, typed
from tests.helpers import http
from tests.helpers.command_line import KEY
from tests.helpers.http import CERTIFICATE, LoopbackServer, refusing_port
from tests.helpers.proxy import tunnel_to

API = "https://api.example.test/api/v1"
UNKNOWN = {"error": {"code": "run_not_found", "message": "No such run"}}
KNOWN = http.answer(404, UNKNOWN)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", KEY)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_an_untrusted_certificate_and_the_variable_that_others_use_for_it(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(KNOWN, tls=True) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        ended = ask()
        assert ended.code is ExitCode.UNFINISHED
        assert "not trusted (self-signed certificate)" in said(ended, "problem", "connection")
        assert "set SSL_CERT_FILE to a file with its CA" in said(ended, "problem", "connection")
        assert server.requests == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
        [command] = [line for line in commands(ask()) if "SSL_CERT_FILE" in line]
        monkeypatch.setenv("SSL_CERT_FILE", typed(command, "SSL_CERT_FILE"))
        assert ask().code is ExitCode.DONE


def test_a_file_of_certificates_that_is_not_there(ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with LoopbackServer(KNOWN, tls=True) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        ended = ask()
    assert "SSL_CERT_FILE is" in said(ended, "problem", "connection")
    assert typed(next(line for line in commands(ended) if "SSL" in line), "SSL_CERT_FILE") == ""


def test_a_proxy_that_wants_a_password(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_BASE_URL", API)
    with LoopbackServer(http.answer(407, b"", headers={"Proxy-Authenticate": "Basic"})) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:hunter2@"))
        ended = ask()
    assert ended.code is ExitCode.UNFINISHED
    assert "HTTP 407" in said(ended, "problem", "connection")
    assert "Add name and password to HTTPS_PROXY" in said(ended, "problem", "connection")
    assert "through the proxy of HTTPS_PROXY" in said(ended, "note", "proxy")
    assert "hunter2" not in ended.out


def test_a_proxy_that_is_not_there(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_BASE_URL", API)
    with refusing_port() as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        printed = said(ask(), "problem", "connection")
    assert f"The proxy 127.0.0.1:{port} (https_proxy) cannot be reached" in printed or "cannot be reached" in printed
    assert "Check https_proxy, or set NO_PROXY" in printed


def test_a_proxy_for_plain_http_alone_has_no_effect_and_the_right_variable_has(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBASE_BASE_URL", "https://localhost.invalid/v1")
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with LoopbackServer(KNOWN, tls=True) as server, LoopbackServer(tunnel_to(server.address)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        ended = ask()
        assert "HTTP_PROXY is set, but has no effect on https" in said(ended, "warning", "proxy")
        [command] = [line for line in commands(ended) if "HTTPS_PROXY" in line]
        monkeypatch.setenv("HTTPS_PROXY", typed(command, "HTTPS_PROXY"))
        ended = ask()
        assert ("warning", "proxy") not in findings(ended)
        assert len(proxy.requests) == 1


def test_a_host_that_no_proxy_takes_out(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBASE_BASE_URL", "https://api.invalid/v1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", ".invalid")
    assert "NO_PROXY takes api.invalid out of HTTPS_PROXY" in said(ask(), "note", "proxy")


@pytest.mark.parametrize("status", [200, 302, 404])
def test_somebody_else_who_answers(ask: Ask, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    page = http.answer(status, "<html><title>Welcome to our Wi-Fi</title>", content_type="text/html")
    with LoopbackServer(page) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        ended = ask()
    assert ended.code is ExitCode.UNFINISHED
    assert "does not answer like the API" in said(ended, "problem", "connection")
    assert "unset RUNBASE_BASE_URL" in commands(ended)
    assert ("ok", "clock") not in findings(ended)


def test_an_api_that_is_down(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackServer(http.answer(503, b"")) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        ended = ask()
    assert "gave no usable answer" in said(ended, "problem", "connection")


@pytest.mark.parametrize(
    "url", ["http://example.com/v1", "https://user:hunter2@example.com", "runbase.net", "https://a b"]
)
def test_an_address_that_cannot_be_one(ask: Ask, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("RUNBASE_BASE_URL", url)
    ended = ask()
    assert ended.code is ExitCode.USAGE
    assert "RUNBASE_BASE_URL" in said(ended, "problem", "address")
    assert "hunter2" not in ended.out
    assert typed(next(line for line in commands(ended) if "BASE_URL" in line), "RUNBASE_BASE_URL") == ""


def test_another_address_than_runbase_is_told(ask: Ask, api: SandboxServer) -> None:
    assert "on this machine, and not to Runbase" in said(ask(), "note", "address")


@pytest.mark.parametrize(("limit", "level"), [("40/10s", "warning"), ("fast", "problem"), ("5/10s", "ok")])
def test_the_rate_limit(ask: Ask, api: SandboxServer, monkeypatch: pytest.MonkeyPatch, limit: str, level: str) -> None:
    monkeypatch.setenv("RUNBASE_RATE_LIMIT", limit)
    ended = ask()
    assert said(ended, level, "rate limit")
    assert ended.code is (ExitCode.USAGE if level == "problem" else ExitCode.DONE)
    assert (level == "ok") or typed("unset RUNBASE_RATE_LIMIT", "RUNBASE_RATE_LIMIT") == ""


@pytest.mark.parametrize(
    ("ahead_s", "words"), [(0, "the same time"), (240, "the same time"), (400, "ahead of"), (-4000, "behind")]
)
def test_a_clock_that_is_off_by_more_than_five_minutes(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, ahead_s: float, words: str
) -> None:
    date = formatdate(Clock().wall() - ahead_s, usegmt=True)
    with LoopbackServer(http.answer(404, UNKNOWN, headers={"Date": date})) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        ended = ask()
    is_off = abs(ahead_s) > 300
    assert words in said(ended, "warning" if is_off else "ok", "clock")
    assert ended.code is ExitCode.DONE


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 9999 99:99:99 GMT"])
def test_a_time_that_cannot_be_read_says_nothing(ask: Ask, monkeypatch: pytest.MonkeyPatch, date: str) -> None:
    with LoopbackServer(http.answer(404, UNKNOWN, headers={"Date": date})) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.url)
        ended = ask()
    assert "clock" not in [subject for _, subject in findings(ended)]
    assert ended.code is ExitCode.DONE

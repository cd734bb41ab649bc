"""Where a link may lead, redirects included, and which extension a file gets."""

import _socket
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.download.file_names import hinted_extension
from hailuo_batch.adapters.download.links import BadLinkError, parse_link, resolve_host
from hailuo_batch.adapters.http.origin import Origin
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import FetchOutcome
from tests.helpers import http
from tests.helpers.http import LoopbackServer
from tests.helpers.mp4 import clip

VIDEO = http.answer(200, clip(b"light"), content_type="video/mp4")


def fetch(out: Path, url: str, *, allow_loopback: bool = True) -> FetchOutcome:
    return Downloader(out, allow_loopback=allow_loopback).fetch(url, "hero", 0, lambda: False)


def to(location: str) -> http.Act:
    return http.answer(302, b"moved", headers={"Location": location, "Set-Cookie": "a=b"})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hero.mp4",
        "/files/hero.mp4",
        "file:///etc/passwd",
        "ftp://runbase.net/a.mp4",
        "javascript:alert(1)",
        "data:video/mp4;base64,AAAA",
        "http://runbase.net/a.mp4",
        "http://127.0.0.1.example.com/a.mp4",
        "https://user:secret@runbase.net/a.mp4",
        "https://",
        "https://[::1/",
        "https://a:99999/",
    ],
)
def test_link_to_anything_but_https_is_not_followed(url: str) -> None:
    with pytest.raises(BadLinkError):
        parse_link(url, allow_loopback=True)


def test_plain_http_is_for_this_machine_and_only_where_it_is_allowed() -> None:
    assert parse_link("http://127.0.0.1:8000/a b.mp4?x=1#y", allow_loopback=True).target == "/a%20b.mp4?x=1"
    with pytest.raises(BadLinkError):
        parse_link("http://127.0.0.1:8000/a.mp4", allow_loopback=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "::7f00:1",
        "::ffff:0:a00:1",
        "fec0::1",
        "fe80::1%eth0",
    ],
)
def test_link_to_an_address_that_is_not_public_is_not_followed(host: str) -> None:
    with pytest.raises(BadLinkError, match="no public address"):
        resolve_host(Origin("https", host, 443), allow_loopback=False)


@pytest.mark.parametrize("host", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:808:808"])
def test_public_address_is_followed(host: str) -> None:
    assert resolve_host(Origin("https", host, 443), allow_loopback=False) == (str(ip_address(host)),)


@pytest.mark.parametrize("host", ["10.1.2.3", "169.254.169.254", "::ffff:192.168.0.1"])
def test_allowing_loopback_allows_no_other_private_address(host: str) -> None:
    with pytest.raises(BadLinkError, match="no public address"):
        resolve_host(Origin("https", host, 443), allow_loopback=True)


def names_lead_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name but those of this machine has this address."""
    real = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **options: Any) -> Any:
        return real(host if host == "127.0.0.1" else address, *rest, **options)

    monkeypatch.setattr("socket.getaddrinfo", resolve)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_name_of_this_machine_is_not_connected_to_for_a_public_api(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_lead_to(address, monkeypatch)
    with LoopbackServer(VIDEO, tls=True) as server:
        outcome = fetch(tmp_path, f"https://cdn.example.com:{server.address[1]}/a.mp4", allow_loopback=False)
    assert isinstance(outcome, ev.FetchFailed)
    assert outcome.reason == "the link leads to cdn.example.com, which is no public address"
    assert server.connections == 0


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "::ffff:10.0.0.7", "fe80::1"])
def test_redirect_to_a_name_of_a_private_address_is_not_followed(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_lead_to(address, monkeypatch)
    with LoopbackServer(to("https://cdn.example.com/a.mp4")) as server:
        outcome = fetch(tmp_path, server.url)
    assert isinstance(outcome, ev.FetchFailed)
    assert outcome.reason == "the link leads to cdn.example.com, which is no public address"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spelled", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "10.1"])
def test_address_in_an_old_spelling_is_looked_at_as_what_it_means(
    spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", _socket.getaddrinfo)
    with pytest.raises(BadLinkError, match="no public address"):
        resolve_host(Origin("https", spelled, 443), allow_loopback=False)


def test_server_whose_certificate_is_not_trusted_is_asked_for_nothing(tmp_path: Path) -> None:
    with LoopbackServer(VIDEO, tls=True) as server:
        outcome = fetch(tmp_path, f"{server.url}/a.mp4")
    assert isinstance(outcome, ev.FetchFailed)
    assert "certificate" in outcome.reason
    assert server.requests == []


def test_only_public_addresses_of_a_name_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (address, 443)) for address in ("10.0.0.1", "8.8.8.8", "8.8.8.8", "127.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    assert resolve_host(Origin("https", "cdn.example.com", 443), allow_loopback=False) == ("8.8.8.8",)


def test_behind_a_proxy_names_are_left_to_it_but_literal_addresses_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert resolve_host(Origin("https", "cdn.example.com", 443), allow_loopback=False) == (None,)
    with pytest.raises(BadLinkError):
        resolve_host(Origin("https", "10.0.0.1", 443), allow_loopback=False)


def test_loopback_link_of_a_public_api_sends_nothing(tmp_path: Path) -> None:
    with LoopbackServer(VIDEO, tls=True) as server:
        outcome = fetch(tmp_path, f"{server.url}/a.mp4", allow_loopback=False)
    assert isinstance(outcome, ev.FetchFailed)
    assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed_without_cookies(status: int, tmp_path: Path) -> None:
    redirect = http.answer(status, b"moved", headers={"Location": "../b.webm?x=1", "Set-Cookie": "a=b"})
    webm = http.answer(200, b"clip", content_type="application/octet-stream")
    with LoopbackServer(redirect, webm) as server:
        outcome = fetch(tmp_path, f"{server.url}/files/a.mp4")
    assert isinstance(outcome, ev.FileSaved)
    assert outcome.path == "hero.webm"
    assert [request.target for request in server.requests] == ["/files/a.mp4", "/b.webm?x=1"]
    assert not {"cookie", "authorization", "referer"} & set(server.requests[1].headers)


def test_five_redirects_are_followed_and_a_sixth_is_not(tmp_path: Path) -> None:
    with LoopbackServer(*[to("/next")] * 5, VIDEO) as server:
        assert isinstance(fetch(tmp_path, server.url), ev.FileSaved)
    with LoopbackServer(to("/next")) as server:
        assert isinstance(fetch(tmp_path, server.url), ev.FetchFailed)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "location", ["http://runbase.net/a.mp4", "https://169.254.169.254/latest", "file:///etc/passwd", "https://[bad"]
)
def test_redirect_may_lead_nowhere_that_a_link_may_not(location: str, tmp_path: Path) -> None:
    with LoopbackServer(to(location)) as server:
        outcome = fetch(tmp_path, server.url)
    assert isinstance(outcome, ev.FetchFailed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content_type", "path", "expected"),
    [
        ("video/mp4", "/a.webm", ".mp4"),
        ("Video/MP4; codecs=avc1", "/a", ".mp4"),
        ("video/webm", "/a.mp4", ".webm"),
        ("video/quicktime", "/a", ".mov"),
        ("image/png", "/a", ".png"),
        ("application/octet-stream", "/a.MP4", ".mp4"),
        ("", "/x/a.mkv?name=b.exe#c.sh", ".mkv"),
        ("", "/a.m%704", ".mp4"),
        ("", "/a", ".bin"),
        ("", "/a.", ".bin"),
        ("", "/.mp4", ".bin"),
        ("", "/a.toolong", ".bin"),
        ("", "/a.m-p", ".bin"),
        ("", "/a.mp4%2f..%2f..%2fetc", ".bin"),
        ("", "/a.mp\u0664", ".bin"),
        ("", "/a.html", ".bin"),
        ("", "/a.json", ".bin"),
        ("", "/a.part", ".bin"),
        ("", "/a.exe", ".bin"),
    ],
)
def test_extension_is_the_types_then_the_links_then_bin(content_type: str, path: str, expected: str) -> None:
    assert hinted_extension(content_type, f"https://runbase.net{path}") == expected


def test_file_name_of_the_server_is_of_no_interest(tmp_path: Path) -> None:
    act = http.answer(
        200, b"clip", content_type="", headers={"Content-Disposition": 'attachment; filename="../../x.sh"'}
    )
    with LoopbackServer(act) as server:
        outcome = fetch(tmp_path / "out", f"{server.url}/%2e%2e/%2e%2e/a.sh")
    assert isinstance(outcome, ev.FileSaved)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "hero.bin"]

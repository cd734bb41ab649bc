"""Which addresses a file may be fetched from: public ones, and none that is set aside for anything else.

The registries: https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry.
"""

from ipaddress import ip_address
from pathlib import Path

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.download.links import BadLinkError, resolve_host
from hailuo_batch.adapters.http.origin import Origin
from hailuo_batch.core.model import events as ev

SPECIAL = {
    "this network": ["0.0.0.0", "0.255.255.255"],
    "private": ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
    "shared by carriers": ["100.64.0.0", "100.127.255.255"],
    "loopback": ["127.0.0.1", "127.255.255.255"],
    "link local, and the clouds' metadata": ["169.254.0.0", "169.254.169.254", "169.254.255.255"],
    "protocol assignments": ["192.0.0.0", "192.0.0.7", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170"],
    "the last of them": ["192.0.0.171", "192.0.0.255"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1"],
    "AS112 and AMT": ["192.31.196.1", "192.52.193.1", "192.175.48.1"],
    "relays to 6to4": ["192.88.99.0", "192.88.99.1", "192.88.99.255"],
    "benchmarks": ["198.18.0.0", "198.19.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255"],
    "reserved": ["240.0.0.0", "255.255.255.254", "255.255.255.255"],
    "unspecified": ["::"],
    "loopback, IPv6": ["::1"],
    "IPv4 in old ways": ["::7f00:1", "::808:808", "::ffff:0:a00:1"],
    "IPv4-mapped": ["::ffff:10.0.0.1", "::ffff:192.0.0.8", "::ffff:127.0.0.1", "::ffff:100.64.0.1"],
    "NAT64 to what is not public": ["64:ff9b::a00:1", "64:ff9b::c000:8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"],
    "NAT64 of one's own": ["64:ff9b:1::808:808"],
    "discard": ["100::1", "100:0:0:1::1"],
    "Teredo": ["2001::1", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"],
    "protocol assignments, IPv6": ["2001:1::1", "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::1", "2001:20::1"],
    "the last of them, IPv6": ["2001:30::1", "2001:1ff:ffff::1"],
    "documentation, IPv6": ["2001:db8::1", "3fff::1", "3fff:fff:ffff::1"],
    "6to4": ["2002::1", "2002:7f00:1::", "2002:c000:8::1", "2002:808:808::1"],
    "AS112, IPv6": ["2620:4f:8000::1"],
    "segment routing": ["5f00::1"],
    "unique local": ["fc00::1", "fdff:ffff::1"],
    "link local, IPv6": ["fe80::1", "fe80::1%eth0", "febf::1"],
    "site local": ["fec0::1"],
    "multicast, IPv6": ["ff02::1", "ff0e::1"],
}
PUBLIC = {
    "neighbours": ["1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"],
    "more neighbours": ["128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0"],
    "and more": ["192.0.3.0", "192.88.98.1", "192.88.100.1", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
    "IPv6": ["2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2003::1", "3ffe::1", "2a00:1450::1"],
    "IPv4-mapped": ["::ffff:808:808"],
    "NAT64": ["64:ff9b::808:808"],
}


def cases(table: dict[str, list[str]]) -> list[str]:
    return [address for addresses in table.values() for address in addresses]


@pytest.mark.parametrize("host", cases(SPECIAL))
def test_what_is_set_aside_for_something_else_is_not_asked(host: str) -> None:
    with pytest.raises(BadLinkError, match="no public address"):
        resolve_host(Origin("https", host, 443), allow_loopback=False)


@pytest.mark.parametrize("host", cases(PUBLIC))
def test_what_is_public_may_be_asked(host: str) -> None:
    assert resolve_host(Origin("https", host, 443), allow_loopback=False) == (str(ip_address(host)),)


@pytest.mark.parametrize("host", cases(SPECIAL))
def test_where_the_api_is_on_this_machine_only_this_machine_is_asked_besides(host: str) -> None:
    if host in {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"}:
        assert len(resolve_host(Origin("https", host, 443), allow_loopback=True)) == 1
        return
    with pytest.raises(BadLinkError, match="no public address"):
        resolve_host(Origin("https", host, 443), allow_loopback=True)


@pytest.mark.parametrize("host", ["192.0.0.8", "[64:ff9b::c000:8]", "198.18.0.1", "[2002:a00:1::]"])
def test_a_link_to_such_an_address_is_asked_for_nothing(host: str, tmp_path: Path) -> None:
    outcome = Downloader(tmp_path, allow_loopback=False).fetch(f"https://{host}/a.mp4", "hero", 0, lambda: False)
    assert isinstance(outcome, ev.FetchFailed)
    assert "no public address" in outcome.reason


def test_what_a_name_leads_to_is_what_is_connected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is looked up again for the connection could lead elsewhere by then."""
    looked_up: list[str] = []
    connected: list[str] = []

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        return [(2, 1, 6, "", ("8.8.8.8", 443))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)

    def connect(_: object, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.socket.connect", connect)
    outcome = Downloader(tmp_path, allow_loopback=False).fetch("https://cdn.test/a.mp4", "hero", 0, lambda: False)
    assert isinstance(outcome, ev.FetchFailed)
    assert connected == ["8.8.8.8"]
    assert looked_up[0] == "cdn.test"
    assert set(looked_up[1:]) <= {"8.8.8.8"}

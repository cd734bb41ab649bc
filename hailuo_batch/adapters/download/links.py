"""Where a link may lead: https to public addresses, and to this machine only where the caller's API is here too.

A name is resolved here and the connection is made to the very address that was checked, so that it cannot change
in between. Behind a proxy it is the proxy that resolves; then only literal addresses can be checked.
"""

import ipaddress
import socket
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from hailuo_batch.adapters.download.addresses import Address, is_public, is_this_machine
from hailuo_batch.adapters.http.origin import DEFAULT_PORTS, Origin, proxy_url


class BadLinkError(Exception):
    """The link is not followed, or does not give a file. `gone` says that asking again would not help."""

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone


class UnknownHostError(BadLinkError):
    """The link's host has no address."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link taken apart: `target` is path and query, as sent; `url` is the whole in its normal spelling."""

    url: str
    origin: Origin
    target: str


def parse_link(url: str, *, allow_loopback: bool) -> Link:
    """Take a link apart. Raises BadLinkError for all but https, or http to this machine where that is allowed."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise BadLinkError("the link is no URL") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.host:
        raise BadLinkError("the link is no https:// URL")
    if parts.auth:
        raise BadLinkError("the link holds a user name or password")
    origin = Origin(parts.scheme, parts.host.strip("[]"), parts.port or DEFAULT_PORTS[parts.scheme])
    if origin.scheme == "http" and not (allow_loopback and origin.is_loopback):
        raise BadLinkError("the link is not encrypted (http, not https)")
    return Link(parts.url, origin, parts.request_uri)


def resolve_host(origin: Origin, *, allow_loopback: bool) -> tuple[str | None, ...]:
    """The addresses to try in turn, None standing for "as the proxy resolves it". Raises BadLinkError for none."""
    literal = _literal(origin.host)
    if literal is None and proxy_url(origin) is not None:
        return (None,)
    try:
        found = [literal] if literal else _lookup_addresses(origin)
    except (OSError, UnicodeError):
        raise UnknownHostError(f"the name {origin.host} cannot be resolved") from None
    allowed = tuple(
        str(address) for address in found if is_public(address) or (allow_loopback and is_this_machine(address))
    )
    if not allowed:
        raise BadLinkError(f"the link leads to {origin.host}, which is no public address")
    return allowed


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _lookup_addresses(origin: Origin) -> list[Address]:
    found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0])) for entry in found))

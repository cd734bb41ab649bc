"""Requests for a link: connects to an allowed address, asks, and follows a bounded number of redirects.

Sends no key, no cookie and no name but the program's own. Every hop is checked as the link itself is.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from urllib3.response import BaseHTTPResponse

from hailuo_batch.adapters.download.links import BadLinkError, Link, UnknownHostError, parse_link, resolve_host
from hailuo_batch.adapters.http.connection import Dialer, HttpTransport, NotConnected, request_headers
from hailuo_batch.adapters.http.timeouts import ExchangeTimer

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class TooManyRedirectsError(BadLinkError):
    """The link redirects more often than we follow."""


@dataclass(frozen=True, slots=True)
class LinkRules:
    """Where a link and its redirects may lead beyond https to public addresses.

    `allow_loopback` admits this machine. `private_host` is the one host that may have any address, empty for none; it
    loses that right once a redirect has led anywhere else.
    """

    max_redirects: int
    allow_loopback: bool = False
    private_host: str = ""


@contextmanager
def open_link(
    dialer: Dialer, method: str, url: str, headers: Mapping[str, str], timer: ExchangeTimer, rules: LinkRules
) -> Iterator[tuple[Link, BaseHTTPResponse]]:
    """Request the link, and what it redirects to, and give the final link and its response with an unread body.

    `headers` are added to the program's own. Raises BadLinkError, NotConnected, Cancelled and CONNECTION_ERRORS.
    """
    private_host = rules.private_host.lower()
    for _ in range(rules.max_redirects + 1):
        # rule host_trusted
        if private_host and (urlsplit(url).hostname or "").lower() != private_host:
            private_host = ""  # else a stranger's server could send us to the user's own network
        link = parse_link(url, allow_loopback=rules.allow_loopback or bool(private_host))
        with closing(_dial(dialer, link, timer, rules, is_private=bool(private_host))) as transport:
            own_headers = request_headers(link.origin, "*/*", "close")
            response = transport.request(method, link.target, own_headers | dict(headers), None, timer)
            with closing(response):
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or location is None:
                    yield link, response
                    return
        url = urljoin(link.url, location)
    raise TooManyRedirectsError(f"the link redirects more than {rules.max_redirects} times")


def _dial(dialer: Dialer, link: Link, timer: ExchangeTimer, rules: LinkRules, *, is_private: bool) -> HttpTransport:
    """Connect to the first of the host's addresses that can be reached."""
    try:
        # rule private_addresses
        *others, last = resolve_host(link.origin, allow_loopback=rules.allow_loopback or is_private)
    except UnknownHostError:
        raise
    except BadLinkError:
        if not is_private:
            raise
        others, last = [], None
    for address in others:
        with suppress(NotConnected):
            return dialer.dial(link.origin, timer, address)
    return dialer.dial(link.origin, timer, last)

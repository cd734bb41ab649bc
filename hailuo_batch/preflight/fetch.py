"""A look at images on the web before anything is paid: as much of each as is needed to know whether it is one.

Asks HEAD, and where that leaves a question a GET for the first bytes. Sends no key, no cookie and no name but the
program's own; follows at most three redirects; leads to no private address but the host that its caller trusts.
Judges nothing: what an answer means is `core.image_check`'s. Reads local copies in the same measure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from threading import Event
from urllib.parse import urljoin, urlsplit

from urllib3.response import BaseHTTPResponse

from hailuo_batch import __version__
from hailuo_batch.adapters.download.links import BadLinkError, Link, UnknownHostError, parse_link, resolve_host
from hailuo_batch.adapters.http.connection import CONNECTION_ERRORS, Dialer, HttpTransport, NotConnected, describe_error
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import Cancelled, ExchangeTimer, Timeouts
from hailuo_batch.preflight.image_headers import ENOUGH_BYTES
from hailuo_batch.preflight.verdict import Fetched, FetchResult, ImageResponse, NotFetched, is_head_enough

# rule eight_at_once
MAX_CONCURRENT = 8
# rule most_redirects
MAX_REDIRECTS = 3
START_BYTES = 1 << 16
TIMEOUTS = Timeouts(connect_s=10.0, read_s=15.0, total_s=30.0)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_PART_OF = re.compile(r"bytes [0-9]{1,18}-[0-9]{1,18}/([0-9]{1,18})", re.ASCII | re.IGNORECASE)


class _TooManyRedirects(Exception):  # noqa: N818 - says what a link does, which is not our failure
    """The link redirects more often than is followed."""


class ImageFetcher:
    """Looks at images. Thread-safe.

    `trusted_host` is the one host whose address may be private, empty for none: the user's own, written in the
    manifest. A redirect from elsewhere does not make it trusted.
    """

    def __init__(self, trusted_host: str = "", timeouts: Timeouts = TIMEOUTS) -> None:
        self._trusted_host = trusted_host.lower()
        self._timeouts = timeouts
        self._dialer = Dialer(timeouts.connect_s)
        self._stopped = Event()
        self._results: dict[str, FetchResult] = {}

    def fetch_all(self, urls: Iterable[str], on_done: Callable[[], None]) -> Mapping[str, FetchResult]:
        """A look at each URL, at most AT_ONCE at a time; what was looked at before is remembered.

        `on_done` is called after each from the calling thread.
        """
        # rule distinct_images
        unique_urls = list(dict.fromkeys(urls))
        pool = ThreadPoolExecutor(MAX_CONCURRENT, "preflight")
        try:
            # rule remembered_images
            pending = {pool.submit(self._fetch, url): url for url in unique_urls if url not in self._results}
            for done in as_completed(pending):
                self._results[pending[done]] = done.result()
                # rule image_step
                on_done()
        except BaseException:
            self._stopped.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return {url: self._results[url] for url in unique_urls}

    def _fetch(self, url: str) -> FetchResult:
        try:
            head = self._request("HEAD", url)
            # rule head_else_get
            return Fetched(head) if is_head_enough(head) else Fetched(head, self._request("GET", url))
        except Cancelled:
            return NotFetched("was not looked at")
        except _TooManyRedirects:
            return NotFetched(f"redirects more than {MAX_REDIRECTS} times")
        except UnknownHostError as error:
            return NotFetched(f"cannot be fetched: {printable(str(error))}", fatal=True)
        except BadLinkError as error:
            return NotFetched(f"was not looked at: {printable(str(error))}")
        except NotConnected as error:
            return NotFetched(f"could not be looked at: {error}")
        except CONNECTION_ERRORS as error:
            return NotFetched(f"could not be looked at: {describe_error(error)}")

    def _request(self, method: str, url: str) -> ImageResponse:
        """The answer to the link, or to what it redirects to."""
        timer = ExchangeTimer(self._timeouts.read_s, self._timeouts.total_s, cancelled=self._stopped.is_set)
        trusted = bool(self._trusted_host)
        for _ in range(MAX_REDIRECTS + 1):
            # rule host_trusted
            trusted = trusted and (urlsplit(url).hostname or "").lower() == self._trusted_host
            link = parse_link(url, allow_loopback=trusted)
            with closing(self._dial(link, trusted, timer)) as transport:
                response = transport.request(method, link.target, _headers(link, method), None, timer)
                with closing(response):
                    location = response.headers.get("Location")
                    if response.status not in _REDIRECTS or location is None:
                        return _parse_response(method, response)
            url = urljoin(link.url, location)
        raise _TooManyRedirects

    def _dial(self, link: Link, trusted: bool, timer: ExchangeTimer) -> HttpTransport:
        *others, last = _addresses(link, trusted)
        for address in others:
            try:
                return self._dialer.dial(link.origin, timer, address)
            except NotConnected:
                continue
        return self._dialer.dial(link.origin, timer, last)


def _addresses(link: Link, trusted: bool) -> tuple[str | None, ...]:
    """The addresses to try in turn, None standing for whatever the name leads to."""
    try:
        # rule private_addresses
        return resolve_host(link.origin, allow_loopback=trusted)
    except UnknownHostError:
        raise
    except BadLinkError:
        if trusted:
            return (None,)
        raise


def read_local_copy(path: Path) -> tuple[bytes, int]:
    """The first bytes of a local copy, and its size in bytes. Raises OSError."""
    with path.open("rb") as file:
        # rule header_only
        start = file.read(ENOUGH_BYTES)
        return start, file.seek(0, 2)


def _headers(link: Link, method: str) -> dict[str, str]:
    # rule no_key
    headers = {
        "Host": link.origin.netloc,
        "User-Agent": f"hailuo-batch/{__version__}",
        "Accept": "image/*,*/*;q=0.8",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    # rule ranged_get
    return headers | ({"Range": f"bytes=0-{START_BYTES - 1}"} if method == "GET" else {})


def _parse_response(method: str, response: BaseHTTPResponse) -> ImageResponse:
    headers = response.headers
    is_plain = headers.get("Content-Encoding", "identity").strip().lower() in {"", "identity"}
    start = None
    if method == "GET" and response.status in {200, 206} and is_plain:
        start = _read_start(response)
    return ImageResponse(
        response.status, printable(headers.get("Content-Type", "")), _whole_size(response) if is_plain else None, start
    )


def _read_start(response: BaseHTTPResponse) -> bytes:
    data = b""
    # rule short_get
    while len(data) < START_BYTES and (piece := response.read(START_BYTES - len(data), decode_content=False)):
        data += piece
    return data


def _whole_size(response: BaseHTTPResponse) -> int | None:
    """The size of the whole file, where the server says it."""
    if response.status == 206:
        part = _PART_OF.fullmatch(response.headers.get("Content-Range", "").strip())
        return int(part[1]) if part else None
    text = response.headers.get("Content-Length", "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None

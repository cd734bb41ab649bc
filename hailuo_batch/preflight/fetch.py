"""Fetches as much of each image as is needed to judge it before anything is paid.

Asks HEAD, and where that leaves a question, GET for the first bytes. Sends no key, no cookie and no name but the
program's own; follows at most three redirects; reaches no private address but the host that the user named. Judges
nothing: `verdict` does.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event

from urllib3.response import BaseHTTPResponse

from hailuo_batch.adapters.download.follow import LinkRules, TooManyRedirectsError, open_link
from hailuo_batch.adapters.download.links import BadLinkError, UnknownHostError
from hailuo_batch.adapters.http.connection import CONNECTION_ERRORS, Dialer, NotConnected, describe_error
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import Cancelled, ExchangeTimer, Timeouts
from hailuo_batch.preflight.verdict import Fetched, FetchResult, ImageResponse, NotFetched, is_head_enough

# rule eight_at_once
MAX_CONCURRENT = 8
# rule most_redirects
MAX_REDIRECTS = 3
START_BYTES = 1 << 16
TIMEOUTS = Timeouts(connect_s=10.0, read_s=15.0, total_s=30.0)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_PART_OF = re.compile(r"bytes [0-9]{1,18}-[0-9]{1,18}/([0-9]{1,18})", re.ASCII | re.IGNORECASE)


class ImageFetcher:
    """Fetches images. Thread-safe.

    `trusted_host` is the one host whose address may be private, empty for none: the user wrote it in the manifest.
    """

    def __init__(self, trusted_host: str = "", timeouts: Timeouts = TIMEOUTS) -> None:
        self._link_rules = LinkRules(MAX_REDIRECTS, private_host=trusted_host)
        self._timeouts = timeouts
        self._dialer = Dialer(timeouts.connect_s)
        self._stopped = Event()
        self._results: dict[str, FetchResult] = {}

    def fetch_all(
        self, urls: Iterable[str], on_done: Callable[[], None], *, measured: Container[str] = ()
    ) -> Mapping[str, FetchResult]:
        """Fetch each URL, at most MAX_CONCURRENT at a time, and remember the results.

        `on_done` is called after each from the calling thread. `measured` are the URLs whose size in pixels matters, so
        that their first bytes are read in any case.
        """
        # rule distinct_images
        unique_urls = list(dict.fromkeys(urls))
        pool = ThreadPoolExecutor(MAX_CONCURRENT, "preflight")
        try:
            # rule remembered_images
            pending = {
                pool.submit(self._fetch, url, is_measured=url in measured): url
                for url in unique_urls
                if url not in self._results
            }
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

    def _fetch(self, url: str, *, is_measured: bool) -> FetchResult:
        try:
            head = self._request("HEAD", url)
            is_enough = is_head_enough(head) and not is_measured
            # rule head_else_get
            return Fetched(head) if is_enough else Fetched(head, self._request("GET", url))
        except Cancelled:
            return NotFetched("was not checked")
        except TooManyRedirectsError:
            return NotFetched(f"redirects more than {MAX_REDIRECTS} times")
        except UnknownHostError as error:
            return NotFetched(f"cannot be fetched: {printable(str(error))}", fatal=True)
        except BadLinkError as error:
            return NotFetched(f"was not checked: {printable(str(error))}")
        except NotConnected as error:
            return NotFetched(f"could not be checked: {error}")
        except CONNECTION_ERRORS as error:
            return NotFetched(f"could not be checked: {describe_error(error)}")

    def _request(self, method: str, url: str) -> ImageResponse:
        timer = ExchangeTimer(self._timeouts.read_s, self._timeouts.total_s, cancelled=self._stopped.is_set)
        # rule no_key
        # rule ranged_get
        headers = {"Accept": "image/*,*/*;q=0.8"} | ({"Range": f"bytes=0-{START_BYTES - 1}"} if method == "GET" else {})
        with open_link(self._dialer, method, url, headers, timer, self._link_rules) as (_, response):
            return _parse_response(method, response)


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
    """Return the size of the whole file, None where the server does not say."""
    if response.status == 206:
        part = _PART_OF.fullmatch(response.headers.get("Content-Range", "").strip())
        return int(part[1]) if part else None
    text = response.headers.get("Content-Length", "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None

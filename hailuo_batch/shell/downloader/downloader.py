"""Fetches one output at a time: follows its link, streams it to a landing, checks its length.

Sends no key, no cookie and no name but the program's own. Never retries: whoever calls decides when to try again. Its
invariant: memory does not depend on the size of a file.
"""

import math
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

from urllib3.response import BaseHTTPResponse

from hailuo_batch import __version__
from hailuo_batch.core.events import FetchCancelled, FetchFailed, FetchOutcome, FileSaved
from hailuo_batch.shell.downloader.landing import DiskError, Landing
from hailuo_batch.shell.downloader.links import BadLinkError, Link, parse_link, resolve
from hailuo_batch.shell.downloader.naming import extension, is_document, is_safe_stem, media_type
from hailuo_batch.shell.wire.line import BROKEN, Dialer, Line, NotConnected, describe
from hailuo_batch.shell.wire.patience import Cancelled, Patience, Timeouts
from hailuo_batch.shell.wire.text import printable

DEFAULT_TIMEOUTS = Timeouts(connect_s=10.0, read_s=30.0, total_s=math.inf)
MAX_REDIRECTS = 5
_CHUNK = 1 << 20
_FLOOR_BYTES = 1 << 10
_GONE = frozenset({403, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _ignore(_count: int) -> None:
    pass


class Downloader:
    """Downloads into one output folder. Thread-safe, as long as no two fetches at once have the same stem.

    `allow_loopback` lets links lead to this machine: only where the API itself is here. A transfer that brings less
    than a kilobyte in `timeouts.read_s` has broken.
    """

    def __init__(self, output_dir: Path, *, allow_loopback: bool, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._output_dir = output_dir
        self._allow_loopback = allow_loopback
        self._timeouts = timeouts
        self._dialer = Dialer(timeouts.connect_s)

    def fetch(
        self,
        url: str,
        stem: str,
        index: int,
        cancelled: Callable[[], bool],
        on_bytes: Callable[[int], None] = _ignore,
    ) -> FetchOutcome:
        """Save output `index` of a run as `stem` plus the extension that fits, below the output folder.

        `cancelled` is asked several times a second; `on_bytes` hears the size of each piece that came, from the
        calling thread.
        """
        if not is_safe_stem(stem):
            return FetchFailed(printable(f"{stem!r} is no name inside the output folder"))
        patience = Patience(
            self._timeouts.read_s, self._timeouts.total_s, floor_bytes=_FLOOR_BYTES, cancelled=cancelled
        )
        try:
            link, line, response = self._follow(url, patience)
            try:
                return self._save(link, response, stem, index, on_bytes)
            finally:
                response.close()
                line.close()
        except Cancelled:
            return FetchCancelled()
        except DiskError as error:
            return error.outcome
        except BadLinkError as error:
            return FetchFailed(printable(str(error)), gone=error.gone)
        except (NotConnected, *BROKEN) as error:
            return FetchFailed(describe(error))

    def _follow(self, url: str, patience: Patience) -> tuple[Link, Line, BaseHTTPResponse]:
        """Ask for the link, and for what it redirects to, until an answer is none."""
        for _ in range(MAX_REDIRECTS + 1):
            link = parse_link(url, allow_loopback=self._allow_loopback)
            line = self._dial(link, patience)
            try:
                response = line.request("GET", link.target, _headers(link), None, patience)
            except BaseException:
                line.close()
                raise
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or location is None:
                return link, line, response
            response.close()
            line.close()
            url = urljoin(link.url, location)
        raise BadLinkError(f"the link redirects more than {MAX_REDIRECTS} times")

    def _dial(self, link: Link, patience: Patience) -> Line:
        *others, last = resolve(link.origin, allow_loopback=self._allow_loopback)
        for address in others:
            try:
                return self._dialer.dial(link.origin, patience, address)
            except NotConnected:
                continue
        return self._dialer.dial(link.origin, patience, last)

    def _save(
        self, link: Link, response: BaseHTTPResponse, stem: str, index: int, on_bytes: Callable[[int], None]
    ) -> FileSaved:
        content_type = response.headers.get("Content-Type", "")
        _check_head(response, content_type)
        folder, _, name = stem.rpartition("/")
        with Landing(self._output_dir / folder, name) as landing:
            while chunk := response.read(_CHUNK, decode_content=False):
                landing.write(chunk)
                on_bytes(len(chunk))
            if landing.size == 0:
                raise BadLinkError("the file is empty")
            saved_as = landing.settle(extension(content_type, link.url))
            return FileSaved(index, f"{folder}/{saved_as}" if folder else saved_as, landing.size, landing.sha256)


def _headers(link: Link) -> dict[str, str]:
    return {
        "Host": link.origin.netloc,
        "User-Agent": f"hailuo-batch/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def _check_head(response: BaseHTTPResponse, content_type: str) -> None:
    """Raises BadLinkError for an answer that is not the file."""
    if response.status != 200:
        raise BadLinkError(f"the file server answered HTTP {response.status}", gone=response.status in _GONE)
    if is_document(content_type):
        raise BadLinkError(f"the file server sent {media_type(content_type)}, not a video")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise BadLinkError(f"the file server sent the file compressed ({encoding}), which was not asked for")

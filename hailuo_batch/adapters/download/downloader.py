"""Fetches one output at a time: follows its link, streams it to a landing, checks what came.

Sends no key, no cookie and no name but the program's own. Goes on from what an earlier try has left, and never tries
again by itself: whoever calls decides when. Its invariant: memory does not depend on the size of a file.

Only so many transfers go on at once. A fetch whose file is here gives up its place before it has the disk keep it, so
that the network does not wait for the disk.
"""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urljoin

from urllib3.response import BaseHTTPResponse

from hailuo_batch import __version__
from hailuo_batch.adapters.download import mp4
from hailuo_batch.adapters.download.decompress import unpacker
from hailuo_batch.adapters.download.file_names import begins_like_document, extension, is_mp4, is_safe_stem
from hailuo_batch.adapters.download.file_types import HEAD_BYTES, extension_of
from hailuo_batch.adapters.download.file_writer import Claims, DiskError, Landing
from hailuo_batch.adapters.download.links import BadLinkError, Link, parse_link, resolve
from hailuo_batch.adapters.download.response_head import MisfitError, range_headers, read_head
from hailuo_batch.adapters.download.resume import OVERLAP_BYTES, Partial
from hailuo_batch.adapters.http.connection import BROKEN, Dialer, Line, NotConnected, describe
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import Cancelled, Patience, Timeouts
from hailuo_batch.adapters.local.fs import check_folders
from hailuo_batch.core.model.events import FetchCancelled, FetchFailed, FetchOutcome, FileSaved

DEFAULT_TIMEOUTS = Timeouts(connect_s=10.0, read_s=30.0, total_s=math.inf)
MAX_REDIRECTS = 5
TRANSFERS_AT_ONCE = 4
_FLOOR_BYTES = 1 << 10
_LOOK_UP_S = 0.25
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _ignore(_count: int) -> None:
    pass


class Downloader:
    """Downloads into one output folder. Thread-safe, as long as no two fetches at once have the same stem.

    `allow_loopback` lets links lead to this machine: only where the API itself is here. A transfer that brings less
    than a kilobyte in `timeouts.read_s` has broken.
    """

    def __init__(
        self,
        output_dir: Path,
        *,
        allow_loopback: bool,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        chunk_bytes: int = 1 << 18,
        transfers_at_once: int = TRANSFERS_AT_ONCE,
    ) -> None:
        self._output_dir = output_dir
        self._allow_loopback = allow_loopback
        self._timeouts = timeouts
        self._chunk_bytes = chunk_bytes
        self._dialer = Dialer(timeouts.connect_s)
        self._places = threading.BoundedSemaphore(transfers_at_once)
        self._claims = Claims()
        self._doubted: dict[str, str] = {}  # the digest of what came for a stem and is no whole MP4

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
        folder, _, name = stem.rpartition("/")
        try:
            check_folders(self._output_dir, folder.split("/") if folder else ())
        except OSError as error:
            return FetchFailed(printable(error.strerror or str(error)), is_blocked=True)
        try:
            with Landing(self._output_dir / folder, name, self._claims) as landing:
                with self._place(cancelled) as patience:
                    suffix = self._bring(url, landing, patience, on_bytes)
                return self._settle(landing, stem, index, suffix)
        except Cancelled:
            return FetchCancelled()
        except DiskError as error:
            return error.outcome
        except BadLinkError as error:
            return FetchFailed(printable(str(error)), gone=error.gone)
        except (NotConnected, *BROKEN) as error:
            return FetchFailed(describe(error))

    @contextmanager
    def _place(self, cancelled: Callable[[], bool]) -> Iterator[Patience]:
        """A place among the transfers, once one is free, and the patience for one that begins then."""
        while not self._places.acquire(timeout=_LOOK_UP_S):
            if cancelled():
                raise Cancelled
        try:
            yield Patience(self._timeouts.read_s, self._timeouts.total_s, floor_bytes=_FLOOR_BYTES, cancelled=cancelled)
        finally:
            self._places.release()

    def _bring(self, url: str, landing: Landing, patience: Patience, on_bytes: Callable[[int], None]) -> str:
        """Bring the file to the landing, from where an earlier try broke off if that can be. Returns its extension."""
        partial = landing.find_partial()
        if partial is not None and partial.may_serve(url):
            try:
                return self._transfer(url, landing, partial, patience, on_bytes)
            except MisfitError:
                landing.discard()
        return self._transfer(url, landing, None, patience, on_bytes)

    def _transfer(
        self,
        url: str,
        landing: Landing,
        partial: Partial | None,
        patience: Patience,
        on_bytes: Callable[[int], None],
    ) -> str:
        """Raises MisfitError where the server cannot go on from the partial file."""
        with self._answer(url, range_headers(partial), patience) as (link, response):
            source, offset = read_head(response.status, response.headers, url, partial)
            if partial is not None and offset > 0:
                if not landing.resume(partial, source):
                    raise MisfitError
                _check_overlap(landing, response, offset)
            else:
                landing.begin(source)
            for chunk in self._pieces(response, on_bytes):
                if partial is not None and landing.size + len(chunk) > (source.total or math.inf):
                    raise MisfitError  # the length of a whole answer has held its reader back already
                landing.write(chunk)
            if source.total not in {None, landing.size}:
                raise BadLinkError(f"{landing.size:,} bytes came of {source.total:,}")
            return extension(source.content_type, link.url)

    def _pieces(self, response: BaseHTTPResponse, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
        """The file as it is to be saved: what comes, unpacked where the server has compressed it."""
        packed = unpacker(response.headers.get("Content-Encoding", ""))
        while chunk := response.read(self._chunk_bytes, decode_content=False):
            on_bytes(len(chunk))
            yield from (chunk,) if packed is None else packed.feed(chunk)
        if packed is not None:
            packed.finish()

    @contextmanager
    def _answer(
        self, url: str, wishes: Mapping[str, str], patience: Patience
    ) -> Iterator[tuple[Link, BaseHTTPResponse]]:
        """Ask for the link, and for what it redirects to, until an answer is none."""
        for _ in range(MAX_REDIRECTS + 1):
            link = parse_link(url, allow_loopback=self._allow_loopback)
            with closing(self._dial(link, patience)) as line:
                response = line.request("GET", link.target, {**_headers(link), **wishes}, None, patience)
                with closing(response):
                    location = response.headers.get("Location")
                    if response.status not in _REDIRECTS or location is None:
                        yield link, response
                        return
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

    def _settle(self, landing: Landing, stem: str, index: int, hint: str) -> FileSaved:
        """Check what came and put it under its final name, which its first bytes decide before what is said of it.

        A file that stands under the name that is hinted at was saved before, and that name stays.
        """
        suffix = hint if landing.has(hint) else extension_of(landing.read_at(0, HEAD_BYTES), hint)
        flaw = self._check(landing, stem, suffix)
        folder, _, _ = stem.rpartition("/")
        name = landing.settle(suffix)
        self._doubted.pop(stem, None)
        notes = [f"a file that differs was called {name}; it is kept as {aside}" for aside in landing.kept_aside]
        path = f"{folder}/{name}" if folder else name
        return FileSaved(index, path, landing.size, landing.sha256, "; ".join(notes), flaw)

    def _check(self, landing: Landing, stem: str, suffix: str) -> str:
        """What is wrong with a file that is kept, empty where nothing is. Raises BadLinkError for one that is not kept.

        What is damaged and comes a second time just so is what was paid for: it is kept, and known to be damaged.
        """
        head = landing.read_at(0, HEAD_BYTES)
        fault = ""
        if not head:
            fault = "the file is empty"
        elif begins_like_document(head):
            fault = "the file server sent a web page or a message, not a video"
        if fault:
            landing.discard()
            raise BadLinkError(fault)
        if is_mp4(suffix) or mp4.begins_like_mp4(head):
            fault = mp4.find_fault(landing.read_at, landing.size)
        if fault and self._doubted.get(stem) != landing.sha256:
            self._doubted[stem] = landing.sha256
            landing.discard()
            raise BadLinkError(f"what came is damaged: it is no whole MP4: {fault}")
        return f"it is no whole MP4: {fault}" if fault else ""


def _check_overlap(landing: Landing, response: BaseHTTPResponse, offset: int) -> None:
    """What comes must repeat the end of what is here. Raises MisfitError where it does not."""
    seen = 0
    while seen < OVERLAP_BYTES and (piece := response.read(OVERLAP_BYTES - seen, decode_content=False)):
        if piece != landing.read_at(offset + seen, len(piece)):
            raise MisfitError
        seen += len(piece)


def _headers(link: Link) -> dict[str, str]:
    return {
        "Host": link.origin.netloc,
        "User-Agent": f"hailuo-batch/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }

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
from hailuo_batch.adapters.download.decompress import decompressor_for
from hailuo_batch.adapters.download.file_names import (
    begins_like_document,
    hinted_extension,
    is_mp4_extension,
    is_safe_stem,
)
from hailuo_batch.adapters.download.file_types import HEAD_BYTES, detect_extension
from hailuo_batch.adapters.download.file_writer import DiskError, FileWriter, SpaceReservations
from hailuo_batch.adapters.download.links import BadLinkError, Link, parse_link, resolve_host
from hailuo_batch.adapters.download.response_head import CannotResumeError, parse_response_head, range_headers
from hailuo_batch.adapters.download.resume import OVERLAP_BYTES, PartialFile
from hailuo_batch.adapters.http.connection import CONNECTION_ERRORS, Dialer, HttpTransport, NotConnected, describe_error
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import Cancelled, ExchangeTimer, Timeouts
from hailuo_batch.adapters.local.fs import check_folders
from hailuo_batch.core.model.events import FetchCancelled, FetchFailed, FetchOutcome, FileSaved

DEFAULT_TIMEOUTS = Timeouts(connect_s=10.0, read_s=30.0, total_s=math.inf)
MAX_REDIRECTS = 5
TRANSFERS_AT_ONCE = 4
_MIN_BYTES_PER_READ_TIMEOUT = 1 << 10
_CANCEL_CHECK_S = 0.25
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
        self._transfer_slots = threading.BoundedSemaphore(transfers_at_once)
        self._reservations = SpaceReservations()
        self._damaged_digests: dict[str, str] = {}  # the digest of what came for a stem and is no whole MP4

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
            with FileWriter(self._output_dir / folder, name, self._reservations) as writer:
                with self._transfer_slot(cancelled) as timer:
                    suffix = self._receive(url, writer, timer, on_bytes)
                return self._finalize(writer, stem, index, suffix)
        except Cancelled:
            return FetchCancelled()
        except DiskError as error:
            return error.outcome
        except BadLinkError as error:
            return FetchFailed(printable(str(error)), gone=error.gone)
        except (NotConnected, *CONNECTION_ERRORS) as error:
            return FetchFailed(describe_error(error))

    @contextmanager
    def _transfer_slot(self, cancelled: Callable[[], bool]) -> Iterator[ExchangeTimer]:
        """A place among the transfers, once one is free, and the patience for one that begins then."""
        while not self._transfer_slots.acquire(timeout=_CANCEL_CHECK_S):
            if cancelled():
                raise Cancelled
        try:
            yield ExchangeTimer(
                self._timeouts.read_s,
                self._timeouts.total_s,
                floor_bytes=_MIN_BYTES_PER_READ_TIMEOUT,
                cancelled=cancelled,
            )
        finally:
            self._transfer_slots.release()

    def _receive(self, url: str, writer: FileWriter, timer: ExchangeTimer, on_bytes: Callable[[int], None]) -> str:
        """Bring the file to the landing, from where an earlier try broke off if that can be. Returns its extension."""
        partial = writer.find_partial()
        if partial is not None and partial.can_resume_from(url):
            try:
                return self._transfer(url, writer, partial, timer, on_bytes)
            except CannotResumeError:
                writer.discard()
        return self._transfer(url, writer, None, timer, on_bytes)

    def _transfer(
        self,
        url: str,
        writer: FileWriter,
        partial: PartialFile | None,
        timer: ExchangeTimer,
        on_bytes: Callable[[int], None],
    ) -> str:
        """Raises MisfitError where the server cannot go on from the partial file."""
        with self._open_response(url, range_headers(partial), timer) as (link, response):
            source, offset = parse_response_head(response.status, response.headers, url, partial)
            if partial is not None and offset > 0:
                if not writer.resume(partial, source):
                    raise CannotResumeError
                _check_overlap(writer, response, offset)
            else:
                writer.begin(source)
            for chunk in self._pieces(response, on_bytes):
                if partial is not None and writer.size + len(chunk) > (source.total or math.inf):
                    raise CannotResumeError  # the length of a whole answer has held its reader back already
                writer.write(chunk)
            if source.total not in {None, writer.size}:
                raise BadLinkError(f"{writer.size:,} bytes came of {source.total:,}")
            return hinted_extension(source.content_type, link.url)

    def _pieces(self, response: BaseHTTPResponse, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
        """The file as it is to be saved: what comes, unpacked where the server has compressed it."""
        packed = decompressor_for(response.headers.get("Content-Encoding", ""))
        while chunk := response.read(self._chunk_bytes, decode_content=False):
            on_bytes(len(chunk))
            yield from (chunk,) if packed is None else packed.feed(chunk)
        if packed is not None:
            packed.finish()

    @contextmanager
    def _open_response(
        self, url: str, range_wishes: Mapping[str, str], timer: ExchangeTimer
    ) -> Iterator[tuple[Link, BaseHTTPResponse]]:
        """Ask for the link, and for what it redirects to, until an answer is none."""
        for _ in range(MAX_REDIRECTS + 1):
            link = parse_link(url, allow_loopback=self._allow_loopback)
            with closing(self._dial(link, timer)) as transport:
                response = transport.request("GET", link.target, {**_headers(link), **range_wishes}, None, timer)
                with closing(response):
                    location = response.headers.get("Location")
                    if response.status not in _REDIRECTS or location is None:
                        yield link, response
                        return
            url = urljoin(link.url, location)
        raise BadLinkError(f"the link redirects more than {MAX_REDIRECTS} times")

    def _dial(self, link: Link, timer: ExchangeTimer) -> HttpTransport:
        *others, last = resolve_host(link.origin, allow_loopback=self._allow_loopback)
        for address in others:
            try:
                return self._dialer.dial(link.origin, timer, address)
            except NotConnected:
                continue
        return self._dialer.dial(link.origin, timer, last)

    def _finalize(self, writer: FileWriter, stem: str, index: int, hint: str) -> FileSaved:
        """Check what came and put it under its final name, which its first bytes decide before what is said of it.

        A file that stands under the name that is hinted at was saved before, and that name stays.
        """
        suffix = hint if writer.has_existing(hint) else detect_extension(writer.read_at(0, HEAD_BYTES), hint)
        flaw = self._validate(writer, stem, suffix)
        folder, _, _ = stem.rpartition("/")
        name = writer.finalize(suffix)
        self._damaged_digests.pop(stem, None)
        notes = [f"a file that differs was called {name}; it is kept as {aside}" for aside in writer.kept_aside]
        path = f"{folder}/{name}" if folder else name
        return FileSaved(index, path, writer.size, writer.sha256, "; ".join(notes), flaw)

    def _validate(self, writer: FileWriter, stem: str, suffix: str) -> str:
        """What is wrong with a file that is kept, empty where nothing is. Raises BadLinkError for one that is not kept.

        What is damaged and comes a second time just so is what was paid for: it is kept, and known to be damaged.
        """
        head = writer.read_at(0, HEAD_BYTES)
        fault = ""
        if not head:
            fault = "the file is empty"
        elif begins_like_document(head):
            fault = "the file server sent a web page or a message, not a video"
        if fault:
            writer.discard()
            raise BadLinkError(fault)
        if is_mp4_extension(suffix) or mp4.begins_like_mp4(head):
            fault = mp4.find_fault(writer.read_at, writer.size)
        if fault and self._damaged_digests.get(stem) != writer.sha256:
            self._damaged_digests[stem] = writer.sha256
            writer.discard()
            raise BadLinkError(f"what came is damaged: it is no whole MP4: {fault}")
        return f"it is no whole MP4: {fault}" if fault else ""


def _check_overlap(writer: FileWriter, response: BaseHTTPResponse, offset: int) -> None:
    """What comes must repeat the end of what is here. Raises MisfitError where it does not."""
    compared = 0
    while compared < OVERLAP_BYTES and (piece := response.read(OVERLAP_BYTES - compared, decode_content=False)):
        if piece != writer.read_at(offset + compared, len(piece)):
            raise CannotResumeError
        compared += len(piece)


def _headers(link: Link) -> dict[str, str]:
    return {
        "Host": link.origin.netloc,
        "User-Agent": f"hailuo-batch/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }

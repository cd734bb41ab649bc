"""Downloads one output at a time: requests its link, streams it to a FileWriter, checks what arrived.

Sends no key, no cookie and no name but the program's own. Resumes what an earlier try left, and never retries: the
caller decides when to try again. Invariant: memory does not depend on the size of a file.

The number of transfers at once is bounded. A fetch whose bytes have arrived releases its slot before it syncs to the
disk, so that the network does not wait for the disk.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from urllib3.response import BaseHTTPResponse

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
from hailuo_batch.adapters.download.follow import LinkRules, open_link
from hailuo_batch.adapters.download.links import BadLinkError
from hailuo_batch.adapters.download.response_head import CannotResumeError, parse_response_head, range_headers
from hailuo_batch.adapters.download.resume import OVERLAP_BYTES, PartialFile
from hailuo_batch.adapters.http.connection import CONNECTION_ERRORS, Dialer, NotConnected, describe_error
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import Cancelled, ExchangeTimer, Timeouts
from hailuo_batch.adapters.local.fs import check_folders
from hailuo_batch.core.model.events import FetchCancelled, FetchFailed, FetchOutcome, FileSaved

DEFAULT_TIMEOUTS = Timeouts(connect_s=10.0, read_s=30.0, total_s=math.inf)
MAX_REDIRECTS = 5
TRANSFERS_AT_ONCE = 4
_MIN_BYTES_PER_READ_TIMEOUT = 1 << 10
_CANCEL_CHECK_S = 0.25


class Downloader:
    """Downloads into one output folder. Thread-safe, as long as no two fetches at once have the same stem.

    `allow_loopback` lets links lead to this machine: only where the API itself is here. A transfer that brings less
    than a kilobyte in `timeouts.read_s` counts as broken.
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
        self._link_rules = LinkRules(MAX_REDIRECTS, allow_loopback)
        self._timeouts = timeouts
        self._chunk_bytes = chunk_bytes
        self._dialer = Dialer(timeouts.connect_s)
        self._transfer_slots = threading.BoundedSemaphore(transfers_at_once)
        self._reservations = SpaceReservations()
        self._damaged_digests: dict[str, str] = {}  # by stem, the digest of a file that arrived damaged

    def fetch(
        self,
        url: str,
        stem: str,
        index: int,
        cancelled: Callable[[], bool],
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> FetchOutcome:
        """Save output `index` of a run below the output folder as `stem` plus the extension that fits.

        `cancelled` is asked several times a second; `on_bytes` is called with the size of each piece that arrives, from
        the calling thread.
        """
        if not is_safe_stem(stem):
            return FetchFailed(printable(f"{stem!r} is not a valid name inside the output folder"))
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
        """Wait for a free transfer slot, hold it, and give the timer of a transfer that starts then."""
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
        """Bring the file to the writer, resuming an earlier try where possible. Return the hinted extension."""
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
        """Request the file, or the rest of it. Raises CannotResumeError where the server cannot continue `partial`."""
        with open_link(self._dialer, "GET", url, range_headers(partial), timer, self._link_rules) as (link, response):
            source, offset = parse_response_head(response.status, response.headers, url, partial)
            if partial is not None and offset > 0:
                if not writer.resume(partial, source):
                    raise CannotResumeError
                _check_overlap(writer, response, offset)
            else:
                writer.begin(source)
            for chunk in self._chunks(response, on_bytes):
                # http.client stops at the Content-Length of a whole file, but a partial response may send more
                if partial is not None and writer.size + len(chunk) > (source.total or math.inf):
                    raise CannotResumeError
                writer.write(chunk)
            if source.total not in {None, writer.size}:
                raise BadLinkError(f"only {writer.size:,} of {source.total:,} bytes arrived")
            return hinted_extension(source.content_type, link.url)

    def _chunks(self, response: BaseHTTPResponse, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
        """Yield the file as it is to be saved, decompressed if the server compressed it."""
        decompressor = decompressor_for(response.headers.get("Content-Encoding", ""))
        while chunk := response.read(self._chunk_bytes, decode_content=False):
            on_bytes(len(chunk))
            yield from (chunk,) if decompressor is None else decompressor.feed(chunk)
        if decompressor is not None:
            decompressor.finish()

    def _finalize(self, writer: FileWriter, stem: str, index: int, hint: str) -> FileSaved:
        """Validate the file and give it its final name. Its extension follows its first bytes rather than the hint.

        Where a file with the hinted extension exists, it was saved before, and that name stays.
        """
        suffix = hint if writer.has_existing(hint) else detect_extension(writer.read_at(0, HEAD_BYTES), hint)
        flaw = self._validate(writer, stem, suffix)
        folder, _, _ = stem.rpartition("/")
        name = writer.finalize(suffix)
        self._damaged_digests.pop(stem, None)
        notes = [f"a different file was already named {name}; it is kept as {aside}" for aside in writer.kept_aside]
        path = f"{folder}/{name}" if folder else name
        return FileSaved(index, path, writer.size, writer.sha256, "; ".join(notes), flaw)

    def _validate(self, writer: FileWriter, stem: str, suffix: str) -> str:
        """Return what is wrong with a file that is kept, empty for nothing. Raises BadLinkError for one that is not."""
        head = writer.read_at(0, HEAD_BYTES)
        fault = ""
        if not head:
            fault = "the file is empty"
        elif begins_like_document(head):
            fault = "the file server sent a web page or a message instead of a video"
        if fault:
            writer.discard()
            raise BadLinkError(fault)
        if is_mp4_extension(suffix) or mp4.begins_like_mp4(head):
            fault = mp4.find_fault(writer.read_at, writer.size)
        if not fault:
            return ""
        # A damaged file that arrives twice with the same bytes is what the money bought: it is kept and marked.
        if self._damaged_digests.get(stem) != writer.sha256:
            self._damaged_digests[stem] = writer.sha256
            writer.discard()
            raise BadLinkError(f"the file arrived damaged: it is not a complete MP4: {fault}")
        return f"it is not a complete MP4: {fault}"


def _check_overlap(writer: FileWriter, response: BaseHTTPResponse, offset: int) -> None:
    """Check that the response repeats the end of what is here. Raises CannotResumeError where it does not."""
    compared = 0
    while compared < OVERLAP_BYTES and (piece := response.read(OVERLAP_BYTES - compared, decode_content=False)):
        if piece != writer.read_at(offset + compared, len(piece)):
            raise CannotResumeError
        compared += len(piece)

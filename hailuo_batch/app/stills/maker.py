"""Make stills in threads: in the background while an apply downloads, and all that are missing at its end.

A still that cannot be made costs nothing but itself: it is not tried again by the same maker, and neither a full disk
nor a failing ffmpeg is an error. Knows nothing of ledgers and reports.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

from hailuo_batch.adapters.stills.ffmpeg import Ffmpeg
from hailuo_batch.adapters.stills.folder import StillsFolder
from hailuo_batch.adapters.stills.pictures import NoPictureError, Source, Video, make_still
from hailuo_batch.core.model.events import FetchOutcome, FileSaved
from hailuo_batch.runtime.executor import Fetcher

_PROCESSORS = os.cpu_count() or 1
_MOST_IN_BACKGROUND = max(1, min(4, _PROCESSORS // 2))
_MOST_AT_ONCE = min(8, _PROCESSORS)
_MOST_FAILURES = 20
"""So many in a row, and an ffmpeg that cannot read these files is asked no more."""


class StillMaker:
    """Makes the stills of one output folder during one command. `find` finds ffmpeg, None where there is none."""

    def __init__(self, outputs: Path, find: Callable[[], Ffmpeg | None]) -> None:
        self._folder = StillsFolder(outputs)
        self._find = find
        self._lock = threading.Lock()
        self._tried: set[str] = set()
        self._failures = 0  # in a row
        self._is_disk_refusing = False

    def missing(self, sources: Iterable[Source]) -> list[Source]:
        """Those that are on disk and whose stills are not there and were not tried, each still once."""
        settled = self._folder.names() | self._tried
        left: dict[str, Source] = {}
        for source in sources:
            if source.name not in settled and source.name not in left and os.path.lexists(source.path):
                left[source.name] = source
        return list(left.values())

    def ffmpeg(self) -> Ffmpeg | None:
        """The ffmpeg to use, None where there is none or it is of no use."""
        return None if self._is_disk_refusing or self._failures >= _MOST_FAILURES else self._find()

    def make(self, source: Source, is_over: Callable[[], bool]) -> None:
        """Make one still, unless it was tried, or it is over."""
        ffmpeg = None if is_over() else self.ffmpeg()
        with self._lock:
            if ffmpeg is None or source.name in self._tried:
                return
            self._tried.add(source.name)
        try:
            still = make_still(ffmpeg, source, is_over)
        except NoPictureError:
            still = None
            self._failures += not is_over()
        if still is not None:
            self._failures = 0
            self._write(source.name, still)
        elif is_over() or not os.path.lexists(source.path):
            self._tried.discard(source.name)  # not the file's fault, which may have been renamed meanwhile

    def _write(self, name: str, still: bytes) -> None:
        try:
            self._folder.write(name, still)
        except OSError:
            self._is_disk_refusing = True

    def make_all(self, sources: Iterable[Source], is_over: Callable[[], bool], step: Callable[[], None]) -> None:
        """Make these, several at a time; call `step` after each. An exception, such as KeyboardInterrupt, ends it."""
        is_broken_off = threading.Event()
        with ThreadPoolExecutor(_MOST_AT_ONCE, "still") as pool:
            try:
                works = [pool.submit(self.make, each, lambda: is_broken_off.is_set() or is_over()) for each in sources]
                for _ in as_completed(works):
                    step()
            except RuntimeError:
                return  # the machine gives no further thread
            finally:
                is_broken_off.set()


class StillingFetcher:
    """A fetcher that has the still of each video made once it is saved, in the background."""

    def __init__(self, fetcher: Fetcher, maker: StillMaker, outputs: Path) -> None:
        self._fetcher = fetcher
        self._maker = maker
        self._outputs = outputs
        self._is_closing = threading.Event()
        self._pool = ThreadPoolExecutor(_MOST_IN_BACKGROUND, "still")

    def fetch(self, url: str, stem: str, index: int, cancelled: Callable[[], bool]) -> FetchOutcome:
        """Download one file; see `Downloader.fetch`."""
        outcome = self._fetcher.fetch(url, stem, index, cancelled)
        if isinstance(outcome, FileSaved):
            video = Video(self._outputs / outcome.path, outcome.bytes, outcome.sha256)
            with suppress(RuntimeError):  # the machine gives no further thread: it is made at the end
                self._pool.submit(self._maker.make, video, self._is_closing.is_set)
        return outcome

    def close(self) -> None:
        """End what is being made, and leave the rest for the end of the apply."""
        self._is_closing.set()
        self._pool.shutdown(cancel_futures=True)

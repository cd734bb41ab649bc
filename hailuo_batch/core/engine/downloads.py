"""The files of every run: which output to download now, which saved file to rename, and what follows from either.

`on_run_changed` must be called with each run as it changes. `runs` are the engine's and only read here. Pure: times are
`now`, in seconds of the engine's clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.download_queue import DownloadQueue
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.file_layout import FileLayout
from hailuo_batch.core.model.runs import OutputKey, Run

MAX_WITHOUT_ROOM = 20
"""After this many files in a row for which there was no space, no other one is tried."""


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """What follows from the end of a download or a rename. With `needs_fresh_links`, the run must be read again."""

    notices: tuple[Notice, ...] = ()
    stop_reason: StopReason | None = None
    needs_fresh_links: bool = False


class Downloads:
    """The files of one apply: of the takes in `followed`, and the recorded outputs in `redownload`."""

    def __init__(
        self, runs: Mapping[int, Run], followed: frozenset[str], redownload: frozenset[OutputKey], *, max_fetches: int
    ) -> None:
        self._runs = runs
        self._followed = followed
        self._redownload = set(redownload)
        self._queue = DownloadQueue(max_fetches)
        self._layout = FileLayout()
        self._without_room = 0  # files in a row for which there was no space
        self._refreshed: set[int] = set()  # runs whose links have been read again
        self._started_moves: set[OutputKey] = set()  # under way, or failed

    def __len__(self) -> int:
        """The number of outputs that this apply has yet to download."""
        return len(self._queue)

    @property
    def under_way(self) -> int:
        """The number of downloads under way."""
        return self._queue.under_way

    def on_run_changed(self, run: Run) -> None:
        """Update the layout of the files with a run that changed."""
        self._layout.on_run_changed(run)

    def enqueue(self, run: Run, now: float) -> None:
        """Have the missing outputs of a run that succeeded downloaded."""
        for output in run.outputs:
            key = (run.key, output.index)
            # rule download_again
            if key in self._redownload or (output.path is None and run.take_id in self._followed):
                self._queue.enqueue(key, now)

    def start_moves(self) -> Iterator[act.MoveFile]:
        """The renames to make now. They count as started.

        An output that is to be downloaded again is not renamed before: verify said that its file is gone or differs.
        """
        for move in self._layout.next_moves():
            key = (move.key, move.index)
            if key not in self._started_moves and key not in self._redownload:
                self._started_moves.add(key)
                yield act.MoveFile(self._runs[move.key], move.index, move.source, move.target)

    def start_fetches(self, now: float) -> Iterator[act.FetchFile]:
        """The downloads to start now. They count as started."""
        while (key := self._queue.pick(now)) is not None:
            self._queue.start(key)
            run, index = self._runs[key[0]], key[1]
            yield act.FetchFile(run, index, run.outputs[index].url, self._layout.download_stem(run, index))

    def next_due_at(self) -> float:
        """When the next download is due; infinity where only the end of another one can start it."""
        return self._queue.next_due_at()

    def on_fetched(self, action: act.FetchFile, outcome: Outcome, now: float) -> DownloadResult:
        """Handle the end of a download. What changed is recorded already."""
        key = (action.run.key, action.index)
        match outcome:
            case ev.FetchFailed():
                return self._on_failed(key, outcome, now)
            case ev.DiskFull():
                return self._on_disk_full(key, outcome)
            case ev.FileSaved():
                self._queue.on_done(key)
                self._redownload.discard(key)
                self._without_room = 0
                return DownloadResult(notices.saved(action.run, action.index, outcome))
            case _:
                self._queue.on_done(key)
                return DownloadResult()

    def _on_disk_full(self, key: OutputKey, outcome: ev.DiskFull) -> DownloadResult:
        """Stop creating. The other downloads go on: they are paid for, and a smaller video may still fit."""
        self._queue.on_done(key)
        self._without_room += 1
        if outcome.for_any or self._without_room >= MAX_WITHOUT_ROOM:
            self._queue.drop_idle()
        return DownloadResult(stop_reason=stop_reasons.disk_full(outcome.reason))

    def _on_failed(self, key: OutputKey, outcome: ev.FetchFailed, now: float) -> DownloadResult:
        run = self._runs[key[0]]
        if outcome.is_blocked:
            self._queue.on_done(key)
            return DownloadResult((notices.not_downloaded(run, outcome.reason),))
        tries = self._queue.on_failed(key, now)
        # links expire, so a dead one, or one that failed twice, is read again: once, since each read takes a place
        needs_fresh_links = run.key not in self._refreshed and (outcome.gone or tries > 1)
        if needs_fresh_links:
            self._refreshed.add(run.key)
        left = () if self._queue.is_pending(key) else (notices.not_downloaded(run, outcome.reason),)
        return DownloadResult(left, needs_fresh_links=needs_fresh_links)

    def on_moved(self, action: act.MoveFile, outcome: Outcome) -> DownloadResult:
        """Handle the end of a rename. What changed is recorded already. One that failed is not tried again."""
        if isinstance(outcome, ev.MoveFailed):
            return DownloadResult((notices.not_renamed(action.run, action.source, outcome.reason),))
        self._started_moves.discard((action.run.key, action.index))
        return DownloadResult()

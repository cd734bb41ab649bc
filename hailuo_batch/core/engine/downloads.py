"""The files of every run: which output to download now, which saved file to rename, and what became of either.

It is told of each run as it changes, and holds no run of its own: `runs` are the engine's. Pure: times are `now`, in
seconds of the engine's clock.
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
"""Files in a row for which there was no room, after which no other one is asked for."""


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """What follows from the end of a download or a rename. With `needs_fresh_links`, its links must be read again."""

    notices: tuple[Notice, ...] = ()
    stop_reason: StopReason | None = None
    needs_fresh_links: bool = False


class Downloads:
    """The files of one apply: of the takes in `collected`, and the outputs in `again`, which are on record already."""

    def __init__(
        self, runs: Mapping[int, Run], followed: frozenset[str], redownload: frozenset[OutputKey], *, max_fetches: int
    ) -> None:
        self._runs = runs
        self._followed = followed
        self._redownload = set(redownload)
        self._queue = DownloadQueue(max_fetches)
        self._layout = FileLayout()
        self._without_room = 0  # files in a row for which there was no room
        self._refreshed: set[int] = set()  # runs whose links have been read again
        self._started_moves: set[OutputKey] = set()

    def __len__(self) -> int:
        """How many outputs are still to be downloaded by this apply."""
        return len(self._queue)

    @property
    def under_way(self) -> int:
        """How many downloads are under way."""
        return self._queue.under_way

    def on_run_changed(self, run: Run) -> None:
        """Take a run as it stands now."""
        self._layout.on_run_changed(run)

    def enqueue(self, run: Run, now: float) -> None:
        """The run has succeeded: have downloaded what is to be had of it."""
        for output in run.outputs:
            slot = (run.key, output.index)
            # rule download_again
            if slot in self._redownload or (output.path is None and run.take_id in self._followed):
                self._queue.enqueue(slot, now)

    def start_moves(self) -> Iterator[act.MoveFile]:
        """The renames to make now. Whatever is returned counts as started.

        What is to be downloaded again stays where it is until then: it would not be found there.
        """
        for move in self._layout.next_moves():
            slot = (move.key, move.index)
            if slot not in self._started_moves and slot not in self._redownload:
                self._started_moves.add(slot)
                yield act.MoveFile(self._runs[move.key], move.index, move.source, move.target)

    def start_fetches(self, now: float) -> Iterator[act.FetchFile]:
        """The downloads to start now. Whatever is returned counts as started."""
        while (slot := self._queue.pick(now)) is not None:
            self._queue.start(slot)
            run = self._runs[slot[0]]
            yield act.FetchFile(run, slot[1], run.outputs[slot[1]].url, self._layout.download_stem(run, slot[1]))

    def next_due_at(self) -> float:
        """When the next download is due; infinity where only the end of another can start one."""
        return self._queue.next_due_at()

    def on_fetched(self, action: act.FetchFile, outcome: Outcome, now: float) -> DownloadResult:
        """A download has come to its end, and what changed is recorded."""
        slot = (action.run.key, action.index)
        match outcome:
            case ev.FetchFailed():
                return self._on_failed(slot, outcome, now)
            case ev.DiskFull():
                return self._on_disk_full(slot, outcome)
            case ev.FileSaved():
                self._queue.on_done(slot)
                self._redownload.discard(slot)
                self._without_room = 0
                return DownloadResult(notices.saved(action.run, action.index, outcome))
            case _:
                self._queue.on_done(slot)
                return DownloadResult()

    def _on_disk_full(self, slot: OutputKey, outcome: ev.DiskFull) -> DownloadResult:
        """Nothing more is paid for. What was paid for and is smaller may fit, so the others are still tried."""
        self._queue.on_done(slot)
        self._without_room += 1
        if outcome.for_any or self._without_room >= MAX_WITHOUT_ROOM:
            self._queue.drop_idle()
        return DownloadResult(stop_reason=stop_reasons.disk_full(outcome.reason))

    def _on_failed(self, slot: OutputKey, outcome: ev.FetchFailed, now: float) -> DownloadResult:
        run = self._runs[slot[0]]
        if outcome.is_blocked:
            self._queue.on_done(slot)
            return DownloadResult((notices.not_downloaded(run, outcome.reason),))
        tries = self._queue.on_failed(slot, now)
        needs_fresh_links = run.key not in self._refreshed and (outcome.gone or tries > 1)
        if needs_fresh_links:
            self._refreshed.add(run.key)
        left = () if self._queue.is_pending(slot) else (notices.not_downloaded(run, outcome.reason),)
        return DownloadResult(left, needs_fresh_links=needs_fresh_links)

    def on_moved(self, action: act.MoveFile, outcome: Outcome) -> DownloadResult:
        """A rename has come to its end, and what changed is recorded. One that failed is not tried again."""
        if isinstance(outcome, ev.MoveFailed):
            return DownloadResult((notices.not_renamed(action.run, action.source, outcome.reason),))
        self._started_moves.discard((action.run.key, action.index))
        return DownloadResult()

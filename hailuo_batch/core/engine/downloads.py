"""The files of every run: which output to download now, which saved file to rename, and what became of either.

It is told of each run as it changes, and holds no run of its own: `runs` are the engine's. Pure: times are `now`, in
seconds of the engine's clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.download_queue import Fetching
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import Halt
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.file_layout import Shelf
from hailuo_batch.core.model.runs import Run, Slot

MOST_MISFITS = 20
"""Files in a row for which there was no room, after which no other one is asked for."""


@dataclass(frozen=True, slots=True)
class Upshot:
    """What follows from the end of a download or a rename. With `asks_anew`, the run's links must be read again."""

    notices: tuple[Notice, ...] = ()
    halt: Halt | None = None
    asks_anew: bool = False


class Outputs:
    """The files of one apply: of the takes in `collected`, and the outputs in `again`, which are on record already."""

    def __init__(
        self, runs: Mapping[int, Run], collected: frozenset[str], again: frozenset[Slot], *, at_once: int
    ) -> None:
        self._runs = runs
        self._collected = collected
        self._again = set(again)
        self._fetching = Fetching(at_once)
        self._shelf = Shelf()
        self._misfits = 0  # files in a row for which there was no room
        self._asked_anew: set[int] = set()  # runs whose links have been read again
        self._immovable: set[Slot] = set()

    def __len__(self) -> int:
        """How many outputs are still to be downloaded by this apply."""
        return len(self._fetching)

    @property
    def under_way(self) -> int:
        """How many downloads are under way."""
        return self._fetching.under_way

    def hear(self, run: Run) -> None:
        """Take a run as it stands now."""
        self._shelf.hear(run)

    def want(self, run: Run, now: float) -> None:
        """The run has succeeded: have downloaded what is to be had of it."""
        for output in run.outputs:
            slot = (run.key, output.index)
            # rule download_again
            if slot in self._again or (output.path is None and run.take_id in self._collected):
                self._fetching.want(slot, now)

    def moves(self) -> Iterator[act.MoveFile]:
        """The renames to make now. Whatever is returned counts as started.

        What is to be downloaded again stays where it is until then: it would not be found there.
        """
        for move in self._shelf.next_moves():
            slot = (move.key, move.index)
            if slot not in self._immovable and slot not in self._again:
                self._immovable.add(slot)
                yield act.MoveFile(self._runs[move.key], move.index, move.source, move.target)

    def fetches(self, now: float) -> Iterator[act.FetchFile]:
        """The downloads to start now. Whatever is returned counts as started."""
        while (slot := self._fetching.pick(now)) is not None:
            self._fetching.start(slot)
            run = self._runs[slot[0]]
            yield act.FetchFile(run, slot[1], run.outputs[slot[1]].url, self._shelf.landing_stem(run, slot[1]))

    def next_due_at(self) -> float:
        """When the next download is due; infinity where only the end of another can start one."""
        return self._fetching.next_due_at()

    def hear_fetch(self, action: act.FetchFile, outcome: Outcome, now: float) -> Upshot:
        """A download has come to its end, and what changed is recorded."""
        slot = (action.run.key, action.index)
        match outcome:
            case ev.FetchFailed():
                return self._hear_failure(slot, outcome, now)
            case ev.DiskFull():
                return self._hear_no_room(slot, outcome)
            case ev.FileSaved():
                self._fetching.done(slot)
                self._again.discard(slot)
                self._misfits = 0
                return Upshot(notices.saved(action.run, action.index, outcome))
            case _:
                self._fetching.done(slot)
                return Upshot()

    def _hear_no_room(self, slot: Slot, outcome: ev.DiskFull) -> Upshot:
        """Nothing more is paid for. What was paid for and is smaller may fit, so the others are still tried."""
        self._fetching.done(slot)
        self._misfits += 1
        if outcome.for_any or self._misfits >= MOST_MISFITS:
            self._fetching.drop_idle()
        return Upshot(halt=stop_reasons.disk_full(outcome.reason))

    def _hear_failure(self, slot: Slot, outcome: ev.FetchFailed, now: float) -> Upshot:
        run = self._runs[slot[0]]
        if outcome.is_blocked:
            self._fetching.done(slot)
            return Upshot((notices.not_downloaded(run, outcome.reason),))
        tries = self._fetching.failed(slot, now)
        asks_anew = run.key not in self._asked_anew and (outcome.gone or tries > 1)
        if asks_anew:
            self._asked_anew.add(run.key)
        left = () if self._fetching.waits_for(slot) else (notices.not_downloaded(run, outcome.reason),)
        return Upshot(left, asks_anew=asks_anew)

    def hear_move(self, action: act.MoveFile, outcome: Outcome) -> Upshot:
        """A rename has come to its end, and what changed is recorded. One that failed is not tried again."""
        if isinstance(outcome, ev.MoveFailed):
            return Upshot((notices.not_renamed(action.run, action.source, outcome.reason),))
        self._immovable.discard((action.run.key, action.index))
        return Upshot()

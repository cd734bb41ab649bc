"""What to ask next: a create, a read of which run, or nothing yet.

While creates wait, a read goes first only if it is almost surely rewarded, and only while the reads that must still
come leave the last runs time to finish. When none waits, the read that saves most goes, if it saves enough. Runs never
asked about are told apart by age alone, so that only the oldest of them needs a look; the others are ranked anew only
as often as it takes to ask about a small share of them. Pure: `now` is passed in, in seconds of the engine's clock.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from hailuo_batch.core.scheduling.eta import RemainingWork, sample_runs
from hailuo_batch.core.scheduling.queue_model import ObservedRun, PollValue, QueueModel

PAUSE_S = 0.5  # between two reads of one run
PAUSE_UNANSWERED_S = 2.5  # the same, after a read that taught nothing
_LEAST_SAVING_S = 0.05  # per read, when no create waits
_SURE = 0.8  # a read with such a chance need not be spaced from the one before
_END_S = 500.0  # a read that goes before a create puts off the end: it must save this much more for that
_RESERVE = 1.15  # the reads that are left when all is created, over the time that the last runs need
_SPARE = 0.01  # and the share of the time so far that is added to it
_FEW = 10  # completions, below which little is known and few reads go before creates
_FEW_WASTED = 0.05  # reads that find a run unfinished, for each create, while little is known
_STALE = 0.05  # the ranking is kept while this share of the runs in it could be asked about


_NOTHING: tuple[PollValue, int | None] = PollValue(0.0, 0.0), None


class _OpenRun:
    __slots__ = ("asked_at", "awaited", "due_at", "group", "key", "line", "waits")

    def __init__(self, key: int, group: "_ModelGroup", line: ObservedRun, *, awaited: bool) -> None:
        self.key = key
        self.group = group
        self.line = line
        self.awaited = awaited  # its end is waited for, and teaches how long runs take
        self.asked_at = self.due_at = float("-inf")
        self.waits = True  # no read of it is under way


class _ModelGroup:
    """The open runs of one model: those never asked about, oldest first, and the others."""

    __slots__ = ("asked", "fresh", "model", "outlook", "ranked", "ranked_at")

    def __init__(self, model: str) -> None:
        self.model = model
        self.outlook = QueueModel()
        self.fresh: list[tuple[float, int, _OpenRun]] = []
        self.asked: dict[int, _OpenRun] = {}
        self.ranked: list[tuple[float, int]] = []  # by what a read saved at `ranked_at`, the most last
        self.ranked_at = float("-inf")


class Polling:
    """The open runs of one key, by their ledger key.

    `pace` is the requests per second that the window allows; whoever keeps the window sets it as it changes.
    """

    def __init__(self, per_second: float, known_durations: Mapping[str, Sequence[float]] | None = None) -> None:
        self.per_second = per_second
        self._open: dict[int, _OpenRun] = {}
        self._groups: dict[str, _ModelGroup] = {}
        self._urgent: deque[int] = deque()
        self._wasted_reads = self._creates = 0  # reads that found no end, those under way included
        self._first_create_at = float("inf")
        self._read_at = float("-inf")
        for model, durations in (known_durations or {}).items():
            for duration in durations:
                self._group(model).outlook.add_duration(duration)

    def __len__(self) -> int:
        return len(self._open)

    # --- what happens ---

    def open(self, key: int, model: str, since: float) -> None:
        """A run is open: it exists since `since`, long since where it is resumed."""
        group = self._group(model)
        run = self._open[key] = _OpenRun(key, group, group.outlook.add_run(since), awaited=True)
        heapq.heappush(group.fresh, (since, key, run))

    def enqueue_read(self, key: int, model: str, since: float) -> None:
        """Read this run at once: its data are wanted, whether it is done or not."""
        if key not in self._open:
            self._open[key] = _OpenRun(key, self._group(model), ObservedRun(0, since, since), awaited=False)
        self._urgent.append(key)

    def on_create_started(self, now: float) -> None:
        """A create has started."""
        self._creates += 1
        self._first_create_at = min(self._first_create_at, now)

    def on_read_started(self, key: int, now: float) -> None:
        """A read has started: the run, if it is open, is not due until it is answered."""
        self._read_at = now
        self._wasted_reads += 1
        run = self._open.get(key)
        if run is None:
            return
        run.waits = False
        run.asked_at = now
        if self._urgent and self._urgent[0] == key:
            self._urgent.popleft()

    def on_unfinished(self, key: int) -> None:
        """The run goes on."""
        run = self._open.get(key)
        if run is not None:
            run.awaited = True
            run.group.outlook.on_unfinished(run.line, run.asked_at)
            self._schedule(run, PAUSE_S)

    def on_unanswered(self, key: int) -> None:
        """Nothing was learned."""
        run = self._open.get(key)
        if run is not None:
            self._schedule(run, PAUSE_UNANSWERED_S)

    def on_finished(self, key: int, duration_s: float | None) -> None:
        """The run was seen finished, after `duration_s` by the API's own clock, None where it does not say."""
        self._wasted_reads -= 1
        run = self._open.get(key)
        if run is not None and run.awaited:
            done_at = None if duration_s is None else run.line.accepted_at + duration_s
            run.group.outlook.on_finished(run.line, run.asked_at, done_at)
        self.close(key)

    def close(self, key: int) -> None:
        """The run needs no more reads."""
        run = self._open.pop(key, None)
        if run is not None:
            run.waits = False
            run.group.asked.pop(key, None)

    def read_each_since(self, since: float) -> bool:
        """Whether every open run has been asked about since then, with whatever result; the others are asked next."""
        missing = [run for run in self._open.values() if run.asked_at < since or not run.waits]
        if not self._urgent:
            self._urgent.extend(run.key for run in missing if run.waits)
        return not missing

    def work_left(self, creates: Mapping[str, int]) -> list[RemainingWork]:
        """What is left to do, model by model, with so many creates of each still to come."""
        lines: dict[str, list[ObservedRun]] = {model: [] for model in creates}
        for run in self._open.values():
            lines.setdefault(run.group.model, []).append(run.line)
        return [
            RemainingWork(self._group(model).outlook, creates.get(model, 0), len(opened), sample_runs(opened))
            for model, opened in lines.items()
        ]

    # --- what to ask ---

    def pick(self, now: float, creates: int) -> int | None:
        """The run to ask about now; None where nothing, or one of the creates that wait, is the better use."""
        urgent = self._next_urgent()
        if urgent is not None:
            return urgent
        if creates > 0:
            return self._pick_before_creates(now, creates)
        worth, key = max(self._candidates(now), key=lambda item: item[0].saving_s, default=_NOTHING)
        spaced = now >= self._next_spaced_at or worth.chance >= _SURE
        return key if spaced and worth.saving_s >= _LEAST_SAVING_S else None

    def next_check_at(self, now: float) -> float:
        """When to look again if nothing happens before; infinity if none is open."""
        if not self._open:
            return float("inf")
        spaced_at = self._next_spaced_at
        return spaced_at if spaced_at > now else now + 1 / self.per_second

    def _pick_before_creates(self, now: float, creates: int) -> int | None:
        left_s, so_far_s = (creates + len(self._open)) / self.per_second, max(0.0, now - self._first_create_at)
        if sum(group.outlook.completions for group in self._groups.values()) < _FEW:
            may_read = self._wasted_reads + 1 <= _FEW_WASTED * self._creates and left_s >= 2 * so_far_s
            least = PollValue(_SURE, 0.0)
        else:
            finish_s = max(group.outlook.time_to_finish(self.per_second) for group in self._groups.values())
            may_read = left_s > _RESERVE * finish_s + _SPARE * so_far_s
            least = PollValue(0.0, left_s + _END_S)
        if not may_read:
            return None
        good = (item for item in self._candidates(now) if _reaches(item[0], least))
        return max(good, key=lambda item: item[0].chance, default=_NOTHING)[1]

    @property
    def _next_spaced_at(self) -> float:
        return self._read_at + 1 / self.per_second

    def _next_urgent(self) -> int | None:
        while self._urgent:
            run = self._open.get(self._urgent[0])
            if run is not None and run.waits:
                return run.key
            self._urgent.popleft()
        return None

    def _candidates(self, now: float) -> Iterator[tuple[PollValue, int]]:
        """The runs of which one is the best to ask about, and what that is worth."""
        for group in self._groups.values():
            for run in (_oldest(group), self._top(group, now)):
                if run is not None:
                    yield group.outlook.poll_value(run.line, now), run.key

    def _top(self, group: _ModelGroup, now: float) -> _OpenRun | None:
        """The run that leads the ranking of those asked about before."""
        if now - group.ranked_at > _STALE * len(group.asked) / self.per_second:
            waiting = (run for run in group.asked.values() if run.waits and run.due_at <= now)
            group.ranked = sorted((group.outlook.poll_value(run.line, now).saving_s, run.key) for run in waiting)
            group.ranked_at = now
        while group.ranked:
            run = group.asked.get(group.ranked[-1][1])
            if run is not None and run.waits and run.due_at <= now:
                return run
            group.ranked.pop()
        return None

    def _schedule(self, run: _OpenRun, pause_s: float) -> None:
        run.waits = True
        run.due_at = run.asked_at + pause_s
        run.group.asked[run.key] = run

    def _group(self, model: str) -> _ModelGroup:
        group = self._groups.get(model)
        if group is None:
            group = self._groups[model] = _ModelGroup(model)
        return group


def _oldest(group: _ModelGroup) -> _OpenRun | None:
    """The oldest of the runs never asked about."""
    while group.fresh:
        run = group.fresh[0][2]
        if run.waits and run.key not in group.asked:
            return run
        heapq.heappop(group.fresh)
    return None


def _reaches(worth: PollValue, least: PollValue) -> bool:
    return worth.chance >= least.chance and worth.saving_s >= least.saving_s

"""Which run is read next, and when a read is worth more than a create.

While creates wait, a read goes first only if it almost certainly finds its run finished, and only while the reads that
must still follow leave the last runs time to finish. When no create waits, the read that saves the most time goes, if
it saves enough. Runs that were never read differ only by age, so only the oldest of them is considered; the others are
ranked again only after a small share of them could have been read. Pure: `now` is passed in, in seconds of the engine's
clock.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hailuo_batch.core.scheduling.eta import RemainingWork, sample_runs
from hailuo_batch.core.scheduling.queue_model import ObservedRun, PollValue, QueueModel, QueueModels

PAUSE_S = 0.5  # between two reads of one run
PAUSE_UNANSWERED_S = 2.5  # the same, after a read without an answer
_LEAST_SAVING_S = 0.05  # per read, when no create waits
_SURE = 0.8  # a read with this chance to find its run finished need not be spaced from the one before
_END_S = 500.0  # a read that goes before a create delays the end of the campaign: it must save this much more
_LATE = 8.0  # of the runs left, all but so many are taken to finish within some age
_RESERVE = 1.15  # the time of the reads left when all is created, relative to that age: the last runs need so long
_FEW = 10  # below so many completions little is known, and few reads go before creates
_FEW_WASTED = 0.02  # the reads that find a run unfinished, per create, that are allowed then; one always is
_EARLY = 1.33  # and only while the reads left take this many times as long as the campaign has lasted
_STALE = 0.05  # the ranking is kept until this share of its runs could have been read
_NOTHING: tuple[PollValue, int | None] = PollValue(0.0, 0.0), None


class _OpenRun:
    __slots__ = ("asked_at", "awaited", "due_at", "group", "is_idle", "key", "observed")

    def __init__(self, key: int, group: "_ModelGroup", observed: ObservedRun, *, awaited: bool) -> None:
        self.key = key
        self.group = group
        self.observed = observed
        self.awaited = awaited  # its end is waited for, and shows how long runs take
        self.asked_at = self.due_at = float("-inf")
        self.is_idle = True  # no read of it is under way


class _ModelGroup:
    """The open runs of one model: those never read, oldest first, and the others."""

    __slots__ = ("model", "never_read", "queue_model", "ranked", "ranked_at", "read_before")

    def __init__(self, model: str, queue_model: QueueModel) -> None:
        self.model = model
        self.queue_model = queue_model
        self.never_read: list[tuple[float, int, _OpenRun]] = []
        self.read_before: dict[int, _OpenRun] = {}
        self.ranked: list[tuple[float, int]] = []  # by what a read would save at `ranked_at`, the most last
        self.ranked_at = float("-inf")


class Polling:
    """The open runs of one API key, by their ledger key. `queue_models` are shared with those of the other API keys.

    `per_second` is the requests per second that the key's window allows, and `all_per_second` that of all keys; the
    owner of the windows sets them as they change.
    """

    def __init__(self, per_second: float, queue_models: QueueModels) -> None:
        self.per_second = self.all_per_second = per_second
        self._queue_models = queue_models
        self._open: dict[int, _OpenRun] = {}
        self._groups: dict[str, _ModelGroup] = {}
        self._urgent: deque[int] = deque()
        self._wasted_reads = self._creates = 0  # reads that found no end, those under way included
        self._first_create_at = float("inf")
        self._read_at = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, key: int) -> bool:
        return key in self._open

    # --- what happens ---

    def open(self, key: int, model: str, since: float) -> None:
        """Follow a run to its end. It was created at `since`, long ago where it is resumed."""
        group = self._group(model)
        run = self._open[key] = _OpenRun(key, group, group.queue_model.add_run(since), awaited=True)
        heapq.heappush(group.never_read, (since, key, run))

    def enqueue_read(self, key: int, model: str, since: float) -> None:
        """Have this run read as soon as possible, whether or not it is finished."""
        if key not in self._open:
            self._open[key] = _OpenRun(key, self._group(model), ObservedRun(0, since, since), awaited=False)
        self._urgent.append(key)

    def on_create_started(self, now: float) -> None:
        """Count a create that starts."""
        self._creates += 1
        self._first_create_at = min(self._first_create_at, now)

    def on_read_started(self, key: int, now: float) -> None:
        """Count a read that starts. The run is not read again until it is answered."""
        self._read_at = now
        self._wasted_reads += 1
        run = self._open.get(key)
        if run is None:
            return
        run.is_idle = False
        run.asked_at = now
        if self._urgent and self._urgent[0] == key:
            self._urgent.popleft()

    def on_unfinished(self, key: int) -> None:
        """Take in that the run is not finished."""
        run = self._open.get(key)
        if run is not None:
            run.awaited = True
            run.group.queue_model.on_unfinished(run.observed, run.asked_at)
            self._schedule(run, PAUSE_S)

    def on_unanswered(self, key: int) -> None:
        """Take in that the read brought nothing."""
        run = self._open.get(key)
        if run is not None:
            self._schedule(run, PAUSE_UNANSWERED_S)

    def on_finished(self, key: int, duration_s: float | None) -> None:
        """Take in that the run is finished, after `duration_s` by the API's own clock, None where it does not say."""
        self._wasted_reads -= 1
        run = self._open.get(key)
        if run is not None and run.awaited:
            done_at = None if duration_s is None else run.observed.accepted_at + duration_s
            run.group.queue_model.on_finished(run.observed, run.asked_at, done_at)
        self.close(key)

    def close(self, key: int) -> None:
        """Forget the run: it needs no more reads."""
        run = self._open.pop(key, None)
        if run is not None:
            run.is_idle = False
            run.group.read_before.pop(key, None)

    def take_all(self) -> Sequence[tuple[int, float]]:
        """Forget every run. Returns them, each with the time when it was created."""
        taken = [(run.key, run.observed.accepted_at) for run in self._open.values()]
        for key, _ in taken:
            self.close(key)
        return taken

    def read_each_since(self, since: float) -> bool:
        """Whether every open run has been read since then, with whatever result. Has the others read next."""
        missing = [run for run in self._open.values() if run.asked_at < since or not run.is_idle]
        if not self._urgent:
            self._urgent.extend(run.key for run in missing if run.is_idle)
        return not missing

    @property
    def observed(self) -> Iterator[tuple[str, ObservedRun]]:
        """Each open run, with its model."""
        return ((run.group.model, run.observed) for run in self._open.values())

    # --- which request ---

    def pick(self, now: float, creates: int) -> int | None:
        """The run to read now; None where a waiting create, or no request at all, is the better use of a place."""
        urgent = self._next_urgent()
        if urgent is not None:
            return urgent
        if creates > 0:
            return self._pick_before_creates(now, creates)
        worth, key = max(self._candidates(now), key=lambda item: item[0].saving_s, default=_NOTHING)
        spaced = now >= self._next_spaced_at or worth.chance >= _SURE
        return key if spaced and worth.saving_s >= _LEAST_SAVING_S else None

    def next_check_at(self, now: float) -> float:
        """When to check again if nothing happens before; infinity if no run is open."""
        if not self._open:
            return float("inf")
        spaced_at = self._next_spaced_at
        return spaced_at if spaced_at > now else now + 1 / self.per_second

    def _pick_before_creates(self, now: float, creates: int) -> int | None:
        left_s = (creates + len(self._open)) / self.per_second
        if self._queue_models.completions < _FEW:
            is_early = left_s >= _EARLY * (now - self._first_create_at)
            may_read = is_early and self._wasted_reads + 1 <= max(1.0, _FEW_WASTED * self._creates)
            least = PollValue(_SURE, 0.0)
        else:
            late = min(0.5, _LATE / (left_s * self.all_per_second))
            may_read = left_s > _RESERVE * self._queue_models.age_outlived_by(late)
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
            if run is not None and run.is_idle:
                return run.key
            self._urgent.popleft()
        return None

    def _candidates(self, now: float) -> Iterator[tuple[PollValue, int]]:
        """The runs of which one is the best to read, each with the value of reading it."""
        for group in self._groups.values():
            for run in (_oldest(group), self._top(group, now)):
                if run is not None:
                    yield group.queue_model.poll_value(run.observed, now), run.key

    def _top(self, group: _ModelGroup, now: float) -> _OpenRun | None:
        """The first run in the ranking of those read before."""
        if now - group.ranked_at > _STALE * len(group.read_before) / self.per_second:
            waiting = (run for run in group.read_before.values() if run.is_idle and run.due_at <= now)
            ranked = ((group.queue_model.poll_value(run.observed, now).saving_s, run.key) for run in waiting)
            group.ranked = sorted(ranked)
            group.ranked_at = now
        while group.ranked:
            run = group.read_before.get(group.ranked[-1][1])
            if run is not None and run.is_idle and run.due_at <= now:
                return run
            group.ranked.pop()
        return None

    def _schedule(self, run: _OpenRun, pause_s: float) -> None:
        run.is_idle = True
        run.due_at = run.asked_at + pause_s
        run.group.read_before[run.key] = run

    def _group(self, model: str) -> _ModelGroup:
        group = self._groups.get(model)
        if group is None:
            group = self._groups[model] = _ModelGroup(model, self._queue_models.of(model))
        return group


def work_left(
    pollings: Iterable[Polling], queue_models: QueueModels, creates: Mapping[str, int]
) -> list[RemainingWork]:
    """The work left for each model. `creates` are the creates of each model still to come."""
    observed: dict[str, list[ObservedRun]] = {model: [] for model in creates}
    for polling in pollings:
        for model, run in polling.observed:
            observed.setdefault(model, []).append(run)
    return [
        RemainingWork(queue_models.of(model), creates.get(model, 0), len(opened), sample_runs(opened))
        for model, opened in observed.items()
    ]


def _oldest(group: _ModelGroup) -> _OpenRun | None:
    """The oldest of the runs never read."""
    while group.never_read:
        run = group.never_read[0][2]
        if run.is_idle and run.key not in group.read_before:
            return run
        heapq.heappop(group.never_read)
    return None


def _reaches(worth: PollValue, least: PollValue) -> bool:
    return worth.chance >= least.chance and worth.saving_s >= least.saving_s

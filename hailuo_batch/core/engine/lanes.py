"""The lanes of all given keys, and in which of them a run is read.

A run is read in the lane of its own key. Where that key is missing or refused, the others are asked whether they know
the run, and one that does takes it over. Pure; `runs` are the engine's.
"""

from collections.abc import Iterator, Mapping
from enum import Enum

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.api_status import ApiContact
from hailuo_batch.core.engine.key_check import KeyCheck
from hailuo_batch.core.engine.key_stops import KeyStops
from hailuo_batch.core.engine.lane import Lane
from hailuo_batch.core.engine.stop_reasons import EngineOutput, StopScope
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import RUNNING
from hailuo_batch.core.scheduling.queue_model import QueueModels


class ReadMeaning(Enum):
    """What a read means for its run that has shown whether a key knows it."""

    OPEN = "the run is read again, with this key or another"
    OWN = "the key knows the run, and the answer counts like any other of its own"
    LAST = "no key knows the run, and it was finished before"


class Lanes:
    """All lanes of one apply, in the order of the keys."""

    def __init__(self, settings: Settings, runs: Mapping[int, Run], snapshot: Snapshot, output: EngineOutput) -> None:
        self.contact = ApiContact(snapshot.endpoint)
        self.queue_models = QueueModels(settings.known_durations)
        stops = KeyStops(settings.api_keys, output)
        lanes = (Lane(key, settings, self.queue_models, self.contact, stops) for key in settings.api_keys)
        self._lanes = {lane.number: lane for lane in lanes}
        self.key_check = KeyCheck(runs, self._lanes)
        self._runs = runs
        self._output = output
        self._given_keys = settings.api_keys
        self._all_keys = {key.number: key for key in (*snapshot.api_keys, *settings.api_keys)}
        self._follow_since: dict[int, float] = {}  # runs of the key check that are then followed to their end
        self._told_of: set[int] = set()  # runs whose key is missing

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def __getitem__(self, number: int) -> Lane:
        return self._lanes[number]

    @property
    def open_runs(self) -> int:
        """How many runs are followed to their end."""
        return sum(len(lane.polling) for lane in self)

    def update_rates(self, now: float) -> None:
        """Tell each lane how fast it and all together may send."""
        for lane in self:
            lane.polling.per_second = lane.window.per_second(now)
        in_all = sum(lane.polling.per_second for lane in self if lane.may_send)
        for lane in self:
            lane.polling.all_per_second = in_all

    def follow(self, run: Run, since: float) -> None:
        """Have the run followed to its end, or read once if it is finished. It was created at `since`."""
        lane = self.lane_of(run)
        if lane is None:
            self._follow_since[run.key] = since
            self._find_key(run)
        elif run.state in RUNNING:
            lane.polling.open(run.key, run.model, since)
        else:
            lane.polling.enqueue_read(run.key, run.model, since)

    def lane_of(self, run: Run) -> Lane | None:
        """The lane in which the run is read, None where its key cannot be used."""
        lane = None if run.api_key is None else self._lanes.get(run.api_key)
        return lane if lane is not None and (lane.may_send or self._is_stopped) else None

    def leave_if_stopped(self, lane: Lane) -> None:
        """Look for other keys that know the runs of one that has just been refused."""
        if lane.may_send or self._is_stopped:
            return
        self.key_check.drop_key(lane.number)
        for key, since in lane.polling.take_all():
            self._follow_since.setdefault(key, since)
            self._find_key(self._runs[key])

    def on_key_checked(self, run: Run, outcome: Outcome, lane: Lane) -> ReadMeaning:
        """Handle the end of a read by which it is seen whether a key knows a run that another one made."""
        if is_no_answer(outcome):
            self.key_check.on_unanswered(run.key, lane.number)
            lane.polling.on_unanswered(run.key)
            return ReadMeaning.OPEN
        if isinstance(outcome, ev.RunMissing):
            lane.polling.close(run.key)
            is_unknown = self.key_check.on_unknown(run, lane.number)
            self.stop_if_no_key_is_right()
            return ReadMeaning.LAST if is_unknown and run.state not in RUNNING else ReadMeaning.OPEN
        was_followed = run.key in lane.polling
        for other in self.key_check.on_known(run.key, lane.number):
            self._expect(other, lane)
        since = self._follow_since.pop(run.key, None)
        if was_followed or run.state not in RUNNING:
            return ReadMeaning.OWN
        if since is not None:
            lane.polling.open(run.key, run.model, since)
        return ReadMeaning.OPEN

    def stop_if_no_key_is_right(self) -> None:
        """Stop where every key was asked, or refused, and none knows a run of this campaign."""
        if unknown := self.key_check.unknown_runs:
            run_ids = [run.run_id or "" for run in unknown]
            self._output.stop(stop_reasons.wrong_keys(self._given_keys, run_ids))

    def notify_of_missing_keys(self) -> int:
        """Tell the user once of each run that no given key knows. Returns how many of those are under way."""
        if self.key_check.is_pending or self._is_stopped:
            return 0
        waiting = self.key_check.waiting()
        untold = [run for run in waiting if run.key not in self._told_of]
        for maker in dict.fromkeys(run.api_key for run in untold):
            runs = [run for run in untold if run.api_key == maker]
            self._told_of.update(run.key for run in runs)
            self._output.notify(notices.key_missing(self._key_in_words(maker), runs))
        return sum(run.state in RUNNING for run in waiting)

    def _find_key(self, run: Run) -> None:
        """Have a key found that knows the run: ask with each, or with the one that knows others of the same maker."""
        self.key_check.add(run)
        owner = self.key_check.expected_owner(run)
        if owner is not None:
            self._expect(run, self._lanes[owner])

    def _expect(self, run: Run, lane: Lane) -> None:
        """Have a run read in this lane in its turn: its key has proved to know others of the same maker."""
        if run.key in self._follow_since and run.state in RUNNING:
            self.key_check.expect(run.key, lane.number)
            lane.polling.open(run.key, run.model, self._follow_since[run.key])

    def _key_in_words(self, number: int | None) -> str:
        if number is None:
            return "the key that made it, which is not on record"
        state = "refused" if number in self._lanes else "not among the given ones"
        return f"{self._all_keys.get(number, ApiKey(number))}, which is {state}"

    @property
    def _is_stopped(self) -> bool:
        return self._output.stop_scope >= StopScope.REQUESTS


def is_no_answer(outcome: Outcome) -> bool:
    """Whether a read brought nothing about its run."""
    return isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused)

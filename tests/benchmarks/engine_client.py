"""The product's engine as a client of the benchmark: its decisions, with a ledger that is a dictionary.

It does what the driver does, in the driver's order: what is decided is recorded, what is answered is interpreted,
recorded and then heard.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hailuo_batch.core.engine.engine import Engine, Settings
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Run, Snapshot, TakeRecord, fold
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.model.states import RunState
from hailuo_batch.values import DEFAULT_MODEL, Take, canonical_json, compute_fingerprint
from tests.benchmarks.provider import Answer, Request

FETCH_S = 1.0
WALL = 1_760_000_000.0


def snapshot_of(runs: int) -> Snapshot:
    """A ledger in which so many takes wait."""
    return Snapshot("benchmark", "sandbox", tuple(_record(number) for number in range(runs)))


def _record(number: int) -> TakeRecord:
    input_json = canonical_json({"prompt": f"lamp {number}"})
    digest = compute_fingerprint(DEFAULT_MODEL, input_json)
    take = Take(f"shot-{number}", f"shot-{number}", 1, DEFAULT_MODEL, input_json, digest)
    run = Run(number, take.id, 1, RunState.UNSENT, DEFAULT_MODEL, input_json, digest)
    return TakeRecord(take, in_manifest=True, runs=(run,))


class EngineClient:
    """`reports_times` says whether finished runs carry the provider's own times."""

    def __init__(self, settings: Settings, runs: int, *, reports_times: bool = True) -> None:
        snapshot = snapshot_of(runs)
        scope = frozenset(record.take.id for record in snapshot.takes)
        self.engine = Engine(replace(settings, consent=Consent.GIVEN), snapshot, scope, scope, now=0.0, wall=WALL)
        self._runs = {run.key: run for run in snapshot.runs}
        self._reports_times = reports_times
        self._fetches: list[tuple[float, int, act.FetchFile]] = []

    def start(self, now: float) -> Iterator[Request]:
        """One turn of the driver's loop."""
        while self._fetches and self._fetches[0][0] <= now:
            fetch = heapq.heappop(self._fetches)[2]
            self._finish(fetch, ev.FileSaved(fetch.index, f"{fetch.stem}.mp4", 1000, "0" * 64), now)
        for action in self.engine.decide(now):
            match action:
                case act.CreateRun():
                    key = action.run.key
                    self.engine.on_runs(
                        self._record([(key, ev.CreateStarted(f"create-{key}", action.api_key))], now), now
                    )
                    yield Request(creates=True, number=key, api_key=action.api_key)
                case act.ReadRun():
                    yield Request(creates=False, number=action.run.key, api_key=action.api_key)
                case act.FetchFile():
                    heapq.heappush(self._fetches, (now + FETCH_S, action.run.key, action))
                case act.MoveFile():
                    raise AssertionError("nothing is ever in another's place here")
        self.engine.notices.clear()

    def wake_at(self, now: float) -> float:
        """When the driver would turn again."""
        return min(self.engine.wake_at(now), self._fetches[0][0] if self._fetches else float("inf"))

    def on_answer(self, request: Request, answer: Answer, now: float) -> None:
        """Interpret, record, hear."""
        if request.number == NONEXISTENT_RUN.key:
            self.engine.on_result(act.ReadRun(NONEXISTENT_RUN, request.api_key), ev.RunMissing(), (), now)
            return
        run = self._runs[request.number]
        action = (act.CreateRun if request.creates else act.ReadRun)(run, request.api_key)
        self._finish(action, self._outcome(request, answer), now)

    def _outcome(self, request: Request, answer: Answer) -> ev.Outcome:
        if answer.refused:
            refused = ev.CreateRefused if request.creates else ev.ReadRefused
            return refused(ev.Refusal.RATE, "RATE_LIMITED", "too many requests")
        if request.creates:
            return ev.RunCreated(f"run_{request.number}", 280_000)
        if answer.done_at is None:
            return ev.RunStarted()
        url = f"https://files.example/{request.number}.mp4"
        if not self._reports_times:
            return ev.RunSucceeded((url,), 280_000)
        return ev.RunSucceeded((url,), 280_000, WALL + answer.created_at, WALL + answer.done_at)

    def _finish(self, action: Action, outcome: ev.Outcome, now: float) -> None:
        events = self.engine.interpret(action, outcome, now)
        runs = self._record([(action.run.key, event) for event in events], now)
        self.engine.on_result(action, outcome, runs, now)

    def _record(self, events: Sequence[tuple[int, Event]], now: float) -> tuple[Run, ...]:
        for key, event in events:
            self._runs[key] = fold(self._runs[key], event, WALL + now)
        return tuple(self._runs[key] for key, _ in events)

"""Actions in virtual time: a request travels, arrives at the sandbox's world, and its answer travels back."""

import heapq
from collections.abc import Callable
from itertools import count
from random import Random

from hailuo_batch.adapters.runbase import responses
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.runtime.executor import Completion
from hailuo_batch.sandbox.world import World
from hailuo_batch.values import request_json
from tests.sim.clock import VirtualClock
from tests.sim.disk import VirtualDisk

KEY = "sk-simulated"


class VirtualExecutor:
    """Carries actions out against a world, each way of the network taking up to `delay_s` seconds."""

    def __init__(
        self, world: World, clock: VirtualClock, disk: VirtualDisk, rng: Random, *, delay_s: float = 0.15
    ) -> None:
        self.world = world
        self.clock = clock
        self.disk = disk
        self.rng = rng
        self.delay_s = delay_s
        self.sent: list[tuple[float, Action]] = []
        self._order = count()
        self._queue: list[tuple[float, int, Callable[[], Completion | None]]] = []

    def start(self, action: Action) -> None:
        if isinstance(action, act.CreateRun | act.ReadRun):
            self.sent.append((self.clock.now(), action))
        self.at(self.way(), lambda: self.arrive(action))

    def way(self) -> float:
        return self.rng.uniform(0.1, 1.0) * self.delay_s / 2

    def at(self, delay_s: float, then: Callable[[], Completion | None]) -> None:
        heapq.heappush(self._queue, (self.clock.now() + delay_s, next(self._order), then))

    def arrive(self, action: Action) -> None:
        outcome = self.outcome(action)
        self.at(self.way(), lambda: Completion(action, outcome))

    def outcome(self, action: Action) -> Outcome:
        match action:
            case act.CreateRun():
                body = request_json(action.run.model, action.run.input_json).encode("utf-8")
                answer = self.world.create(self.clock.now(), KEY, body)
                return responses.create_outcome(responses.Response(answer.status, answer.body))
            case act.ReadRun():
                assert action.run.run_id is not None
                answer = self.world.read(self.clock.now(), KEY, action.run.run_id)
                return responses.read_outcome(responses.Response(answer.status, answer.body), action.run.run_id)
            case act.FetchFile():
                name = action.url.rsplit("/", 1)[-1].removesuffix(".mp4")
                clip = self.world.clip_of(name, self.clock.now())
                if clip is None:
                    return ev.FetchFailed("HTTP 404", gone=True)
                return self.disk.save(action.index, action.stem, clip.tail)
            case act.MoveFile():
                return self.disk.move(action.index, action.source, action.target)

    def wait(self, timeout_s: float) -> list[Completion]:
        until = self.clock.now() + timeout_s
        completions: list[Completion] = []
        while self._queue and self._queue[0][0] <= until and not completions:
            self.clock.time = max(self.clock.time, self._queue[0][0])
            while self._queue and self._queue[0][0] <= self.clock.time:
                completion = heapq.heappop(self._queue)[2]()
                if completion is not None:
                    completions.append(completion)
        if not completions:
            assert until != float("inf"), "the driver waits for ever"
            self.clock.time = until
        return completions

    def cancel_fetches(self) -> None:
        pass

"""The way to the API and back, in virtual time, with a world at its end and an adversary on it.

It is the executor of a simulated apply. Requests that left before a process died may still arrive: they wait in
`stragglers` until time has come to them. Files land in a real folder.
"""

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast

from hailuo_batch.core import actions as act
from hailuo_batch.core import events as ev
from hailuo_batch.core.actions import Action
from hailuo_batch.core.events import Outcome
from hailuo_batch.sandbox.world import World
from hailuo_batch.shell.client import answers
from hailuo_batch.shell.downloader import Downloader
from hailuo_batch.shell.executor import Completion
from hailuo_batch.shell.files import Files
from hailuo_batch.shell.ledger import Ledger
from hailuo_batch.values import request_json
from tests.sim.clock import VirtualClock
from tests.sim.fate import NETWORK, READS, Fate
from tests.sim.fileserver import Dialer, FileServer
from tests.sim.oddities import Oddities
from tests.sim.truth import Sent, Truth, Violation

KEY = "sk-simulated"
SECOND_KEY = "sk-simulated-too"
STRANGERS_KEY = "sk-another-account"
TIMEOUT_S = 60.0
_WAY_S = 0.08
_SLOW_S = 25.0
_MOST_TURNS = 20_000  # of waiting since the last create: several times what the longest `run_timeout` takes

Then = Callable[[], Completion | None]


@dataclass
class Site:
    """What outlives a process: the world, the clock, the truth, the output folder, and requests on their way."""

    world: World
    clock: VirtualClock
    fate: Fate
    truth: Truth
    oddities: Oddities
    outputs: Path
    cap_micro_usd: int | None = None
    stragglers: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)
    arrivals: deque[tuple[float, str, int]] = field(default_factory=deque)
    say: Callable[[str], object] = str

    def deliver_stragglers(self) -> None:
        """Have the requests arrive whose time has come."""
        while self.stragglers and self.stragglers[0][0] <= self.clock.now():
            heapq.heappop(self.stragglers)[2]()

    def jump(self, seconds: float) -> None:
        """The wall clock is set."""
        self.clock.wall_offset += seconds
        self.say(f"the wall clock is set by {seconds} s")

    def arrive(self, what: str, process: int) -> None:
        """A request is at the server, which counts it. Raises Violation where its window is full by our fault alone."""
        now, window = self.clock.now(), self.world.settings.rate_window_s
        while self.arrivals and now - self.arrivals[0][0] > window:
            self.arrivals.popleft()
        self.arrivals.append((now, what, process))

    def blame(self, process: int) -> None:
        """The world has refused a request of this process for its rate."""
        if not any(what in {"foreign", "late"} for _, what, _ in self.arrivals):
            raise Violation(f"process {process} passed the request window, and nobody else uses the key")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a process is given: its API key, the most that a run of each model may cost before it must stop, and what
    raises Violation for a create that it must not send."""

    key: str
    most_micro_usd: Mapping[str, float]
    check_create: Callable[[act.CreateRun], None]


class Network:
    """Carries actions out for one process."""

    def __init__(
        self, site: Site, process: int, ledger: Ledger, at_each_turn: Callable[[], None], terms: Terms
    ) -> None:
        self.site = site
        self.process = process
        self._terms = terms
        self._too_dear = False
        self._ledger = ledger
        self.creates = 0
        self._at_each_turn = at_each_turn
        self._files = Files(site.outputs)
        self._downloader = Downloader(site.outputs, allow_loopback=True)
        server = FileServer(site.fate, site.truth, site.oddities.tail_of)
        self._downloader._dialer = cast("Any", Dialer(server, site.fate))
        self._cancelled = False
        self._queue: list[tuple[float, int, Then]] = []
        self._on_the_way: dict[int, tuple[float, Callable[[], object]]] = {}
        self._turns = 0
        self._just_told: list[Sent] = []  # answers taken in this turn: the next one may rely upon them

    def start(self, action: Action) -> None:
        """Have the action carried out."""
        fate = self.site.fate
        fate.point(f"before {type(action).__name__}")
        match action:
            case act.CreateRun():
                self.creates += 1
                self._turns = 0
                if self._too_dear:
                    raise Violation(f"a create of {action.run.take_id} leaves after a run cost more than was agreed to")
                self.site.say(f"create of {action.run.take_id}, attempt {action.run.attempt}")
                self._terms.check_create(action)
                expected = self.site.truth.newest_cost(self._ledger)
                self.site.truth.send(action.run, self.process, expected, self.site.clock.now())
                self._exchange(action)
            case act.ReadRun():
                self._exchange(action)
            case act.FetchFile():
                self._at(_SLOW_S if fate.happens("fetch slow") else self._way(), lambda: self._fetch(action))
            case act.MoveFile():
                self._at(0.01, lambda: self._move(action))
        fate.point(f"after {type(action).__name__} began")

    def wait(self, timeout_s: float) -> list[Completion]:
        """Let time pass until an action has ended, at most so long."""
        self._turns += 1
        if self._turns > _MOST_TURNS:
            raise Violation("the apply does not come to an end")
        for sent in self._just_told:
            sent.told = "receipts" not in self.site.fate.disk_failed
        self._just_told.clear()
        self._at_each_turn()
        until = self.site.clock.now() + timeout_s
        completions: list[Completion] = []
        while self._queue and self._queue[0][0] <= until and not completions:
            self._pass_time(self._queue[0][0])
            while self._queue and self._queue[0][0] <= self.site.clock.now():
                completion = heapq.heappop(self._queue)[2]()
                if completion is not None:
                    completions.append(completion)
        if not completions:
            if until == float("inf"):
                raise Violation("the driver waits for ever")
            self._pass_time(until)
        self.site.fate.point("an answer is taken in")
        for completion in completions:
            self._tell(completion)
        return completions

    def cancel_fetches(self) -> None:
        """Have downloads end soon."""
        self._cancelled = True

    def hang_up(self) -> None:
        """The process has ended: what it sent may still arrive, and nobody hears the answer."""
        for arrives_at, arrive in self._on_the_way.values():
            if self.site.fate.rng.random() < 0.7:
                heapq.heappush(self.site.stragglers, (arrives_at, next(self.site.order), arrive))
        self._on_the_way.clear()

    # --- requests ---

    def _exchange(self, action: act.CreateRun | act.ReadRun) -> None:
        fate, site = self.site.fate, self.site
        fault = fate.one_of(NETWORK if isinstance(action, act.CreateRun) else (*NETWORK, *READS))
        if fault:
            site.say(f"{type(action).__name__} {action.run.take_id}: {fault}")
        if fault == "not sent":
            self._end(action, self._way(), answers.NotSent("connection refused"))
            return
        if fault == "request lost":
            self._end(action, TIMEOUT_S, answers.Unanswered("timed out"))
            return
        way = _SLOW_S * fate.rng.random() if fault == "slow" else self._way()
        if fault == "arrives late":
            way = fate.rng.uniform(0.9, 1.5) * TIMEOUT_S
        number = next(site.order)

        def arrive() -> None:
            site.fate.point("before a request arrives")
            self._on_the_way.pop(number, None)
            exchange = self._at_the_server(action, fault, late=way > TIMEOUT_S)
            site.fate.point("after a request arrived")
            if way > TIMEOUT_S:
                return
            if fault in {"answer lost", "answer late"} or way > TIMEOUT_S - _SLOW_S:
                lost_s = self._way() if fault == "answer lost" else TIMEOUT_S - way
                self._end(action, lost_s, answers.Unanswered("connection reset"))
            else:
                self._end(action, way, exchange)

        def arrive_unheard() -> None:
            self._at_the_server(action, fault, late=True)

        self._on_the_way[number] = (site.clock.now() + way, arrive_unheard)
        self._at(way, arrive)
        if way > TIMEOUT_S:
            self._end(action, TIMEOUT_S, answers.Unanswered("timed out"))

    def _at_the_server(self, action: act.CreateRun | act.ReadRun, fault: str, *, late: bool) -> answers.Exchange:
        site = self.site
        if fault == "5xx before":
            return _broken(site.fate.rng.choice((500, 502, 503, 504)))
        what = "late" if late else "create" if isinstance(action, act.CreateRun) else "read"
        limited = site.world.stats.rate_limited
        site.arrive(what, self.process)
        now = site.clock.now()
        if isinstance(action, act.CreateRun):
            body = request_json(action.run.model, action.run.input_json).encode("utf-8")
            answer = site.world.create(now, self._terms.key, body)
            run_id = answer.body.get("id")
            if isinstance(run_id, str):
                assert action.run.create_id is not None
                site.truth.make(action.run.create_id, run_id, site.cap_micro_usd, now)
                site.oddities.born(run_id)
                site.say(f"the world made {run_id} for {action.run.take_id}")
        else:
            assert action.run.run_id is not None
            answer = site.world.read(now, self._terms.key, action.run.run_id)
        if site.world.stats.rate_limited > limited:
            site.blame(self.process)
            site.arrivals.pop()
        return self._answered(action, answer.status, answer.body, fault)

    def _answered(
        self, action: act.CreateRun | act.ReadRun, status: int, data: Mapping[str, Any], fault: str
    ) -> answers.Exchange:
        site = self.site
        told = answers.Answer(status, data)
        if isinstance(action, act.ReadRun):
            told = site.oddities.told(told)
        status, data = told.status, told.data or {}
        match fault:
            case "5xx after":
                return _broken(site.fate.rng.choice((500, 502, 503, 504)))
            case "answer cut":
                return answers.Answer(status, None, "the connection broke")
            case "missing":
                return answers.Answer(404, {"error": {"code": "run_not_found", "message": "no such run"}})
            case "odd answer":
                return site.oddities.odd_answer(status, data, is_create=isinstance(action, act.CreateRun))
            case "odd status" if status == 200:
                return answers.Answer(status, {**data, "status": "paused"})
            case "another's ID" if status == 200:
                made = ((run_id, sent) for run_id, sent in site.truth.made.items() if sent.era == site.truth.era)
                others = [run_id for run_id, sent in made if sent.told and run_id != data.get("id")]
                return answers.Answer(status, {**data, "id": site.fate.rng.choice(others)} if others else data)
            case _:
                return told

    def _end(self, action: act.CreateRun | act.ReadRun, delay_s: float, exchange: answers.Exchange) -> None:
        outcome: Outcome
        if isinstance(action, act.CreateRun):
            outcome = answers.create_outcome(exchange)
        else:
            outcome = answers.read_outcome(exchange, action.run.run_id or "")
        self._at(delay_s, lambda: Completion(action, outcome))

    def _tell(self, completion: Completion) -> None:
        action, outcome = completion.action, completion.outcome
        if not isinstance(action, act.CreateRun):
            return
        sent = self.site.truth.sent[action.run.create_id or ""]
        if isinstance(outcome, ev.RunCreated) and outcome.run_id == sent.run_id:
            most = self._terms.most_micro_usd.get(action.run.model, float("inf"))
            self._too_dear |= (outcome.cost_micro_usd or 0) > most
        match outcome:
            case ev.RunCreated() if outcome.run_id == sent.run_id:
                self._just_told.append(sent)
            case ev.CreateNotSent() | ev.CreateRefused() | ev.InputRejected():
                sent.settled = True
            case _:
                pass

    # --- files ---

    def _fetch(self, action: act.FetchFile) -> Completion:
        self.site.fate.point("before a download")
        outcome = self._downloader.fetch(action.url, action.stem, action.index, lambda: self._cancelled)
        if isinstance(outcome, ev.FetchFailed):
            self.site.say(f"download of {action.run.take_id}: {outcome.reason}")
        return Completion(action, outcome)

    def _move(self, action: act.MoveFile) -> Completion:
        self.site.fate.point("before a rename")
        return Completion(action, self._files.move(action.index, action.source, action.target))

    # --- time ---

    def _way(self) -> float:
        return self.site.fate.rng.uniform(0.1, 1.0) * _WAY_S

    def _at(self, delay_s: float, then: Callable[[], Completion | None]) -> None:
        heapq.heappush(self._queue, (self.site.clock.now() + delay_s, next(self.site.order), then))

    def _pass_time(self, until: float) -> None:
        clock = self.site.clock
        stragglers = self.site.stragglers
        while stragglers and stragglers[0][0] <= until:
            clock.time = max(clock.time, stragglers[0][0])
            self.site.deliver_stragglers()
        clock.time = max(clock.time, until)


def _broken(status: int) -> answers.Answer:
    return answers.Answer(status, {"error": {"message": "an unexpected error occurred", "code": "internal_error"}})

"""The way to the API and back, in virtual time, with a world at its end and an adversary on it.

It is the executor of a simulated apply. Requests that left before a process died may still arrive: they wait in
`stragglers` until time has come to them. Files land in a real folder.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.adapters.runbase import responses
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.runtime.executor import Completion
from tests.sim.adversary import GATEWAY, NETWORK, READS
from tests.sim.environment import Site
from tests.sim.fileserver import Dialer, FileServer
from tests.sim.key_promises import KeyWatch
from tests.sim.server import Request, Server
from tests.sim.truth import Sent, Violation

TIMEOUT_S = 60.0
_WAY_S = 0.08
_SLOW_S = 25.0
_SMALLEST_VIDEO = 150  # bytes
_AMPLE = 3_000_000  # more than any video here has, and room for a report
_OF_CREATES = (*GATEWAY[:2], *NETWORK)
_OF_READS = (GATEWAY[2], *NETWORK, *READS)
_STRANGERS = frozenset({*GATEWAY, "answer cut", "5xx before", "5xx after"})  # what does not show that the API is there
_MOST_TURNS = 20_000  # of waiting since the last create: several times what the longest `run_timeout` takes

Then = Callable[[], Completion | None]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a process is given: its API keys by their numbers, the most that a run of each model may cost before it must
    stop, and what raises Violation for a create that it must not send."""

    keys: Mapping[int, str]
    most_micro_usd: Mapping[str, float]
    check_create: Callable[[act.CreateRun], None]


class Network:
    """Carries actions out for one process."""

    def __init__(
        self,
        site: Site,
        process: int,
        ledger: Ledger,
        at_each_turn: Callable[[], None],
        terms: Terms,
        key_watch: KeyWatch,
    ) -> None:
        self.site = site
        self.process = process
        self._terms = terms
        self._server = Server(site, process, terms.keys)
        self._key_watch = key_watch
        self._too_dear = False
        self._ledger = ledger
        self.creates = 0
        self.open_creates: set[str] = set()  # creates that have left and not come to their end
        self.bereft: list[Sent] | None = None  # creates since the records were taken away, None where they were not
        self._bereft_at = 0
        self._has_read = False  # a run, or that there is none: the API has answered to that
        self._free_before = site.room.free
        self._is_full = False  # it has been told that a video found no room
        self._at_each_turn = at_each_turn
        self._files = OutputFiles(site.outputs)
        self._downloader = Downloader(site.outputs, allow_loopback=True)
        files = FileServer(site.fate, site.truth, site.oddities.tail_of)
        self._downloader._dialer = cast("Any", Dialer(files, site.fate))
        self._cancelled = False
        self._queue: list[tuple[float, int, Then]] = []
        self._on_the_way: dict[int, tuple[float, Callable[[], object]]] = {}
        self._turns = self._idle_turns = 0
        self._just_delivered: list[Sent] = []  # answers taken in this turn: the next one may rely upon them

    def start(self, action: Action) -> None:
        """Have the action carried out."""
        fate = self.site.fate
        fate.point(f"before {type(action).__name__}")
        match action:
            case act.CreateRun():
                self._create(action)
                self._exchange(action)
            case act.ReadRun():
                self._key_watch.check_request(action)
                self._exchange(action)
            case act.FetchFile():
                self._at(_SLOW_S if fate.happens("fetch slow") else self._way(), lambda: self._fetch(action))
            case act.MoveFile():
                self._at(0.01, lambda: self._move(action))
        fate.point(f"after {type(action).__name__} began")

    def _create(self, action: act.CreateRun) -> None:
        """A create leaves. Raises Violation where it must not."""
        run, site = action.run, self.site
        self.creates += 1
        self._idle_turns = 0
        site.log(f"create of {run.take_id}, attempt {run.attempt}")
        if self._too_dear:
            raise Violation(f"a create of {run.take_id} leaves after a run cost more than was agreed to")
        if self.bereft is not None and self._bereft_at < self._turns:
            raise Violation(f"a create of {run.take_id} leaves, and nothing is left under its name to record it in")
        if not self._has_read:
            raise Violation(f"a create of {run.take_id} leaves, and nothing has shown yet that the API is there")
        if self._free_before < _SMALLEST_VIDEO or self._is_full:
            raise Violation(f"a create of {run.take_id} leaves, and no video could be saved")
        self._terms.check_create(action)
        self._key_watch.check_request(action)
        site.truth.check_cap(self._ledger, site.cap_micro_usd)
        sent = site.truth.send(run, self.process, site.truth.newest_cost(self._ledger), site.clock.now())
        self.open_creates.add(sent.create_id)
        if self.bereft is not None:
            sent.unreceipted = True
            self.bereft.append(sent)

    def bereave(self, *, between_turns: bool) -> None:
        """The records are taken away: between two turns, or in the middle of one whose creates are as good as sent."""
        if self.bereft is None:
            self.bereft, self._bereft_at = [], self._turns - between_turns

    def wait(self, timeout_s: float) -> list[Completion]:
        """Let time pass until an action has ended, at most so long."""
        self._turns += 1
        self._idle_turns += 1
        if self._idle_turns > _MOST_TURNS:
            raise Violation("the apply does not come to an end")
        for sent in self._just_delivered:
            sent.reported = "receipts" not in self.site.fate.disk_failed
        self._just_delivered.clear()
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
            self._deliver(completion)
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

    def _exchange(self, action: Request) -> None:
        fate, site = self.site.fate, self.site
        fault = fate.one_of(_OF_CREATES if isinstance(action, act.CreateRun) else _OF_READS)
        if fault:
            fate.count(fault)
            site.log(f"{type(action).__name__} {action.run.take_id}: {fault}")
        if fault == "not sent":
            self._end(action, self._way(), responses.NotSent("connection refused"))
            return
        if fault == "request lost":
            self._end(action, TIMEOUT_S, responses.Unanswered("timed out"))
            return
        way = _SLOW_S * fate.rng.random() if fault == "slow" else self._way()
        if fault == "arrives late":
            way = fate.rng.uniform(0.9, 1.5) * TIMEOUT_S
        number = next(site.order)

        def arrive() -> None:
            site.fate.point("before a request arrives")
            self._on_the_way.pop(number, None)
            exchange = self._server.answer(action, fault, late=way > TIMEOUT_S)
            site.fate.point("after a request arrived")
            if way > TIMEOUT_S:
                return
            if fault in {"answer lost", "answer late"} or way > TIMEOUT_S - _SLOW_S:
                lost_s = self._way() if fault == "answer lost" else TIMEOUT_S - way
                self._end(action, lost_s, responses.Unanswered("connection reset"))
            else:
                self._end(action, way, exchange, is_api=fault not in _STRANGERS)

        def arrive_without_answer() -> None:
            self._server.answer(action, fault, late=True)

        self._on_the_way[number] = (site.clock.now() + way, arrive_without_answer)
        self._at(way, arrive)
        if way > TIMEOUT_S:
            self._end(action, TIMEOUT_S, responses.Unanswered("timed out"))

    def _end(
        self, action: Request, delay_s: float, exchange: responses.ExchangeResult, *, is_api: bool = False
    ) -> None:
        """`is_api` says that the API itself has answered, whatever it said."""
        outcome: Outcome
        if isinstance(action, act.CreateRun):
            outcome = responses.create_outcome(exchange)
        else:
            outcome = responses.read_outcome(exchange, action.run.run_id or "")

        def come() -> Completion:
            self._has_read |= is_api and isinstance(action, act.ReadRun)
            return Completion(action, outcome)

        self._at(delay_s, come)

    def _deliver(self, completion: Completion) -> None:
        action, outcome = completion.action, completion.outcome
        self._is_full |= isinstance(outcome, ev.DiskFull)
        if isinstance(action, act.CreateRun | act.ReadRun):
            self._key_watch.take_answer(action, outcome)
        if not isinstance(action, act.CreateRun):
            return
        sent = self.site.truth.sent[action.run.create_id or ""]
        self.open_creates.discard(sent.create_id)
        if isinstance(outcome, ev.RunCreated) and outcome.run_id == sent.run_id:
            most = self._terms.most_micro_usd.get(action.run.model, float("inf"))
            self._too_dear |= (outcome.cost_micro_usd or 0) > most
        match outcome:
            case ev.RunCreated() if outcome.run_id == sent.run_id:
                self._just_delivered.append(sent)
            case ev.CreateNotSent() | ev.CreateRefused() | ev.InputRejected():
                sent.final = True
            case _:
                pass

    # --- files ---

    def _fetch(self, action: act.FetchFile) -> Completion:
        self.site.fate.point("before a download")
        free = self.site.room.free
        outcome = self._downloader.fetch(action.url, action.stem, action.index, lambda: self._cancelled)
        if isinstance(outcome, ev.FetchFailed | ev.DiskFull):
            self.site.log(f"download of {action.run.take_id}: {outcome.reason}")
        if isinstance(outcome, ev.DiskFull) and free > _AMPLE and "output" not in self.site.fate.disk_failed:
            raise Violation(f"no video of {action.run.take_id} is saved, and there is room for it: {outcome.reason}")
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

"""The engine: facts go in, the next actions come out.

It has no clock, no threads, no files and no sockets. The driver asks it what to start now (`decide`), what an
answer means (`interpret`), and tells it what the ledger has recorded (`hear`): the engine never acts upon a fact
that is not on disk. Times are `now`, in seconds of a clock that never goes back.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hailuo_batch.core import actions as act
from hailuo_batch.core import events as ev
from hailuo_batch.core import halts, notices
from hailuo_batch.core.actions import Action
from hailuo_batch.core.books import Books, Progress
from hailuo_batch.core.budget import Budget
from hailuo_batch.core.connection import Connection
from hailuo_batch.core.events import Event, Outcome
from hailuo_batch.core.fetching import Fetching, Slot
from hailuo_batch.core.halts import Halt, Reach
from hailuo_batch.core.interpret import Interpreter
from hailuo_batch.core.lifecycle import RUNNING, RunState
from hailuo_batch.core.plan import failures, is_spare
from hailuo_batch.core.polling import Polling
from hailuo_batch.core.records import Run, Snapshot, Supersession
from hailuo_batch.core.remaining import Remaining, time_left
from hailuo_batch.core.shelf import Shelf
from hailuo_batch.core.spend import Cap
from hailuo_batch.core.steps import AddAttempt, Step, SupersedeRun
from hailuo_batch.core.trust import STORM, Trust

PRICE_RISE = 0.1  # a cost above the shown price by more than this share stops creating


@dataclass(frozen=True, slots=True)
class Settings:
    """What bounds an apply. Money in micro-USD, times in seconds; None means no such bound.

    `shown_prices` is what the plan showed for each model; creating stops where a run costs clearly more.
    `key_is_new` says that another key made the runs that the ledger knows. `known_durations` are, for each model, how
    long runs of earlier applies took.
    """

    rate_limit: int = 20
    rate_window_s: float = 10.0
    cap_micro_usd: int | None = None
    max_attempts: int = 1
    max_in_flight: int | None = None
    run_timeout_s: float = 3600.0
    fetches_at_once: int = 4
    shown_prices: Mapping[str, int] = field(default_factory=dict)
    key_is_new: bool = False
    known_durations: Mapping[str, Sequence[float]] = field(default_factory=dict)


class Engine:
    """One apply's decisions, over the snapshot of a ledger whose plan has been recorded.

    `scope` are the takes to be made; `collected` those whose runs are followed to their end; `again` the outputs that
    are downloaded although they are on record, whatever take they belong to. `wall` is the time of day at `now`, in
    seconds since the epoch, so that the ages of older runs are known.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: Snapshot,
        scope: frozenset[str],
        collected: frozenset[str],
        *,
        now: float,
        wall: float,
        again: frozenset[Slot] = frozenset(),
    ) -> None:
        self.settings = settings
        self.budget = Budget(settings.rate_limit, settings.rate_window_s)
        self.notices: deque[str] = deque()
        self.halts: list[Halt] = []
        self.key_refused = False
        self._scope = scope
        self._collected = collected
        self._again = set(again)
        self._epoch_offset = wall - now
        self._runs: dict[int, Run] = {}
        self._attempts: dict[str, list[int]] = {}
        self._twins: dict[str, list[int]] = {}  # by fingerprint
        self._creatable: deque[int] = deque()
        self._sending: Counter[str] = Counter()  # creates under way, by model
        self._polling = Polling(settings.rate_limit / settings.rate_window_s, settings.known_durations)
        self._fetching = Fetching(settings.fetches_at_once)
        self._shelf = Shelf()
        self._cap = Cap(settings.cap_micro_usd)
        self._books = Books(scope)
        self._interpreter = Interpreter()
        self._connection = Connection()
        self._trust = Trust(settings.rate_limit / settings.rate_window_s)
        self._remaining = Remaining()
        self._refreshed: set[int] = set()
        self._odd_statuses: set[str] = set()
        self._immovable: set[tuple[int, int]] = set()
        self._steps: list[Step] = []
        self.under_way = 0
        self._last_finish_at = now
        self._probe: int | None = None
        self._probe_asked = False
        for run in snapshot.forgotten:
            self._cap.hear(run)
            self._books.hear_forgotten(run)
            self._interpreter.know(run)
        self.hear_runs(snapshot.runs, now)
        if settings.key_is_new:
            self._probe = self._polling.any_key()

    # --- what to do ---

    def due_steps(self) -> tuple[Step, ...]:
        """Bookkeeping that must be recorded, and heard of by `hear_runs`, before anything else is decided."""
        steps, self._steps = tuple(self._steps), []
        return steps

    def decide(self, now: float) -> list[Action]:
        """What to start now. Whatever is returned counts as started."""
        self._watch(now)
        if self.reach is Reach.ALL:
            return []
        actions = [*self._moves(), *self._requests(now), *self._fetches(now)]
        self.under_way += len(actions)
        return actions

    def wake_at(self, now: float) -> float:
        """When to ask again if nothing comes back before; infinity where only an answer can change anything."""
        if self.reach is Reach.ALL:
            return float("inf")
        times = [self._fetching.next_due_at()]
        if self.reach < Reach.REQUESTS:
            can_send_at = max(self.budget.next_free_at(now), self._connection.held_until)
            times.append(max(can_send_at, self._wanted_at(now)))
            if len(self._polling) > 0:
                times.append(self._last_finish_at + self.settings.run_timeout_s)
        return min(times)

    def _wanted_at(self, now: float) -> float:
        """When the next request is wanted, whether or not it may be sent then."""
        if self._probe is not None:
            return float("inf") if self._probe_asked else now
        return now if self._next_create() is not None else self._polling.next_look_at(now)

    @property
    def probing(self) -> bool:
        """Whether all else waits for the answer to whether the key knows the campaign's runs."""
        return self._probe is not None

    @property
    def finished(self) -> bool:
        """Whether nothing is under way and nothing more can be started."""
        if self.under_way or self._steps:
            return False
        if self.reach is Reach.ALL:
            return True
        more_requests = len(self._polling) > 0 or (len(self._creatable) > 0 and self.reach < Reach.CREATES)
        return not (more_requests and self.reach < Reach.REQUESTS) and len(self._fetching) == 0

    @property
    def reach(self) -> Reach:
        """How far the halts so far go."""
        return max((halt.reach for halt in self.halts), default=Reach.NONE)

    def halt(self, halt: Halt) -> None:
        """Stop, as far as the halt goes. What is under way still comes to its end."""
        if halt.reach > self.reach or halt.exit_code not in {known.exit_code for known in self.halts}:
            self.halts.append(halt)
            self.notices.append(halt.text)

    def progress(self, now: float) -> Progress:
        """Where the apply stands."""
        waiting_s = None
        if self.reach < Reach.REQUESTS and self._next_create() is not None:
            waiting_s = max(0.0, max(self.budget.next_free_at(now), self._connection.held_until) - now)
        under_way = self._trust.under_way, self._fetching.under_way
        left_s = self._remaining.ask(now, self.reach, lambda: self._left_s(now))
        return self._books.progress(len(self._scope), *under_way, waiting_s, left_s)

    def _left_s(self, now: float) -> float | None:
        """About how many seconds requests are still made; None where no more are."""
        if self.reach >= Reach.REQUESTS:
            return None
        creates = Counter(self._sending)
        if self.reach < Reach.CREATES:
            waiting = Counter(self._runs[key].model for key in self._creatable)
            creates += {model: self._cap.most_of(count, model) for model, count in waiting.items()}
        pace = self.settings.rate_limit / self.settings.rate_window_s
        return time_left(self._polling.work_left(creates), now, pace, self.settings.max_in_flight)

    def _requests(self, now: float) -> Iterator[Action]:
        if self.reach >= Reach.REQUESTS or now < self._connection.held_until:
            return
        if self._probe is not None:
            yield from self._ask_probe(self._probe, now)
            return
        while self.budget.free(now) > 0:
            read = self._polling.pick(now, self._creates_waiting())
            create = self._next_create() if read is None else None
            if create is None and read is None:
                return
            self.budget.take()
            if read is not None:
                self._polling.asked(read, now)
                yield act.ReadRun(self._runs[read])
            elif create is not None:
                self._creatable.popleft()
                self._trust.start()
                self._polling.creating(now)
                self._cap.reserve(self._runs[create])
                self._sending[self._runs[create].model] += 1
                yield act.CreateRun(self._runs[create])

    def _ask_probe(self, probe: int, now: float) -> Iterator[Action]:
        """With a key that did not make the runs, one of them is asked about before anything else."""
        if not self._probe_asked and self.budget.free(now) > 0:
            self._probe_asked = True
            self.budget.take()
            self._polling.asked(probe, now)
            yield act.ReadRun(self._runs[probe])

    def _next_create(self) -> int | None:
        """The attempt to be paid for next; None where there is none or it must wait."""
        if self.reach >= Reach.CREATES or not self._creatable or not self._trust.admits() or self._probe is not None:
            return None
        if self._in_flight_is_full:
            return None
        key = self._creatable[0]
        return key if self._cap.admits(self._runs[key].model) else None

    def _creates_waiting(self) -> int:
        """How many creates wait for a request, or for nothing but the answers to creates under way."""
        held_by_answers = self._trust.under_way > 0 and not self._trust.is_storm and not self._in_flight_is_full
        may_create = self.reach < Reach.CREATES and (held_by_answers or self._next_create() is not None)
        return len(self._creatable) if may_create else 0

    @property
    def _in_flight_is_full(self) -> bool:
        most = self.settings.max_in_flight
        return most is not None and self._books.open_runs + self._trust.under_way >= most

    def _fetches(self, now: float) -> Iterator[Action]:
        while (slot := self._fetching.pick(now)) is not None:
            self._fetching.start(slot)
            run = self._runs[slot[0]]
            yield act.FetchFile(run, slot[1], run.outputs[slot[1]].url, self._shelf.landing_stem(run, slot[1]))

    def _moves(self) -> Iterator[Action]:
        for move in self._shelf.next_moves():
            if (move.key, move.index) not in self._immovable:
                self._immovable.add((move.key, move.index))
                yield act.MoveFile(self._runs[move.key], move.index, move.source, move.target)

    def _watch(self, now: float) -> None:
        """Notice what only time, or the lack of a way on, shows."""
        if self.reach < Reach.CREATES and self._creatable:
            model = self._runs[self._creatable[0]].model
            if not self._cap.admits(model) and not self._cap.waits_for_price(model):
                cap = self._cap
                self.halt(halts.cap_reached(cap.cap_micro_usd or 0, cap.committed_micro_usd, cap.cost_of(model)))
            elif self._next_create() is None and not (self.under_way or len(self._polling) or len(self._fetching)):
                self.halt(halts.held_up(len(self._creatable)))
        if self.reach >= Reach.REQUESTS:
            return
        if self._connection.is_gone(now):
            self.halt(halts.silent(self._connection.reason, self._connection.silent_for_s(now)))
        elif len(self._polling) > 0 and now >= self._last_finish_at + self.settings.run_timeout_s:
            self.halt(halts.timed_out(self.settings.run_timeout_s, len(self._polling)))

    # --- what came of it ---

    def interpret(self, action: Action, outcome: Outcome, now: float) -> tuple[Event, ...]:
        """The events to record before `hear` is called with the runs as they then stand."""
        if action.run.key == self._probe and isinstance(outcome, ev.RunMissing):
            return ()
        return self._interpreter.events(self._runs[action.run.key], outcome, now)

    def hear_runs(self, runs: Iterable[Run], now: float) -> None:
        """Take runs as the ledger has them, and see to what is to be done with those that are new."""
        for run in runs:
            is_new = run.key not in self._runs
            self._take_in(run)
            if is_new:
                self._see_to(run, now)

    def hear(self, action: Action, outcome: Outcome, runs: Iterable[Run], now: float) -> None:
        """An action has come to its end, and what changed is recorded: `runs`, as they stand now."""
        self.under_way -= 1
        for run in runs:
            self._take_in(run)
        run = self._runs[action.run.key]
        match action:
            case act.CreateRun():
                self.budget.give_back(now)
                self._hear_create(run, outcome, now)
            case act.ReadRun():
                self.budget.give_back(now)
                self._hear_read(run, outcome, now)
            case act.FetchFile():
                self._hear_fetch(run, action.run, action.index, outcome, now)
            case act.MoveFile():
                self._hear_move(action, outcome)

    def _hear_create(self, run: Run, outcome: Outcome, now: float) -> None:
        self._cap.release(run)
        self._sending[run.model] -= 1
        match outcome:
            case ev.CreateNotSent():
                self._trust.forget()
                self._connection.hear_silence(now, outcome.reason)
                self._creatable.appendleft(run.key)
                return
            case ev.CreateUnanswered():
                self._connection.hear_silence(now, outcome.reason)
            case ev.CreateRefused():
                self._answered(outcome.refusal)
            case _:
                self._answered()
        if run.state is RunState.IN_DOUBT:
            self._doubt(run)
            return
        self._trust.hear_answer()
        match outcome:
            case ev.RunCreated():
                if outcome.cost_note:
                    self.notices.append(f"{run.take_id}: {outcome.cost_note}")
                self._polling.open(run.key, run.model, now)
                self._last_finish_at = max(self._last_finish_at, now)
                self._compare_price(run)
            case ev.CreateRefused():
                self._creatable.appendleft(run.key)
                self._hear_refusal(run, outcome, now)
            case ev.InputRejected():
                self.notices.append(notices.rejected(run))

    def _compare_price(self, run: Run) -> None:
        shown = self.settings.shown_prices.get(run.model)
        if shown is not None and run.cost_micro_usd is not None and run.cost_micro_usd > shown * (1 + PRICE_RISE):
            self.halt(halts.price_rose(run.model, shown, run.cost_micro_usd))

    def _doubt(self, run: Run) -> None:
        self._trust.hear_silence()
        self.notices.append(notices.in_doubt(run))
        if self._trust.is_storm:
            self.halt(halts.storm(STORM))

    def _hear_refusal(self, run: Run, outcome: ev.CreateRefused | ev.ReadRefused, now: float) -> None:
        if outcome.refusal is ev.Refusal.RATE:
            self.budget.hear_refusal(now, outcome.retry_after_s)
            return
        halt = halts.refused(outcome.refusal, outcome.code, outcome.message)
        if halt is not None:
            self.halt(halt)
            return
        self._creatable = deque(key for key in self._creatable if self._runs[key].model != run.model)
        self.notices.append(notices.unknown_model(run, outcome.message))

    def _hear_read(self, run: Run, outcome: Outcome, now: float) -> None:
        self._hear_probe(run, outcome)
        match outcome:
            case ev.ReadUnanswered() | ev.ReadNotSent():
                self._connection.hear_silence(now, outcome.reason)
            case ev.ReadRefused():
                self._answered(outcome.refusal)
                self._hear_refusal(run, outcome, now)
            case ev.StatusUnknown():
                self._answered()
                self._notice_status(run, outcome.status)
            case _:
                self._answered()
        no_answer = isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused)
        if no_answer or (run.state in RUNNING and isinstance(outcome, ev.RunMissing)):
            self._polling.unanswered(run.key)
        elif run.state in RUNNING:
            self._polling.unfinished(run.key)
        else:
            if isinstance(outcome, ev.RunSucceeded | ev.RunFailed):
                self._polling.finished(run.key, _duration_s(outcome))
            self._polling.close(run.key)
            self._finish(run, now)

    def _hear_probe(self, run: Run, outcome: Outcome) -> None:
        """Whether a key that did not make the runs knows one of them: until then nothing else is asked."""
        if run.key != self._probe:
            return
        if isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused):
            self._probe_asked = False
            return
        self._probe = None
        if isinstance(outcome, ev.RunMissing):
            self.key_refused = True
            self.halt(halts.wrong_key(run.run_id or ""))

    def _notice_status(self, run: Run, status: str) -> None:
        if status not in self._odd_statuses:
            self._odd_statuses.add(status)
            self.notices.append(notices.unknown_status(run, status))

    def _answered(self, refusal: ev.Refusal | None = None) -> None:
        self._connection.hear_answer()
        if refusal is not ev.Refusal.RATE:
            self.budget.hear_answer()

    def _finish(self, run: Run, now: float) -> None:
        self._last_finish_at = now
        match run.state:
            case RunState.SUCCEEDED if not run.outputs:
                self.notices.append(notices.no_output(run))
            case RunState.SUCCEEDED:
                self._want_outputs(run, now)
            case RunState.FAILED:
                self._retry(run)
            case RunState.LOST:
                self.notices.append(notices.lost(run))
            case _:
                pass

    def _retry(self, run: Run) -> None:
        tried = failures((self._runs[key] for key in self._attempts[run.take_id]), run.fingerprint)
        again = not run.superseded and run.take_id in self._scope and tried < self.settings.max_attempts
        then = f"attempt {run.attempt + 1} follows" if again else "`retry` grants one more attempt"
        twins = (self._runs[key] for key in self._twins[run.fingerprint])
        if again and any(is_spare(twin, self._scope) for twin in twins):
            then = "the next apply has another run take its place"
        elif again:
            self._steps += [SupersedeRun(run.key, Supersession.RETRY), AddAttempt(run.take_id)]
        self.notices.append(notices.failed(run, then=then))

    def _want_outputs(self, run: Run, now: float) -> None:
        for output in run.outputs:
            slot = (run.key, output.index)
            if slot in self._again or (output.path is None and run.take_id in self._collected):
                self._fetching.want(slot, now)

    def _hear_fetch(self, run: Run, before: Run, index: int, outcome: Outcome, now: float) -> None:
        slot = (run.key, index)
        match outcome:
            case ev.FetchFailed():
                tries = self._fetching.failed(slot, now)
                if run.key not in self._refreshed and (outcome.gone or tries > 1):
                    self._refreshed.add(run.key)
                    self._polling.want(run.key, run.model, now)
                if not self._fetching.waits_for(slot):
                    self.notices.append(notices.not_downloaded(run, outcome.reason))
            case ev.DiskFull():
                self._fetching.done(slot)
                self._fetching.drop_idle()
                self.halt(halts.disk_full(outcome.reason))
            case ev.FileSaved():
                self._fetching.done(slot)
                self._again.discard(slot)
                self.notices += notices.saved(before, index, outcome)
            case _:
                self._fetching.done(slot)

    def _hear_move(self, action: act.MoveFile, outcome: Outcome) -> None:
        if isinstance(outcome, ev.MoveFailed):
            self.notices.append(notices.not_renamed(action.run, action.source, outcome.reason))
        else:
            self._immovable.discard((action.run.key, action.index))

    # --- what is known ---

    def _take_in(self, run: Run) -> None:
        before = self._runs.get(run.key)
        if before is None:
            self._attempts.setdefault(run.take_id, []).append(run.key)
            self._twins.setdefault(run.fingerprint, []).append(run.key)
        self._runs[run.key] = run
        self._books.hear(before, run)
        self._cap.hear(run)
        self._shelf.hear(run)
        self._interpreter.know(run)

    def _see_to(self, run: Run, now: float) -> None:
        if run.state is RunState.SUCCEEDED:
            self._want_outputs(run, now)
        if run.take_id not in self._collected:
            return
        since = now if run.submitted_at is None else min(now, run.submitted_at - self._epoch_offset)
        match run.state:
            case RunState.UNSENT if not run.superseded and run.take_id in self._scope:
                self._creatable.append(run.key)
            case RunState.PENDING | RunState.PROCESSING:
                self._polling.open(run.key, run.model, since)
            case RunState.LOST:
                self._polling.want(run.key, run.model, since)
            case RunState.SUCCEEDED if not run.outputs:
                self._polling.want(run.key, run.model, since)
            case _:
                pass


def _duration_s(outcome: ev.RunSucceeded | ev.RunFailed) -> float | None:
    """How long the run took by the API's own clock, None where it does not say so."""
    if outcome.created_at is None or outcome.completed_at is None:
        return None
    return outcome.completed_at - outcome.created_at

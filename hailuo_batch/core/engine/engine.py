"""The engine: facts go in, the next actions come out.

It has no clock, no threads, no files and no sockets. The driver asks it what to start now (`decide`), what an
answer means (`interpret`), and tells it what the ledger has recorded (`hear`): the engine never acts upon a fact
that is not on disk. It keeps the runs; `requests` decides what is asked of the API, `outputs` what becomes of files.
Times are `now`, in seconds of a clock that never goes back.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.counters import Books, Progress
from hailuo_batch.core.engine.downloads import Outputs, Upshot
from hailuo_batch.core.engine.interpret import Interpreter
from hailuo_batch.core.engine.key_check import NO_RUN
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.requests import Requests
from hailuo_batch.core.engine.stop_reasons import Halt, Reach, Standing
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.actions import Action
from hailuo_batch.core.model.events import Event, Outcome
from hailuo_batch.core.model.ledger_changes import AddAttempt, Step, SupersedeRun
from hailuo_batch.core.model.runs import Run, Slot, Snapshot, Supersession
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.disk_space import Need, Sizes
from hailuo_batch.core.planning.matching import is_spare
from hailuo_batch.core.planning.plan import failures
from hailuo_batch.core.scheduling.eta import Remaining
from hailuo_batch.core.scheduling.rate_window import Budget

__all__ = ["Engine", "Settings"]


class Engine:
    """One apply's decisions, over the snapshot of a ledger whose plan has been recorded.

    `scope` are the takes to be made; `retried` those of them that are made again where a run fails, None for all;
    `collected` those whose runs are followed to their end; `again` the outputs that are downloaded although they are on
    record, whatever take they belong to. `wall` is the time of day at `now`, in seconds since the epoch, so that the
    ages of older runs are known.
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
        retried: frozenset[str] | None = None,
    ) -> None:
        self.settings = settings
        self.under_way = 0
        self._scope = scope
        self._retried = scope if retried is None else scope & retried
        self._collected = collected
        self._epoch_offset = wall - now
        self._runs: dict[int, Run] = {}
        self._attempts: dict[str, list[int]] = {}
        self._twins: dict[str, list[int]] = {}  # by fingerprint
        self._standing = Standing()
        self._books = Books(scope)
        self._requests = Requests(settings, self._runs, self._books, self._standing, now, snapshot.endpoint)
        self._outputs = Outputs(self._runs, collected, again, at_once=settings.fetches_at_once)
        self._sizes = Sizes()
        self._interpreter = Interpreter()
        self._remaining = Remaining()
        self._steps: list[Step] = []
        for run in snapshot.forgotten:
            self._requests.cap.hear(run)
            self._books.hear_forgotten(run)
            self._interpreter.know(run)
        self.hear_runs(snapshot.runs, now)
        if settings.key_is_new:
            self._requests.probe_first()

    # --- how it stands ---

    @property
    def budget(self) -> Budget:
        """The places of the key's window."""
        return self._requests.budget

    @property
    def notices(self) -> deque[Notice]:
        """What the user is to be told, oldest first; whoever shows it takes it away."""
        return self._standing.notices

    @property
    def halts(self) -> Sequence[Halt]:
        """Why the apply stops, in the order in which it came up."""
        return self._standing.halts

    @property
    def reach(self) -> Reach:
        """How far the halts so far go."""
        return self._standing.reach

    @property
    def probing(self) -> bool:
        """Whether all else waits for the answer to whether the key knows the campaign's runs."""
        return self._requests.probing

    @property
    def key_refused(self) -> bool:
        """Whether the key turned out not to know the campaign's runs."""
        return self._requests.key_refused

    @property
    def finished(self) -> bool:
        """Whether nothing is under way and nothing more can be started."""
        if self.under_way or self._steps:
            return False
        return self.reach is Reach.ALL or (self._requests.are_over and len(self._outputs) == 0)

    def halt(self, halt: Halt) -> None:
        """Stop, as far as the halt goes. What is under way still comes to its end."""
        self._standing.halt(halt)

    @property
    def need(self) -> Need:
        """The room that is needed for what is paid for and not here yet, creates that were decided on included."""
        return self._sizes.need(self._awaited)

    @property
    def need_in_all(self) -> Need:
        """The room that is needed for all that this apply will pay for, as far as the cap lets it."""
        creates = self._requests.creates_to_come
        return self._sizes.need(self._awaited + creates if creates else 0)

    @property
    def _awaited(self) -> int:
        return self._books.open_runs + self._requests.creates_under_way + len(self._outputs)

    def progress(self, now: float) -> Progress:
        """Where the apply stands."""
        requests = self._requests
        left_s = self._remaining.ask(now, (self.reach, requests.are_over), lambda: requests.left_s(now))
        under_way = requests.creates_under_way, self._outputs.under_way
        return self._books.progress(len(self._scope), *under_way, requests.create_waits_s(now), left_s)

    # --- what to do ---

    def due_steps(self) -> tuple[Step, ...]:
        """Bookkeeping that must be recorded, and heard of by `hear_runs`, before anything else is decided."""
        steps, self._steps = tuple(self._steps), []
        return steps

    def wants_a_turn(self, now: float) -> bool:
        """Whether `decide` may send something, so that the others who use the key must be heard before it."""
        return self._requests.wants_a_turn(now)

    def decide(self, now: float) -> list[Action]:
        """What to start now. Whatever is returned counts as started."""
        self._requests.watch(now, idle=not (self.under_way or len(self._outputs)))
        if self.reach is Reach.ALL:
            return []
        actions = [*self._outputs.moves(), *self._requests.decide(now), *self._outputs.fetches(now)]
        self.under_way += len(actions)
        return actions

    def wake_at(self, now: float) -> float:
        """When to ask again if nothing comes back before; infinity where only an answer can change anything."""
        if self.reach is Reach.ALL:
            return float("inf")
        return min(self._outputs.next_due_at(), self._requests.wake_at(now))

    # --- what came of it ---

    def interpret(self, action: Action, outcome: Outcome, now: float) -> tuple[Event, ...]:
        """The events to record before `hear` is called with the runs as they then stand."""
        if action.run is NO_RUN or (isinstance(outcome, ev.RunMissing) and self._requests.is_probe(action.run)):
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
        if action.run is NO_RUN:
            self._requests.hear_check(outcome, now)
            return
        for run in runs:
            self._take_in(run)
        run = self._runs[action.run.key]
        match action:
            case act.CreateRun():
                self._requests.hear_create(run, outcome, now)
            case act.ReadRun():
                if self._requests.hear_read(run, outcome, now):
                    self._finish(run, now)
            case act.FetchFile():
                self._hear_upshot(run, self._outputs.hear_fetch(action, outcome, now), now)
            case act.MoveFile():
                self._hear_upshot(run, self._outputs.hear_move(action, outcome), now)

    def _hear_upshot(self, run: Run, upshot: Upshot, now: float) -> None:
        self._standing.tell(*upshot.notices)
        if upshot.halt is not None:
            self._standing.halt(upshot.halt)
        if upshot.asks_anew:
            self._requests.want_read(run, now)

    def _finish(self, run: Run, now: float) -> None:
        match run.state:
            case RunState.SUCCEEDED if not run.outputs:
                self._standing.tell(notices.no_output(run))
            case RunState.SUCCEEDED:
                self._outputs.want(run, now)
            case RunState.FAILED:
                self._retry(run)
            case RunState.LOST:
                self._standing.tell(notices.lost(run))
            case _:
                pass

    def _retry(self, run: Run) -> None:
        tried = failures((self._runs[key] for key in self._attempts[run.take_id]), run.fingerprint)
        # rule failed_again_at_once
        has_more = not run.superseded and run.take_id in self._scope and tried < self.settings.max_attempts
        again = has_more and run.take_id in self._retried
        then = f"attempt {run.attempt + 1} follows" if again else ""
        if run.superseded:
            then = "another attempt has taken its place"
        elif tried < self.settings.max_attempts and not has_more:
            then = "an apply that asks for this take makes it again"
        if has_more and not again:
            then = "another attempt is not in the plan that is applied"
        twins = (self._runs[key] for key in self._twins[run.fingerprint])
        if again and any(is_spare(twin, self._scope) for twin in twins):
            then = "the next apply has another run take its place"
        # rule no_retry_without_yes
        elif again and self.settings.consent is not Consent.GIVEN:
            # no attempt is recorded either: the next apply would pay for it whatever max_attempts says by then
            then = "it would be made again, and nobody has agreed to pay for that"
            self._standing.halt(stop_reasons.not_made_again(self.settings.consent))
        elif again:
            self._steps += [SupersedeRun(run.key, Supersession.RETRY), AddAttempt(run.take_id)]
        self._standing.tell(notices.failed(run, then=then))

    # --- what is known ---

    def _take_in(self, run: Run) -> None:
        before = self._runs.get(run.key)
        if before is None:
            self._attempts.setdefault(run.take_id, []).append(run.key)
            self._twins.setdefault(run.fingerprint, []).append(run.key)
        self._runs[run.key] = run
        self._books.hear(before, run)
        # rule cap_over_applies
        self._requests.cap.hear(run)
        self._outputs.hear(run)
        self._sizes.hear(before, run)
        self._interpreter.know(run)

    def _see_to(self, run: Run, now: float) -> None:
        if run.state is RunState.SUCCEEDED:
            self._outputs.want(run, now)
        if run.take_id not in self._collected:
            return
        since = now if run.submitted_at is None else min(now, run.submitted_at - self._epoch_offset)
        to_create = run.state is RunState.UNSENT and not run.superseded and run.take_id in self._scope
        to_read = run.state in {*RUNNING, RunState.LOST} or (run.state is RunState.SUCCEEDED and not run.outputs)
        if to_create or to_read:
            self._requests.want(run, since)

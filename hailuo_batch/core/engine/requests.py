"""What to ask of the API now, and what its answers mean for what is asked next.

Everything that shares the key's window is decided here: which create or read goes, when one must wait for the window,
for the connection or for a key that is not known yet, and when it makes no sense to ask on. Files are no business of
this one. Pure: times are `now`, in seconds of the engine's clock; `runs` and `books` are the engine's.
"""

from collections.abc import Iterator, Mapping

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.api_status import Service
from hailuo_batch.core.engine.counters import Books
from hailuo_batch.core.engine.create_queue import STORM, Creating, Trust
from hailuo_batch.core.engine.key_check import NO_RUN, Probe
from hailuo_batch.core.engine.run_timeout import RunTimeout
from hailuo_batch.core.engine.stop_reasons import Reach, Standing
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.spend import Cap
from hailuo_batch.core.scheduling.eta import time_left
from hailuo_batch.core.scheduling.polling import Polling
from hailuo_batch.core.scheduling.rate_window import Budget

PRICE_RISE = 0.1  # a cost above the shown price by more than this share stops creating


class Requests:
    """The creates and reads of one apply. What must be said or stops it goes to `standing`."""

    def __init__(
        self, settings: Settings, runs: Mapping[int, Run], books: Books, standing: Standing, now: float, endpoint: str
    ) -> None:
        self.budget = Budget(settings.rate_limit, settings.rate_window_s)
        self.cap = Cap(settings.cap_micro_usd)
        self.key_refused = False
        self._settings = settings
        self._runs = runs
        self._standing = standing
        pace = settings.rate_limit / settings.rate_window_s
        self._polling = Polling(pace, settings.known_durations)
        self._trust = Trust(pace)
        self._creating = Creating(runs, books, self.cap, self._trust, settings.max_in_flight)
        self._service = Service(endpoint, settings, self.budget, standing)
        self._odd_statuses: set[str] = set()
        self._timeout = RunTimeout(settings.run_timeout_s, now)
        self._probe = Probe()

    # --- what is wanted ---

    def want(self, run: Run, since: float) -> None:
        """The run must be created, or followed to its end: it exists since `since`, if it does."""
        match run.state:
            case RunState.UNSENT:
                self._creating.want(run.key)
            case RunState.PENDING | RunState.PROCESSING:
                self._polling.open(run.key, run.model, since)
            case _:
                self.want_read(run, since)

    def want_read(self, run: Run, since: float) -> None:
        """Read the run at once, whatever its state: its data are wanted."""
        self._polling.want(run.key, run.model, since)

    def probe_first(self) -> None:
        """The key did not make the runs that are known: have it prove before anything else that it knows one."""
        self._probe.begin(self._runs.values())

    @property
    def probing(self) -> bool:
        """Whether all else waits for the answer to whether the key knows the campaign's runs."""
        return self._probe.is_open

    def is_probe(self, run: Run) -> bool:
        """Whether the answer about this run decides about the key."""
        return self._probe.concerns(run)

    @property
    def are_over(self) -> bool:
        """Whether none is left to be made."""
        if self._standing.reach >= Reach.REQUESTS:
            return True
        return len(self._polling) == 0 and (len(self._creating) == 0 or self._standing.reach >= Reach.CREATES)

    @property
    def creates_under_way(self) -> int:
        """How many creates are not answered yet."""
        return self._trust.under_way

    @property
    def creates_to_come(self) -> int:
        """How many creates wait, as far as the cap will let them go."""
        return self._creating.affordable.total() if self._may_create else 0

    def wants_a_turn(self, now: float) -> bool:
        """Whether the other processes that use the key must be heard before anything is decided, or told of news."""
        if now >= self.budget.news_at():
            return True
        if self._standing.reach >= Reach.REQUESTS or now < self._service.held_until:
            return False
        if not self.budget.may_be_free(now):
            return False
        if self._timeout.is_due(now) and len(self._polling) > 0:
            return True
        return self._probe.waits if self._asks_first else self._next_request(now) is not None

    # --- what to do ---

    def decide(self, now: float) -> Iterator[act.CreateRun | act.ReadRun]:
        """What to send now. Whatever is returned counts as sent."""
        if self._standing.reach >= Reach.REQUESTS or now < self._service.held_until:
            return
        if self._asks_first:
            yield from self._ask_probe(now)
            return
        while self.budget.free(now) > 0:
            request = self._next_request(now)
            if request is None:
                self.budget.wait_no_more()
                return
            self.budget.take(request.run.key, now)
            if isinstance(request, act.ReadRun):
                self._polling.asked(request.run.key, now)
            else:
                self._creating.start(request.run.key)
                self._polling.creating(now)
            yield request
        if self.budget.is_shared(now) and self._next_request(now) is not None:
            self.budget.wait(now)

    def wake_at(self, now: float) -> float:
        """When to decide again if no answer comes before; infinity where only an answer can change anything."""
        if self._standing.reach >= Reach.REQUESTS:
            return float("inf")
        times = [max(self._can_send_at(now), self._wanted_at(now)), self.budget.news_at(), self._service.ends_at]
        if len(self._polling) > 0:
            times.append(self._timeout.wake_at())
        return min(times)

    def create_waits_s(self, now: float) -> float | None:
        """Seconds until the next create may start, None where none waits for that alone."""
        if self._standing.reach >= Reach.REQUESTS or self._next_create() is None:
            return None
        return max(0.0, self._can_send_at(now) - now)

    def left_s(self, now: float) -> float | None:
        """About how many seconds requests are still made: infinity while little is known, None where no more are."""
        if self._standing.reach >= Reach.REQUESTS:
            return None
        creates = self._creating.under_way
        if self._may_create:
            creates += self._creating.affordable
        works = self._polling.work_left(creates)
        return time_left(works, now, self.budget.per_second(now), self._settings.max_in_flight)

    def watch(self, now: float, *, idle: bool) -> None:
        """Notice what only time, or the lack of a way on, shows. `idle` is whether all else is at rest."""
        reach = self._standing.reach
        if reach < Reach.CREATES and len(self._creating) > 0:
            if (reached := self._creating.stopped_by_cap()) is not None:
                self._standing.halt(reached)
            # rule no_create_without_yes
            elif self._settings.consent is not Consent.GIVEN:
                # after the cap: whoever agreed to pay would still be told of that one
                self._standing.halt(stop_reasons.not_agreed(self._settings.consent))
            elif idle and self._next_create() is None and len(self._polling) == 0 and not self._asks_first:
                self._standing.halt(stop_reasons.held_up(len(self._creating)))
        if self._standing.reach >= Reach.REQUESTS:
            return
        self._service.watch(now)
        # rule waits_so_long
        if self._standing.reach < Reach.REQUESTS and self._timeout.is_over(now, self._polling):
            self._standing.halt(stop_reasons.timed_out(self._settings.run_timeout_s, len(self._polling)))

    def _next_request(self, now: float) -> act.CreateRun | act.ReadRun | None:
        self._polling.pace = self.budget.per_second(now)
        read = self._polling.pick(now, self._creates_ready())
        if read is not None:
            return act.ReadRun(self._runs[read])
        create = self._next_create()
        return None if create is None else act.CreateRun(self._runs[create])

    @property
    def _asks_first(self) -> bool:
        """Whether one question goes before all else: about the key, or, ahead of the first create, about the API."""
        pays = self._may_create and len(self._creating) > 0
        return self._probe.is_open or (pays and not self._service.is_proven)

    def _ask_probe(self, now: float) -> Iterator[act.ReadRun]:
        if self._probe.waits and self.budget.free(now) > 0:
            run = self._probe.ask(self._runs.values())
            self.budget.take(run.key, now)
            self._polling.asked(run.key, now)
            yield act.ReadRun(run)

    def _can_send_at(self, now: float) -> float:
        return max(self.budget.next_free_at(now), self._service.held_until)

    def _wanted_at(self, now: float) -> float:
        """When the next request is wanted, whether or not it may be sent then."""
        if self._asks_first:
            return now if self._probe.waits else float("inf")
        return now if self._next_create() is not None else self._polling.next_look_at(now)

    def _next_create(self) -> int | None:
        return self._creating.next() if self._may_create and not self._asks_first else None

    def _creates_ready(self) -> int:
        return self._creating.ready() if self._may_create else 0

    @property
    def _may_create(self) -> bool:
        """Whether anything may be paid for. Consent is asked for here too, where creates are chosen, so that no path
        around the halt in `watch` can pay."""
        # rule no_turn_without_yes
        return self._standing.reach < Reach.CREATES and self._settings.consent is Consent.GIVEN

    # --- what came of it ---

    def hear_create(self, run: Run, outcome: Outcome, now: float) -> None:
        """A create has come to its end, and what changed is recorded."""
        self._service.hear(run.key, outcome, now)
        self._creating.end(run)
        if isinstance(outcome, ev.CreateNotSent):
            self._trust.forget()
            self._creating.want_again(run.key)
            return
        if run.state is RunState.IN_DOUBT:
            self._doubt(run)
            return
        self._trust.hear_answer()
        match outcome:
            case ev.RunCreated():
                if outcome.cost_note:
                    self._standing.tell(notices.cost_unknown(run, outcome.cost_note))
                self._polling.open(run.key, run.model, now)
                self._timeout.restart(now)
                self._compare_price(run)
            case ev.CreateRefused():
                self._creating.want_again(run.key)
                if outcome.refusal is ev.Refusal.MODEL:
                    self._creating.drop_model(run.model)
                    self._standing.tell(notices.unknown_model(run, outcome.message))
            case ev.InputRejected():
                self._standing.tell(notices.rejected(run))

    def hear_read(self, run: Run, outcome: Outcome, now: float) -> bool:
        """A read has come to its end, and what changed is recorded. Returns whether it was the run's last one."""
        self._service.hear(run.key, outcome, now)
        if self._probe.hear(run, outcome):
            self.key_refused = True
            self._standing.halt(stop_reasons.wrong_key([unknown.run_id or "" for unknown in self._probe.unknown]))
        if isinstance(outcome, ev.StatusUnknown):
            self._notice_status(run, outcome)
        no_answer = isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused)
        if no_answer or (run.state in RUNNING and isinstance(outcome, ev.RunMissing)):
            self._polling.unanswered(run.key)
            return False
        if run.state in RUNNING:
            self._polling.unfinished(run.key)
            return False
        if isinstance(outcome, ev.RunSucceeded | ev.RunFailed):
            self._polling.finished(run.key, _duration_s(outcome))
        self._polling.close(run.key)
        # rule timeout_restarts
        self._timeout.restart(now)
        return True

    def hear_check(self, outcome: Outcome, now: float) -> None:
        """The read of a run that cannot exist has come to its end: it says only who answers."""
        self._service.hear(NO_RUN.key, outcome, now)
        self._probe.hear(NO_RUN, outcome)

    def _compare_price(self, run: Run) -> None:
        shown = self._settings.shown_prices.get(run.model)
        if shown is not None and run.cost_micro_usd is not None and run.cost_micro_usd > shown * (1 + PRICE_RISE):
            self._standing.halt(stop_reasons.price_rose(run.model, shown, run.cost_micro_usd))

    def _doubt(self, run: Run) -> None:
        self._trust.hear_silence()
        self._standing.tell(notices.in_doubt(run))
        if self._trust.is_storm:
            self._standing.halt(stop_reasons.storm(STORM))

    def _notice_status(self, run: Run, outcome: ev.StatusUnknown) -> None:
        if outcome.status not in self._odd_statuses:
            self._odd_statuses.add(outcome.status)
            self._standing.tell(notices.unknown_status(run, outcome))


def _duration_s(outcome: ev.RunSucceeded | ev.RunFailed) -> float | None:
    """How long the run took by the API's own clock, None where it does not say so."""
    if outcome.created_at is None or outcome.completed_at is None:
        return None
    return outcome.completed_at - outcome.created_at

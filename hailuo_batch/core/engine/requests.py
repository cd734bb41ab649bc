"""Which request goes to the API next, and what the answers mean for the requests after it.

Everything that shares the key's request window is decided here: which create or read goes, when one must wait for the
window, for the connection or for the key check, and when no request makes sense any more. Pure: times are `now`, in
seconds of the engine's clock; `runs` and `counters` are the engine's and only read here.
"""

from collections.abc import Iterator, Mapping

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.api_status import ApiStatus
from hailuo_batch.core.engine.counters import Counters
from hailuo_batch.core.engine.create_queue import MAX_UNANSWERED, CircuitBreaker, CreateQueue
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN, KeyCheck
from hailuo_batch.core.engine.run_timeout import RunTimeout
from hailuo_batch.core.engine.stop_reasons import EngineOutput, StopScope
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.cap import Cap
from hailuo_batch.core.scheduling.eta import time_left
from hailuo_batch.core.scheduling.polling import Polling, work_left
from hailuo_batch.core.scheduling.queue_model import QueueModels
from hailuo_batch.core.scheduling.rate_window import RateWindow

MAX_PRICE_RISE = 0.1
"""A run that costs more than the shown price by a larger share than this stops creating."""


class RequestScheduler:
    """The creates and reads of one apply. Its notices and stop reasons go to `output`."""

    def __init__(
        self,
        settings: Settings,
        runs: Mapping[int, Run],
        counters: Counters,
        output: EngineOutput,
        now: float,
        endpoint: str,
    ) -> None:
        self.window = RateWindow(settings.rate_limit, settings.rate_window_s)
        self.cap = Cap(settings.cap_micro_usd)
        self.is_key_refused = False
        self._settings = settings
        self._runs = runs
        self._output = output
        per_second = settings.rate_limit / settings.rate_window_s
        self._queue_models = QueueModels(settings.known_durations)
        self._polling = Polling(per_second, self._queue_models)
        self._breaker = CircuitBreaker(per_second)
        self._create_queue = CreateQueue(
            runs, counters, self.cap, self._breaker, settings.max_in_flight, settings.max_creates
        )
        self._api_status = ApiStatus(endpoint, settings, self.window, output)
        self._unknown_statuses: set[str] = set()
        self._timeout = RunTimeout(settings.run_timeout_s, now)
        self.key_check = KeyCheck()

    # --- what to do some time ---

    def enqueue(self, run: Run, since: float) -> None:
        """Have the run created, or followed to its end. `since` is when it was created, if it was."""
        match run.state:
            case RunState.UNSENT:
                self._create_queue.enqueue(run.key)
            case RunState.PENDING | RunState.PROCESSING:
                self._polling.open(run.key, run.model, since)
            case _:
                self.enqueue_read(run, since)

    def enqueue_read(self, run: Run, since: float) -> None:
        """Have the run read as soon as possible, whatever its state: its links are needed, or its fate."""
        self._polling.enqueue_read(run.key, run.model, since)

    @property
    def is_finished(self) -> bool:
        """Whether no request is left to be made."""
        may_create = self._output.stop_scope < StopScope.CREATES
        return self._is_stopped or (len(self._polling) == 0 and not (may_create and len(self._create_queue) > 0))

    @property
    def creates_under_way(self) -> int:
        """The number of creates that are not answered yet."""
        return self._breaker.under_way

    @property
    def affordable_creates(self) -> int:
        """The number of creates that wait, as far as the cap admits them."""
        return self._create_queue.affordable.total() if self._may_create else 0

    def admits_more_creates(self, promised: int) -> bool:
        """Whether one more create may be added to those that wait, and to those `promised`, within --limit."""
        return self._create_queue.admits_more(promised)

    def needs_shared_window(self, now: float) -> bool:
        """Whether a request may start now, or news is due, so that the window must be synchronised with the other
        processes first."""
        if now >= self.window.publish_at():
            return True
        if self._is_stopped or now < self._api_status.held_until or not self.window.may_be_free(now):
            return False
        if self._timeout.is_due(now) and len(self._polling) > 0:
            return True
        return self.key_check.can_ask if self._must_check_first else self._next_request(now) is not None

    # --- what to do now ---

    def decide(self, now: float) -> Iterator[act.CreateRun | act.ReadRun]:
        """The requests to send now. They count as sent."""
        if self._is_stopped or now < self._api_status.held_until:
            return
        if self._must_check_first:
            yield from self._start_check(now)
            return
        while self.window.free(now) > 0:
            request = self._next_request(now)
            if request is None:
                self.window.stop_waiting()
                return
            self.window.take(request.run.key, now)
            if isinstance(request, act.ReadRun):
                self._polling.on_read_started(request.run.key, now)
            else:
                self._create_queue.start(request.run.key)
                self._polling.on_create_started(now)
            yield request
        if self.window.is_shared(now) and self._next_request(now) is not None:
            self.window.start_waiting(now)

    def wake_at(self, now: float) -> float:
        """When to decide again if no answer comes before; infinity where only an answer can change anything."""
        if self._is_stopped:
            return float("inf")
        times = [max(self._can_send_at(now), self._due_at(now)), self.window.publish_at(), self._api_status.gives_up_at]
        if len(self._polling) > 0:
            times.append(self._timeout.wake_at())
        return min(times)

    def next_create_in_s(self, now: float) -> float | None:
        """Seconds until the next create may start, None where none waits for the window alone."""
        if self._is_stopped or self._next_create() is None:
            return None
        return max(0.0, self._can_send_at(now) - now)

    def time_left_s(self, now: float) -> float | None:
        """About how many seconds requests are still made: infinity while little is known, None where no more are."""
        if self._is_stopped:
            return None
        creates = self._create_queue.under_way
        if self._may_create:
            creates += self._create_queue.affordable
        works = work_left([self._polling], self._queue_models, creates)
        return time_left(works, now, self.window.per_second(now), self._settings.max_in_flight)

    def check_stops(self, now: float, *, idle: bool) -> None:
        """Stop for reasons that no answer brings: the cap, missing consent, time, or nothing left to wait for.

        `idle` is whether everything but the requests is finished.
        """
        if self._output.stop_scope < StopScope.CREATES and len(self._create_queue) > 0:
            if (reached := self._create_queue.cap_stop_reason()) is not None:
                self._output.stop(reached)
            elif (spent := self._create_queue.limit_stop_reason) is not None:
                self._output.stop(spent)
            # rule no_create_without_yes
            elif self._settings.consent is not Consent.GIVEN:
                # after the cap, which would stop the apply with consent as well: the user should see that reason
                self._output.stop(stop_reasons.no_consent(self._settings.consent))
            elif idle and self._next_create() is None and len(self._polling) == 0 and not self._must_check_first:
                self._output.stop(stop_reasons.waits_for_other_runs(len(self._create_queue)))
        if not self._is_stopped:
            self._api_status.check(now)
        # rule waits_so_long
        if not self._is_stopped and self._timeout.is_over(now, self._polling):
            self._output.stop(stop_reasons.timed_out(self._settings.run_timeout_s, len(self._polling)))

    def _next_request(self, now: float) -> act.CreateRun | act.ReadRun | None:
        self._polling.per_second = self._polling.all_per_second = self.window.per_second(now)
        read = self._polling.pick(now, self._create_queue.ready_count() if self._may_create else 0)
        if read is not None:
            return act.ReadRun(self._runs[read])
        create = self._next_create()
        return None if create is None else act.CreateRun(self._runs[create])

    @property
    def _is_stopped(self) -> bool:
        return self._output.stop_scope >= StopScope.REQUESTS

    @property
    def _may_create(self) -> bool:
        """Whether anything may be paid for.

        Consent is required here, where creates are chosen, and not only where `check_stops` reports its absence: no
        path around that report can pay.
        """
        # rule no_turn_without_yes
        return self._output.stop_scope < StopScope.CREATES and self._settings.consent is Consent.GIVEN

    @property
    def _must_check_first(self) -> bool:
        """Whether one read goes before all else: about the key, or, ahead of the first create, about the API."""
        pays = self._may_create and len(self._create_queue) > 0
        return self.key_check.is_pending or (pays and not self._api_status.is_proven)

    def _start_check(self, now: float) -> Iterator[act.ReadRun]:
        if self.key_check.can_ask and self.window.free(now) > 0:
            run = self.key_check.ask(self._runs.values())
            self.window.take(run.key, now)
            self._polling.on_read_started(run.key, now)
            yield act.ReadRun(run)

    def _can_send_at(self, now: float) -> float:
        return max(self.window.next_free_at(now), self._api_status.held_until)

    def _due_at(self, now: float) -> float:
        """When the next request is due, whether or not it may be sent then."""
        if self._must_check_first:
            return now if self.key_check.can_ask else float("inf")
        return now if self._next_create() is not None else self._polling.next_check_at(now)

    def _next_create(self) -> int | None:
        return self._create_queue.next_key() if self._may_create and not self._must_check_first else None

    # --- what came of it ---

    def on_create(self, run: Run, outcome: Outcome, now: float) -> None:
        """Handle the end of a create. What changed is recorded already."""
        self._api_status.on_outcome(run.key, outcome, now)
        nothing = isinstance(outcome, ev.CreateNotSent | ev.CreateRefused | ev.InputRejected)
        self._create_queue.end(run, made_nothing=nothing and run.state is not RunState.IN_DOUBT)
        if isinstance(outcome, ev.CreateNotSent):
            self._breaker.on_not_sent()
            self._create_queue.requeue(run.key)
            return
        if run.state is RunState.IN_DOUBT:  # by its state, since a run ID that is taken leaves it in doubt as well
            self._breaker.on_timeout()
            self._output.notify(notices.in_doubt(run))
            if self._breaker.is_tripped:
                self._output.stop(stop_reasons.too_many_unanswered(MAX_UNANSWERED))
            return
        self._breaker.on_response()
        match outcome:
            case ev.RunCreated():
                if outcome.cost_note:
                    self._output.notify(notices.cost_unknown(run, outcome.cost_note))
                self._polling.open(run.key, run.model, now)
                self._timeout.restart(now)
                self._check_price(run)
            case ev.CreateRefused():
                self._create_queue.requeue(run.key)
                if outcome.refusal is ev.Refusal.MODEL:
                    self._create_queue.drop_model(run.model)
                    self._output.notify(notices.unknown_model(run, outcome.message))
            case ev.InputRejected():  # pragma: no branch - what is left unanswered is in doubt, above
                self._output.notify(notices.rejected(run))

    def on_read(self, run: Run, outcome: Outcome, now: float) -> bool:
        """Handle the end of a read. What changed is recorded already. Returns whether it was the run's last one."""
        self._api_status.on_outcome(run.key, outcome, now)
        if self.key_check.on_read(run, outcome):
            self.is_key_refused = True
            run_ids = [unknown.run_id or "" for unknown in self.key_check.unknown_runs]
            self._output.stop(stop_reasons.wrong_key(run_ids))
        if isinstance(outcome, ev.StatusUnknown) and outcome.status not in self._unknown_statuses:
            self._unknown_statuses.add(outcome.status)
            self._output.notify(notices.unknown_status(run, outcome))
        no_answer = isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.ReadRefused)
        if no_answer or (run.state in RUNNING and isinstance(outcome, ev.RunMissing)):
            self._polling.on_unanswered(run.key)
            return False
        if run.state in RUNNING:
            self._polling.on_unfinished(run.key)
            return False
        if isinstance(outcome, ev.RunSucceeded | ev.RunFailed):
            self._polling.on_finished(run.key, _duration_s(outcome))
        self._polling.close(run.key)
        # rule timeout_restarts
        self._timeout.restart(now)
        return True

    def on_check(self, outcome: Outcome, now: float) -> None:
        """Handle the end of the read of a run that cannot exist: it shows only who answers."""
        self._api_status.on_outcome(NONEXISTENT_RUN.key, outcome, now)
        self.key_check.on_read(NONEXISTENT_RUN, outcome)

    def _check_price(self, run: Run) -> None:
        """Stop where the run cost more than the plan showed: consent was given to that price."""
        shown = self._settings.shown_prices.get(run.model)
        if shown is not None and run.cost_micro_usd is not None and run.cost_micro_usd > shown * (1 + MAX_PRICE_RISE):
            self._output.stop(stop_reasons.price_rose(run.model, shown, run.cost_micro_usd))


def _duration_s(outcome: ev.RunSucceeded | ev.RunFailed) -> float | None:
    """How long the run took by the API's own clock, None where it does not say."""
    if outcome.created_at is None or outcome.completed_at is None:
        return None
    return outcome.completed_at - outcome.created_at

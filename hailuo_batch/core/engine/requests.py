"""Which request goes to the API next, with which key, and what the answers mean for the requests after it.

Everything that shares the keys' request windows is decided here: which create or read goes, when one must wait for a
window, for the connection or for the key check, and when no request makes sense any more. Pure: times are `now`, in
seconds of the engine's clock; `runs` and `counters` are the engine's and only read here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import ceil

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.counters import Counters
from hailuo_batch.core.engine.create_queue import MAX_UNANSWERED, CircuitBreaker, CreateQueue
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN, newest_open
from hailuo_batch.core.engine.lane import Lane
from hailuo_batch.core.engine.lanes import Lanes, ReadMeaning, is_no_answer
from hailuo_batch.core.engine.run_timeout import RunTimeout
from hailuo_batch.core.engine.stop_reasons import EngineOutput, StopScope
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.cap import Cap
from hailuo_batch.core.scheduling.eta import time_left
from hailuo_batch.core.scheduling.polling import work_left
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
        snapshot: Snapshot,
    ) -> None:
        self.cap = Cap(settings.cap_micro_usd)
        self._settings = settings
        self._runs = runs
        self._output = output
        self._lanes = Lanes(settings, runs, snapshot, output)
        per_second = settings.rate_limit / settings.rate_window_s
        self._breaker = CircuitBreaker(len(settings.api_keys) * per_second)
        self._create_queue = CreateQueue(
            runs, counters, self.cap, self._breaker, settings.max_in_flight, settings.max_creates
        )
        self._unknown_statuses: set[str] = set()
        self._timeout = RunTimeout(settings.run_timeout_s, now)
        self._checked_key: int | None = None  # of the run by which it is seen whether the API answers

    # --- what to do some time ---

    def start_key_check(self, runs: Iterable[Run]) -> None:
        """Have one of the keys prove that it knows the campaign's runs."""
        self._lanes.key_check.start(runs)

    def enqueue(self, run: Run, since: float) -> None:
        """Have the run created, or followed to its end. `since` is when it was created, if it was."""
        if run.state is RunState.UNSENT:
            self._create_queue.enqueue(run.key)
        else:
            self._lanes.follow(run, since)

    def enqueue_read(self, run: Run, since: float) -> None:
        """Have the run read as soon as possible, whatever its state: its links are needed, or its fate."""
        self._lanes.follow(run, since)

    @property
    def windows(self) -> Mapping[int, RateWindow]:
        """The request window of each key, by its number."""
        return {lane.number: lane.window for lane in self._lanes}

    @property
    def is_finished(self) -> bool:
        """Whether no request is left to be made."""
        may_create = self._output.stop_scope < StopScope.CREATES
        has_creates = may_create and len(self._create_queue) > 0
        return self._is_stopped or not (self._lanes.open_runs or has_creates or self._lanes.key_check.is_pending)

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

    def windows_to_share(self, now: float) -> Sequence[tuple[int, RateWindow]]:
        """The windows, with the numbers of their keys, by which a request may start now, or news is due: each must be
        synchronised with the other processes first."""
        self._lanes.update_rates(now)
        return [(lane.number, lane.window) for lane in self._lanes if self._needs_shared_window(lane, now)]

    # --- what to do now ---

    def decide(self, now: float, numbers: Collection[int] | None = None) -> Iterator[act.CreateRun | act.ReadRun]:
        """The requests to send now, with the keys of these numbers, or with any. They count as sent."""
        usable = (lane for lane in self._lanes if lane.may_send and not lane.is_held(now))
        lanes = [lane for lane in usable if numbers is None or lane.number in numbers]
        if self._must_check_first:
            yield from self._start_checks(lanes, now)
            return
        self._lanes.update_rates(now)
        lanes.sort(key=lambda lane: len(lane.polling))  # creates go first to the keys that have the least to read
        while lanes:
            # in turn, one request for each key, so that no key is left idle while another one takes all the creates
            for lane in lanes.copy():
                request = self._take_place(lane, now)
                if request is None:
                    lanes.remove(lane)
                else:
                    yield request

    def wake_at(self, now: float) -> float:
        """When to decide again if no answer comes before; infinity where only an answer can change anything."""
        times = [self._wake_at(lane, now) for lane in self._lanes if lane.may_send]
        if not self._is_stopped and self._lanes.open_runs:
            times.append(self._timeout.wake_at())
        return min(times, default=float("inf"))

    def next_create_in_s(self, now: float) -> float | None:
        """Seconds until the next create may start, None where none waits for a window alone."""
        lanes = [lane for lane in self._lanes if lane.may_create]
        if self._is_stopped or self._next_create() is None or not lanes:
            return None
        return max(0.0, min(lane.can_send_at(now) for lane in lanes) - now)

    def time_left_s(self, now: float) -> float | None:
        """About how many seconds requests are still made: infinity while little is known, None where no more are."""
        lanes = [lane for lane in self._lanes if lane.may_send]
        if self._is_stopped:
            return None
        creates = self._create_queue.under_way
        if self._may_create:
            creates += self._create_queue.affordable
        works = work_left((lane.polling for lane in lanes), self._lanes.queue_models, creates)
        per_second = sum(lane.window.per_second(now) for lane in lanes)
        return time_left(works, now, per_second, self._settings.max_in_flight)

    def check_stops(self, now: float, *, idle: bool) -> None:
        """Stop for reasons that no answer brings: the cap, missing consent, time, or nothing left to wait for.

        `idle` is whether everything but the requests is finished.
        """
        self._create_queue.unreachable = self._lanes.notify_of_missing_keys()
        self._lanes.stop_if_no_key_is_right()
        if self._output.stop_scope < StopScope.CREATES and len(self._create_queue) > 0:
            if (reached := self._create_queue.cap_stop_reason()) is not None:
                self._output.stop(reached)
            elif (spent := self._create_queue.limit_stop_reason) is not None:
                self._output.stop(spent)
            # rule no_create_without_yes
            elif self._settings.consent is not Consent.GIVEN:
                # after the cap, which would stop the apply with consent as well: the user should see that reason
                self._output.stop(stop_reasons.no_consent(self._settings.consent))
            elif idle and not self._is_busy and not self._must_check_first:
                self._output.stop(stop_reasons.waits_for_other_runs(len(self._create_queue)))
        for lane in self._lanes:
            if lane.may_send:
                lane.api_status.check(now)
                self._lanes.leave_if_stopped(lane)
        # rule waits_so_long
        if not self._is_stopped and self._timeout.is_over(now, [lane.polling for lane in self._lanes]):
            self._output.stop(stop_reasons.timed_out(self._settings.run_timeout_s, self._lanes.open_runs))

    @property
    def _is_busy(self) -> bool:
        """Whether a request can still change what creates wait for."""
        return self._next_create() is not None or self._lanes.open_runs > 0 or self._lanes.key_check.is_pending

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
        """Whether one read goes before all else: about the keys, or, ahead of the first create, about the API."""
        pays = self._may_create and len(self._create_queue) > 0
        return self._lanes.key_check.goes_first or (pays and not self._lanes.contact.is_proven)

    def _next_request(self, lane: Lane, now: float) -> act.CreateRun | act.ReadRun | None:
        """The request to send with this key now, None where there is none."""
        unclaimed = self._lanes.key_check.next_run(lane.number)
        if unclaimed is not None:
            return act.ReadRun(unclaimed, lane.number)
        may_create = self._may_create and lane.may_create
        read = lane.polling.pick(now, self._share_of_creates(lane) if may_create else 0)
        if read is not None:
            return act.ReadRun(self._runs[read], lane.number)
        create = self._next_create() if may_create else None
        return None if create is None else act.CreateRun(self._runs[create], lane.number)

    def _share_of_creates(self, lane: Lane) -> int:
        """How many of the creates that wait are this key's to send, by the pace of all keys that may create."""
        per_second = sum(each.polling.per_second for each in self._lanes if each.may_create)
        return ceil(self._create_queue.ready_count() * lane.polling.per_second / per_second)

    def _take_place(self, lane: Lane, now: float) -> act.CreateRun | act.ReadRun | None:
        """The next request with this key, which counts as sent; None where there is none, or no place for it."""
        is_full = lane.window.free(now) <= 0
        if is_full and not lane.window.is_shared(now):
            return None
        request = self._next_request(lane, now)
        if request is None:
            lane.window.stop_waiting()
        elif is_full:
            lane.window.start_waiting(now)
            return None
        elif isinstance(request, act.CreateRun):
            lane.window.take(request.run.key, now)
            self._create_queue.start(request.run.key)
            lane.polling.on_create_started(now)
        else:
            self._count_read(lane, request.run, now)
        return request

    def _count_read(self, lane: Lane, run: Run, now: float) -> None:
        lane.window.take(run.key, now)
        lane.polling.on_read_started(run.key, now)
        if run.key in self._lanes.key_check:
            self._lanes.key_check.on_asked(run.key, lane.number)

    def _start_checks(self, lanes: Iterable[Lane], now: float) -> Iterator[act.ReadRun]:
        for lane in lanes:
            run = self._run_to_check(lane)
            if run is not None and lane.window.free(now) > 0:
                self._count_read(lane, run, now)
                if not self._lanes.key_check.goes_first:
                    self._checked_key = run.key
                yield act.ReadRun(run, lane.number)

    def _run_to_check(self, lane: Lane) -> Run | None:
        """The run to read with this key before all else, None where it has to wait for an answer."""
        if self._lanes.key_check.goes_first:
            return self._lanes.key_check.next_run(lane.number)
        if self._checked_key is not None:
            return None  # one answer is enough, with whatever key
        newest = newest_open(run for run in self._runs.values() if run.api_key == lane.number)
        return newest or NONEXISTENT_RUN

    def _needs_shared_window(self, lane: Lane, now: float) -> bool:
        if now >= lane.window.publish_at():
            return True
        if not lane.may_send or lane.is_held(now) or not lane.window.may_be_free(now):
            return False
        if self._timeout.is_due(now) and len(lane.polling) > 0:
            return True
        to_send = self._run_to_check(lane) if self._must_check_first else self._next_request(lane, now)
        return to_send is not None

    def _wake_at(self, lane: Lane, now: float) -> float:
        sends_at = max(lane.can_send_at(now), self._due_at(lane, now))
        return min(sends_at, lane.window.publish_at(), lane.api_status.gives_up_at)

    def _due_at(self, lane: Lane, now: float) -> float:
        """When the next request with this key is due, whether or not it may be sent then."""
        if self._must_check_first:
            return now if self._run_to_check(lane) is not None else float("inf")
        can_create = lane.may_create and self._next_create() is not None
        if can_create or self._lanes.key_check.next_run(lane.number) is not None:
            return now
        return lane.polling.next_check_at(now)

    def _next_create(self) -> int | None:
        return self._create_queue.next_key() if self._may_create and not self._must_check_first else None

    # --- what came of it ---

    def on_create(self, run: Run, outcome: Outcome, number: int, now: float) -> None:
        """Handle the end of a create with the key of this number. What changed is recorded already."""
        lane = self._lanes[number]
        lane.api_status.on_outcome(run.key, outcome, now)
        self._lanes.leave_if_stopped(lane)
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
                self.enqueue(run, now)
                self._timeout.restart(now)
                self._check_price(run)
            case ev.CreateRefused():
                self._create_queue.requeue(run.key)
                if outcome.refusal is ev.Refusal.MODEL:
                    self._create_queue.drop_model(run.model)
                    self._output.notify(notices.unknown_model(run, outcome.message))
            case ev.InputRejected():  # pragma: no branch - what is left unanswered is in doubt, above
                self._output.notify(notices.rejected(run))

    def on_read(self, run: Run, outcome: Outcome, number: int, now: float) -> bool:
        """Handle the end of a read with the key of this number. What changed is recorded already. Returns whether it
        was the run's last one."""
        lane = self._lanes[number]
        lane.api_status.on_outcome(run.key, outcome, now)
        if run.key == self._checked_key:
            self._checked_key = None
        if run.key in self._lanes.key_check and not lane.may_send:
            self._lanes.key_check.on_unanswered(run.key, lane.number)
        if isinstance(outcome, ev.StatusUnknown) and outcome.status not in self._unknown_statuses:
            self._unknown_statuses.add(outcome.status)
            self._output.notify(notices.unknown_status(run, outcome))
        if run.key in self._lanes.key_check and lane.may_send:
            meaning = self._lanes.on_key_checked(run, outcome, lane)
            if meaning is not ReadMeaning.OWN:
                return meaning is ReadMeaning.LAST
            return self._on_own_read(run, outcome, lane, now)
        is_final = self._on_own_read(run, outcome, lane, now)
        if is_final:
            self._lanes.key_check.forget(run.key)  # the last answer of a key that is refused by now
        self._lanes.leave_if_stopped(lane)
        return is_final

    def _on_own_read(self, run: Run, outcome: Outcome, lane: Lane, now: float) -> bool:
        if is_no_answer(outcome) or (run.state in RUNNING and isinstance(outcome, ev.RunMissing)):
            lane.polling.on_unanswered(run.key)
            return False
        if run.state in RUNNING:
            lane.polling.on_unfinished(run.key)
            return False
        if isinstance(outcome, ev.RunSucceeded | ev.RunFailed):
            lane.polling.on_finished(run.key, _duration_s(outcome))
        for each in self._lanes:  # the answer of a key that was refused meanwhile may be about another's run
            each.polling.close(run.key)
        # rule timeout_restarts
        self._timeout.restart(now)
        return True

    def on_check(self, outcome: Outcome, number: int, now: float) -> None:
        """Handle the end of the read of a run that cannot exist: it shows only who answers."""
        lane = self._lanes[number]
        lane.api_status.on_outcome(NONEXISTENT_RUN.key, outcome, now)
        self._checked_key = None
        self._lanes.leave_if_stopped(lane)

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

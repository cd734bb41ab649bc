"""The attempts that wait to be paid for, in order, and what holds the next one back.

Four bounds hold a create back: the circuit breaker, so that an API that stops answering leaves few creates in doubt;
the cap on money; the limit on runs in flight; and the most creates of this apply. Pure: `runs` and `counters` are the
engine's and only read here.
"""

from collections import Counter, deque
from collections.abc import Mapping
from itertools import islice

from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.counters import Counters
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.cap import Cap

MAX_UNANSWERED = 3
"""Unanswered creates in a row that trip the breaker. Each may cost a run and takes the user's time to resolve."""
_UNDER_WAY_S = 2.0  # more creates under way than the window admits in this time would only wait for each other
_MIN_HIGHEST_LIMIT = 8


class CircuitBreaker:
    """How many creates may be under way, judged by the answers so far.

    Every create under way is in doubt if the API fails now. So few may start until the API has proved that it answers,
    and each answer admits one more. `per_second` is the requests per second that the whole window allows.
    """

    def __init__(self, per_second: float) -> None:
        self.under_way = 0
        self._highest_limit = max(_MIN_HIGHEST_LIMIT, int(per_second * _UNDER_WAY_S))
        self._limit = MAX_UNANSWERED
        self._unanswered = 0  # in a row

    @property
    def is_tripped(self) -> bool:
        """Whether so many creates in a row got no answer that no more may follow in this apply."""
        return self._unanswered >= MAX_UNANSWERED

    def can_start(self) -> bool:
        """Whether one more create may start."""
        return not self.is_tripped and self.under_way < self._limit

    def start(self) -> None:
        """Count a create that starts."""
        self.under_way += 1

    def on_response(self) -> None:
        """Count a create that was answered, whatever the answer."""
        self.under_way -= 1
        self._unanswered = 0
        self._limit = min(self._highest_limit, self._limit + 1)

    def on_not_sent(self) -> None:
        """Count a create that was not sent: it says nothing about whether the API answers creates."""
        self.under_way -= 1

    def on_timeout(self) -> None:
        """Count a create that got no answer. Those still allowed are no more than would trip the breaker."""
        self.under_way -= 1
        self._unanswered += 1
        self._limit = max(1, MAX_UNANSWERED - self._unanswered)


class CreateQueue:
    """The creates of one apply. `max_in_flight` limits runs and creates under way together, `max_creates` the creates
    that are sent; None means no limit."""

    def __init__(
        self,
        runs: Mapping[int, Run],
        counters: Counters,
        cap: Cap,
        breaker: CircuitBreaker,
        max_in_flight: int | None,
        max_creates: int | None = None,
    ) -> None:
        self.cap = cap
        self.breaker = breaker
        self._runs = runs
        self._counters = counters
        self._max_in_flight = max_in_flight
        self._max_creates = max_creates
        self.unreachable = 0  # runs under way that no key knows: nobody would see their end
        self._creates = 0  # sent in this apply, but for those that made nothing
        self._waiting: deque[int] = deque()
        self._sending: Counter[str] = Counter()  # by model

    def __len__(self) -> int:
        return len(self._waiting)

    def enqueue(self, key: int) -> None:
        """Have this attempt paid for when its turn comes."""
        self._waiting.append(key)

    def requeue(self, key: int) -> None:
        """Put this attempt first again: its create made nothing."""
        self._waiting.appendleft(key)

    def drop_model(self, model: str) -> None:
        """Drop all attempts of this model."""
        self._waiting = deque(key for key in self._waiting if self._runs[key].model != model)

    def next_key(self) -> int | None:
        """The attempt to pay for now; None where none waits or a bound holds it back."""
        if not self._waiting or not self.breaker.can_start() or self._is_full or self._is_spent:
            return None
        key = self._waiting[0]
        return key if self.cap.admits(self._runs[key].model) else None

    def ready_count(self) -> int:
        """How many attempts wait only for a request, or for the answers to creates under way."""
        may_start = not (self.breaker.is_tripped or self._is_full or self._is_spent)
        waits_for_answers = self.breaker.under_way > 0 and may_start
        return len(self._waiting) if waits_for_answers or self.next_key() is not None else 0

    def start(self, key: int) -> None:
        """Count the create of `next_key`, which starts, against every bound before the next one is considered."""
        self._waiting.popleft()
        self.breaker.start()
        self._creates += 1
        self.cap.reserve(self._runs[key])
        self._sending[self._runs[key].model] += 1

    def end(self, run: Run, *, made_nothing: bool) -> None:
        """End the reservation for this attempt. Its result is recorded and counted, so its money never drops out.

        `made_nothing` is whether the create provably made no run: only then it does not count against the most creates.
        One in doubt counts, and so does a run that fails later: it was paid for first.
        """
        # rule only_nothing_is_free
        if made_nothing:
            self._creates -= 1
        self.cap.release(run)
        self._sending[run.model] -= 1

    def admits_more(self, promised: int) -> bool:
        """Whether one more attempt may be added to those that wait and to those `promised` already."""
        if self._max_creates is None:
            return True
        return self._creates + len(self._waiting) + promised < self._max_creates

    @property
    def limit_stop_reason(self) -> StopReason | None:
        """The reason to stop where attempts wait and no further create may be sent, None otherwise."""
        if self._waiting and self._is_spent and self.breaker.under_way == 0:
            return stop_reasons.limit_reached(self._max_creates or 0)
        return None

    @property
    def under_way(self) -> Counter[str]:
        """How many creates are under way, by model."""
        return +self._sending

    @property
    def affordable(self) -> Counter[str]:
        """How many attempts wait, by model, as far as the cap admits them."""
        left = None if self._max_creates is None else max(0, self._max_creates - self._creates)
        waiting = Counter(self._runs[key].model for key in islice(self._waiting, left))
        return Counter({model: self.cap.count_affordable(count, model) for model, count in waiting.items()})

    def cap_stop_reason(self) -> StopReason | None:
        """The reason to stop where the cap will never admit the next create, None otherwise."""
        if not self._waiting:
            return None
        cap, model = self.cap, self._runs[self._waiting[0]].model
        if cap.admits(model) or cap.waits_for_price(model):
            return None
        left = None if self._max_creates is None else max(0, self._max_creates - self._creates)
        needed = cap.needed_for(self._runs[key].model for key in islice(self._waiting, left))
        return stop_reasons.cap_reached(cap.cap_micro_usd or 0, cap.committed_micro_usd, cap.cost_of(model), needed)

    @property
    def _is_spent(self) -> bool:
        """Whether as many creates were sent as this apply may send."""
        # rule no_more_creates
        return self._max_creates is not None and self._creates >= self._max_creates

    @property
    def _is_full(self) -> bool:
        in_flight = self._counters.in_flight - self.unreachable + self.breaker.under_way
        # rule most_in_flight
        return self._max_in_flight is not None and in_flight >= self._max_in_flight

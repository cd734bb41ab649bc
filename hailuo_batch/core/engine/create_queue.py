"""The attempts that wait to be paid for, in order, and what the next of them must wait for.

Three bounds hold a create back: the answers to those under way, so that an API that falls silent leaves few of them in
doubt, the cap on money, and the limit on runs at once. Pure: `runs` and `books` are the engine's, to be looked at only.
"""

from collections import Counter, deque
from collections.abc import Mapping

from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.counters import Counters
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.spend import Cap

MAX_UNANSWERED = 3
_UNDER_WAY_S = 2.0  # creates under way beyond the pace times this many seconds would only wait for each other
_LEAST_BOUND = 8


class CircuitBreaker:
    """What the answers to creates allow. `pace` is the requests per second that the whole window allows."""

    def __init__(self, per_second: float) -> None:
        self.under_way = 0
        self._highest_limit = max(_LEAST_BOUND, int(per_second * _UNDER_WAY_S))
        self._limit = MAX_UNANSWERED
        self._unanswered = 0

    @property
    def is_tripped(self) -> bool:
        """Whether so many creates in a row went unanswered that no more may follow."""
        return self._unanswered >= MAX_UNANSWERED

    def can_start(self) -> bool:
        """Whether one more create may start."""
        return not self.is_tripped and self.under_way < self._limit

    def start(self) -> None:
        """A create starts."""
        self.under_way += 1

    def on_response(self) -> None:
        """A create was answered, whatever the answer."""
        self.under_way -= 1
        self._unanswered = 0
        self._limit = min(self._highest_limit, self._limit + 1)

    def on_not_sent(self) -> None:
        """A create was not sent: nothing was learned."""
        self.under_way -= 1

    def on_timeout(self) -> None:
        """A create went unanswered."""
        self.under_way -= 1
        self._unanswered += 1
        self._limit = max(1, MAX_UNANSWERED - self._unanswered)


class CreateQueue:
    """The creates of one apply. `max_in_flight` bounds the runs at once, also those being created; None: no bound."""

    def __init__(
        self, runs: Mapping[int, Run], counters: Counters, cap: Cap, breaker: CircuitBreaker, max_in_flight: int | None
    ) -> None:
        self.cap = cap
        self.breaker = breaker
        self._runs = runs
        self._counters = counters
        self._max_in_flight = max_in_flight
        self._waiting: deque[int] = deque()
        self._sending: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def enqueue(self, key: int) -> None:
        """Pay for this attempt when its turn comes."""
        self._waiting.append(key)

    def requeue(self, key: int) -> None:
        """Nothing was made: this attempt is the next one again."""
        self._waiting.appendleft(key)

    def drop_model(self, model: str) -> None:
        """Pay for nothing of this model."""
        self._waiting = deque(key for key in self._waiting if self._runs[key].model != model)

    def next_key(self) -> int | None:
        """The attempt to be paid for next; None where there is none or it must wait."""
        if not self._waiting or not self.breaker.can_start() or self._is_full:
            return None
        key = self._waiting[0]
        return key if self.cap.admits(self._runs[key].model) else None

    def ready_count(self) -> int:
        """How many wait for a request, or for nothing but the answers to creates under way."""
        waits_for_answers = self.breaker.under_way > 0 and not self.breaker.is_tripped and not self._is_full
        return len(self._waiting) if waits_for_answers or self.next_key() is not None else 0

    def start(self, key: int) -> None:
        """The create of this attempt, which was the next one, starts."""
        self._waiting.popleft()
        self.breaker.start()
        self.cap.reserve(self._runs[key])
        self._sending[self._runs[key].model] += 1

    def end(self, run: Run) -> None:
        """The create of this attempt has come to its end, and what came of it is recorded."""
        self.cap.release(run)
        self._sending[run.model] -= 1

    @property
    def under_way(self) -> Counter[str]:
        """How many are on their way, by model."""
        return +self._sending

    @property
    def affordable(self) -> Counter[str]:
        """How many wait, by model, as far as the cap will let them go."""
        waiting = Counter(self._runs[key].model for key in self._waiting)
        return Counter({model: self.cap.count_affordable(count, model) for model, count in waiting.items()})

    def cap_stop_reason(self) -> StopReason | None:
        """Why the next create can never follow, where that is the cap."""
        if not self._waiting:
            return None
        cap, model = self.cap, self._runs[self._waiting[0]].model
        if cap.admits(model) or cap.waits_for_price(model):
            return None
        return stop_reasons.cap_reached(cap.cap_micro_usd or 0, cap.committed_micro_usd, cap.cost_of(model))

    @property
    def _is_full(self) -> bool:
        # rule most_in_flight
        return (
            self._max_in_flight is not None and self._counters.in_flight + self.breaker.under_way >= self._max_in_flight
        )

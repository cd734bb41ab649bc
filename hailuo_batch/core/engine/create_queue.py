"""The attempts that wait to be paid for, in order, and what the next of them must wait for.

Three bounds hold a create back: the answers to those under way, so that an API that falls silent leaves few of them in
doubt, the cap on money, and the limit on runs at once. Pure: `runs` and `books` are the engine's, to be looked at only.
"""

from collections import Counter, deque
from collections.abc import Mapping

from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.counters import Books
from hailuo_batch.core.engine.stop_reasons import Halt
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.spend import Cap

STORM = 3
_USE_S = 2.0  # creates under way beyond the pace times this many seconds would only wait for each other
_LEAST_BOUND = 8


class Trust:
    """What the answers to creates allow. `pace` is the requests per second that the whole window allows."""

    def __init__(self, pace: float) -> None:
        self.under_way = 0
        self._bound = max(_LEAST_BOUND, int(pace * _USE_S))
        self._allowed = STORM
        self._unanswered = 0

    @property
    def is_storm(self) -> bool:
        """Whether so many creates in a row went unanswered that no more may follow."""
        return self._unanswered >= STORM

    def admits(self) -> bool:
        """Whether one more create may start."""
        return not self.is_storm and self.under_way < self._allowed

    def start(self) -> None:
        """A create starts."""
        self.under_way += 1

    def hear_answer(self) -> None:
        """A create was answered, whatever the answer."""
        self.under_way -= 1
        self._unanswered = 0
        self._allowed = min(self._bound, self._allowed + 1)

    def forget(self) -> None:
        """A create was not sent: nothing was learned."""
        self.under_way -= 1

    def hear_silence(self) -> None:
        """A create went unanswered."""
        self.under_way -= 1
        self._unanswered += 1
        self._allowed = max(1, STORM - self._unanswered)


class Creating:
    """The creates of one apply. `most_open` bounds the runs at once, those being created included; None: no bound."""

    def __init__(self, runs: Mapping[int, Run], books: Books, cap: Cap, trust: Trust, most_open: int | None) -> None:
        self.cap = cap
        self.trust = trust
        self._runs = runs
        self._books = books
        self._most_open = most_open
        self._waiting: deque[int] = deque()
        self._sending: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def want(self, key: int) -> None:
        """Pay for this attempt when its turn comes."""
        self._waiting.append(key)

    def want_again(self, key: int) -> None:
        """Nothing was made: this attempt is the next one again."""
        self._waiting.appendleft(key)

    def drop_model(self, model: str) -> None:
        """Pay for nothing of this model."""
        self._waiting = deque(key for key in self._waiting if self._runs[key].model != model)

    def next(self) -> int | None:
        """The attempt to be paid for next; None where there is none or it must wait."""
        if not self._waiting or not self.trust.admits() or self._is_full:
            return None
        key = self._waiting[0]
        return key if self.cap.admits(self._runs[key].model) else None

    def ready(self) -> int:
        """How many wait for a request, or for nothing but the answers to creates under way."""
        held_by_answers = self.trust.under_way > 0 and not self.trust.is_storm and not self._is_full
        return len(self._waiting) if held_by_answers or self.next() is not None else 0

    def start(self, key: int) -> None:
        """The create of this attempt, which was the next one, starts."""
        self._waiting.popleft()
        self.trust.start()
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
        return Counter({model: self.cap.most_of(count, model) for model, count in waiting.items()})

    def stopped_by_cap(self) -> Halt | None:
        """Why the next create can never follow, where that is the cap."""
        if not self._waiting:
            return None
        cap, model = self.cap, self._runs[self._waiting[0]].model
        if cap.admits(model) or cap.waits_for_price(model):
            return None
        return stop_reasons.cap_reached(cap.cap_micro_usd or 0, cap.committed_micro_usd, cap.cost_of(model))

    @property
    def _is_full(self) -> bool:
        # rule in_flight
        return self._most_open is not None and self._books.holding + self.trust.under_way >= self._most_open

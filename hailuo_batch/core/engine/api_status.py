"""What the replies of the API, and its silences, say of the API itself: is it there, is it who it should be, and does
it want to be left alone?

Creates and reads are alike here; what an answer means for a run is no business of this one. It holds requests back,
tells the user, and stops the apply where asking on makes no sense. Pure: times are `now`, in seconds of the engine's
clock.
"""

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.stop_reasons import Reach, Standing
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.obstacles import remedy
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.api_health import GONE_AFTER_S, Connection
from hailuo_batch.core.scheduling.rate_window import Budget

GATEWAY_TRIES = 3
"""So many answers in a row of a gateway that the API is away stop the apply: a single one may be a moment's."""


class Service:
    """The API at `endpoint`, as one apply comes to know it. `budget` holds the places of the key's window."""

    def __init__(self, endpoint: str, settings: Settings, budget: Budget, standing: Standing) -> None:
        self.is_proven = False  # the API itself has answered in this apply
        self._endpoint = endpoint
        self._settings = settings
        self._budget = budget
        self._standing = standing
        self._connection = Connection()
        self._gateway_answers = 0
        self._told_of_others = False
        self._told_until = float("-inf")
        self._refused_since: float | None = None  # for its rate, every request

    @property
    def held_until(self) -> float:
        """Nothing is asked before."""
        return self._connection.held_until

    @property
    def ends_at(self) -> float:
        """When an API that refuses every request for its rate need not be asked any more, since it wants to be left
        alone for longer; infinity where it is asked again before."""
        ends_at, slack_s = self._refused_until, self._settings.rate_window_s  # requests are refused one by one
        return ends_at if self._budget.pace.held_until > ends_at + slack_s else float("inf")

    @property
    def _refused_until(self) -> float:
        """For so long every request may be refused for its rate; infinity while none is."""
        return float("inf") if self._refused_since is None else self._refused_since + self._settings.run_timeout_s

    def watch(self, now: float) -> None:
        """Stop where the API has been away, or has wanted to be left alone, for too long."""
        connection, timeout_s = self._connection, self._settings.run_timeout_s
        held_s = self._budget.pace.held_until - now
        if connection.is_gone(now):
            self._standing.halt(stop_reasons.silent(connection.reason, connection.silent_for_s(now), connection.advice))
        elif now >= self.ends_at:
            self._standing.halt(stop_reasons.refused_for_long(timeout_s))
        elif self._refused_since is not None and held_s > timeout_s + self._settings.rate_window_s:
            self._standing.halt(stop_reasons.told_to_wait_for_longer(held_s, timeout_s))

    def hear(self, key: int, outcome: Outcome, now: float) -> None:
        """The request that holds the place `key` in the window has come to its end."""
        match outcome:
            case ev.CreateRefused() | ev.ReadRefused():
                self._hear_refusal(key, outcome, now)
            case ev.CreateNotSent() | ev.CreateUnanswered():
                self._hear_silence(outcome.reason, now)
            case ev.ReadNotSent():
                advice = remedy(outcome.obstacle, outcome.setting) if outcome.obstacle.lasts else ""
                if advice and not self.is_proven:
                    self._standing.halt(stop_reasons.no_way(outcome.reason, advice))
                self._hear_silence(outcome.reason, now, advice)
            case ev.ReadUnanswered():
                self._hear_no_answer(outcome, now)
            case _:
                self._hear_answer()
        self._budget.give_back(key, now)

    def _hear_answer(self) -> None:
        self.is_proven = True
        self._refused_since = None
        self._connection.hear_answer()
        self._budget.hear_answer()

    def _hear_refusal(self, key: int, outcome: ev.CreateRefused | ev.ReadRefused, now: float) -> None:
        if outcome.refusal is not ev.Refusal.RATE:
            self._hear_answer()
            halt = stop_reasons.refused(outcome.refusal, outcome.code, outcome.message)
            if halt is not None:
                self._standing.halt(halt)
            return
        self.is_proven = True
        self._connection.hear_answer()
        if self._refused_since is None:
            self._refused_since = now
        if now >= self._refused_until:
            self._standing.halt(stop_reasons.refused_for_long(self._settings.run_timeout_s))
        self._budget.hear_refusal(key, now, outcome.retry_after_s)
        self._tell_of_rate(outcome.retry_after_s or 0.0, now)

    def _tell_of_rate(self, wait_s: float, now: float) -> None:
        """A wait that is longer than the window is no matter of a full one."""
        if wait_s > self._settings.rate_window_s:
            if now >= self._told_until:
                self._told_until = now + wait_s
                self._standing.tell(notices.told_to_wait(wait_s))
        elif not self._told_of_others:
            self._told_of_others = True
            self._standing.tell(notices.key_in_use())

    def _hear_no_answer(self, outcome: ev.ReadUnanswered, now: float) -> None:
        """A read brought nothing of its run. While the API has never answered, who else did is not waited for."""
        self._gateway_answers = self._gateway_answers + 1 if outcome.by is ev.Replier.GATEWAY else 0
        is_stranger = outcome.by is ev.Replier.STRANGER or self._gateway_answers >= GATEWAY_TRIES
        if is_stranger and not self.is_proven:
            self._standing.halt(stop_reasons.not_the_api(self._endpoint, outcome.reason))
        self.is_proven |= outcome.by is ev.Replier.API
        self._hear_silence(outcome.reason, now)

    def _hear_silence(self, reason: str, now: float, advice: str = "") -> None:
        is_news = self._connection.hear_silence(now, reason, advice)
        if is_news and self._standing.reach < Reach.REQUESTS:
            self._standing.tell(notices.no_answer(reason, advice, GONE_AFTER_S))

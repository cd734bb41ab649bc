"""What the answers of the API, and missing answers, say about the API itself: whether it can be reached, whether it is
the API at all, and whether it asks for fewer requests.

Creates and reads count alike; what an answer means for its run is decided elsewhere. It holds requests back, notifies
the user, and stops the apply where more requests make no sense. Pure: times are `now`, in seconds of the engine's
clock.
"""

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.stop_reasons import EngineOutput, StopScope
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.obstacles import remedy
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.api_health import GONE_AFTER_S, ApiHealth
from hailuo_batch.core.scheduling.rate_window import RateWindow

_NEVER = float("inf")
MAX_GATEWAY_ANSWERS = 3
"""After this many answers in a row of a gateway that the API is away the apply stops; one alone may be a moment's."""


class ApiStatus:
    """The API at `endpoint` as this apply has seen it. `window` holds the places of the key's request window."""

    def __init__(self, endpoint: str, settings: Settings, window: RateWindow, output: EngineOutput) -> None:
        self.is_proven = False  # the API itself has answered in this apply
        self._endpoint = endpoint
        self._timeout_s = settings.run_timeout_s
        self._window = window
        self._output = output
        self._health = ApiHealth()
        self._gateway_answers = 0
        self._has_warned_of_others = False
        self._warned_until = float("-inf")
        self._refused_since: float | None = None  # every request since, for its rate

    @property
    def held_until(self) -> float:
        """No request may start before this time."""
        return self._health.held_until

    @property
    def gives_up_at(self) -> float:
        """When to give up an API that refuses every request for its rate and asks for a longer pause than that;
        infinity where another request can be sent before."""
        slack_s = self._window.window_s  # requests are refused one by one
        return self._refusals_end_at if self._window.backoff.held_until > self._refusals_end_at + slack_s else _NEVER

    @property
    def _refusals_end_at(self) -> float:
        """Until when every request may be refused for its rate; infinity while none is."""
        return _NEVER if self._refused_since is None else self._refused_since + self._timeout_s

    def check(self, now: float) -> None:
        """Stop where the API has been away, or has refused everything, for too long."""
        health, held_s = self._health, self._window.backoff.held_until - now
        if health.is_gone(now):
            self._output.stop(stop_reasons.api_silent(health.reason, health.silent_for_s(now), health.advice))
        elif now >= self.gives_up_at:
            self._output.stop(stop_reasons.refused_for_long(self._timeout_s))
        elif self._refused_since is not None and held_s > self._timeout_s + self._window.window_s:
            self._output.stop(stop_reasons.wait_too_long(held_s, self._timeout_s))

    def on_outcome(self, key: int, outcome: Outcome, now: float) -> None:
        """Handle the end of the request that holds the place `key` in the window, and give the place back."""
        match outcome:
            case ev.CreateRefused() | ev.ReadRefused():
                self._on_refusal(key, outcome, now)
            case ev.CreateNotSent() | ev.CreateUnanswered():
                self._on_timeout(outcome.reason, now)
            case ev.ReadNotSent():
                advice = remedy(outcome.obstacle, outcome.setting) if outcome.obstacle.is_permanent else ""
                if advice and not self.is_proven:
                    self._output.stop(stop_reasons.cannot_connect(outcome.reason, advice))
                self._on_timeout(outcome.reason, now, advice)
            case ev.ReadUnanswered():
                self._on_unanswered_read(outcome, now)
            case _:
                self._on_response()
        self._window.give_back(key, now)

    def _on_response(self) -> None:
        self.is_proven = True
        self._refused_since = None
        self._health.on_response()
        self._window.on_response()

    def _on_refusal(self, key: int, outcome: ev.CreateRefused | ev.ReadRefused, now: float) -> None:
        if outcome.refusal is not ev.Refusal.RATE:
            self._on_response()
            reason = stop_reasons.refused(outcome.refusal, outcome.code, outcome.message)
            if reason is not None:
                self._output.stop(reason)
            return
        self.is_proven = True
        self._health.on_response()
        if self._refused_since is None:
            self._refused_since = now
        if now >= self._refusals_end_at:
            self._output.stop(stop_reasons.refused_for_long(self._timeout_s))
        self._window.on_refusal(key, now, outcome.retry_after_s)
        self._notify_of_rate(outcome.retry_after_s or 0.0, now)

    def _notify_of_rate(self, wait_s: float, now: float) -> None:
        """Tell the user once that others use the key. A pause longer than the window has another cause than them."""
        if wait_s > self._window.window_s:
            if now >= self._warned_until:
                self._warned_until = now + wait_s
                self._output.notify(notices.wait_requested(wait_s))
        elif not self._has_warned_of_others:
            self._has_warned_of_others = True
            self._output.notify(notices.key_in_use())

    def _on_unanswered_read(self, outcome: ev.ReadUnanswered, now: float) -> None:
        """Handle a response that says nothing about the run.

        As long as the API has never answered, a response of something else stops the apply: nothing is paid for at an
        address that may not be the API's.
        """
        self._gateway_answers = self._gateway_answers + 1 if outcome.responder is ev.Responder.GATEWAY else 0
        is_other = outcome.responder is ev.Responder.OTHER or self._gateway_answers >= MAX_GATEWAY_ANSWERS
        if is_other and not self.is_proven:
            self._output.stop(stop_reasons.not_the_api(self._endpoint, outcome.reason))
        self.is_proven |= outcome.responder is ev.Responder.API
        self._on_timeout(outcome.reason, now)

    def _on_timeout(self, reason: str, now: float, advice: str = "") -> None:
        is_news = self._health.on_timeout(now, reason, advice)
        if is_news and self._output.stop_scope < StopScope.REQUESTS:
            self._output.notify(notices.no_answer(reason, advice, GONE_AFTER_S))

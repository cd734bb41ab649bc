"""What the answers to one API key's requests, and missing answers, say about the API and the key.

Whether the API can be reached, whether it is the API at all, whether it takes the key, and whether it asks for fewer
requests.

Creates and reads count alike; what an answer means for its run is decided elsewhere. It holds the key's requests back,
notifies the user, and stops the key, or the apply, where more requests make no sense. Pure: times are `now`, in seconds
of the engine's clock.
"""

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.key_stops import KeyOutput
from hailuo_batch.core.engine.stop_reasons import StopScope
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.obstacles import remedy
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.api_health import GONE_AFTER_S, ApiHealth
from hailuo_batch.core.scheduling.rate_window import RateWindow

_NEVER = float("inf")
MAX_GATEWAY_ANSWERS = 3
"""After this many answers in a row of a gateway that the API is away the apply stops; one alone may be a moment's."""


class ApiContact:
    """The API at `endpoint` as all keys together have met it in this apply."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.is_proven = False  # the API itself has answered
        self.answered_at = float("-inf")
        self.is_outage_known = False  # the user has been told that there is no answer


class ApiStatus:
    """The API as one key has seen it. `window` holds the places of the key's request window; `contact` is shared by all
    keys, so that an outage is reported once, and nothing is given up by which another key is answered."""

    def __init__(self, contact: ApiContact, settings: Settings, window: RateWindow, output: KeyOutput) -> None:
        self._contact = contact
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
        if health.is_gone(now) and now - self._contact.answered_at >= GONE_AFTER_S:
            self._output.stop_all(stop_reasons.api_silent(health.reason, health.silent_for_s(now), health.advice))
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
                if advice and not self._contact.is_proven:
                    self._output.stop_all(stop_reasons.cannot_connect(outcome.reason, advice))
                self._on_timeout(outcome.reason, now, advice)
            case ev.ReadUnanswered():
                self._on_unanswered_read(outcome, now)
            case _:
                self._on_response(now)
        self._window.give_back(key, now)

    def _on_response(self, now: float) -> None:
        self._refused_since = None
        self._on_contact(now)
        self._window.on_response()

    def _on_contact(self, now: float) -> None:
        self._health.on_response()
        self._contact.is_proven = True
        self._contact.answered_at = now
        self._contact.is_outage_known = False

    def _on_refusal(self, key: int, outcome: ev.CreateRefused | ev.ReadRefused, now: float) -> None:
        if outcome.refusal is not ev.Refusal.RATE:
            self._on_response(now)
            reason = stop_reasons.refused(outcome.refusal, outcome.code, outcome.message)
            if reason is not None:
                (self._output.stop if reason.of_key else self._output.stop_all)(reason)
            return
        self._on_contact(now)
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
                self._output.notify_of_key(notices.wait_requested(wait_s))
        elif not self._has_warned_of_others:
            self._has_warned_of_others = True
            self._output.notify_of_key(notices.key_in_use())

    def _on_unanswered_read(self, outcome: ev.ReadUnanswered, now: float) -> None:
        """Handle a response that says nothing about the run.

        As long as the API has never answered, a response of something else stops the apply: nothing is paid for at an
        address that may not be the API's.
        """
        self._gateway_answers = self._gateway_answers + 1 if outcome.responder is ev.Responder.GATEWAY else 0
        is_other = outcome.responder is ev.Responder.OTHER or self._gateway_answers >= MAX_GATEWAY_ANSWERS
        if is_other and not self._contact.is_proven:
            self._output.stop_all(stop_reasons.not_the_api(self._contact.endpoint, outcome.reason))
        self._contact.is_proven |= outcome.responder is ev.Responder.API
        self._on_timeout(outcome.reason, now)

    def _on_timeout(self, reason: str, now: float, advice: str = "") -> None:
        is_news = self._health.on_timeout(now, reason, advice)
        if is_news and not self._contact.is_outage_known and self._output.stop_scope < StopScope.REQUESTS:
            self._contact.is_outage_known = True
            self._output.notify(notices.no_answer(reason, advice, GONE_AFTER_S))

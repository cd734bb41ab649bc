"""How long to leave the API alone after it did not answer, and when to call it gone.

Pure: `now` is passed in, in seconds.
"""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
GONE_AFTER_S = 180.0
GONE_AFTER_FAILURES = 6
NOTIFY_AFTER_FAILURES = 2


class ApiHealth:
    """What the answers and the silences of the API say of the way to it."""

    def __init__(self) -> None:
        self.held_until = float("-inf")
        self.reason = ""
        self.advice = ""  # what would mend it, where that is known
        self._failures = 0
        self._is_notified = False
        self._since: float | None = None

    def on_response(self) -> None:
        """The API answered, whatever it said."""
        self._failures = 0
        self._since = None
        self._is_notified = False

    def on_timeout(self, now: float, reason: str, advice: str = "") -> bool:
        """A request was not answered. Requests that broke together count as one silence.

        Returns whether the user is to hear of it: once an outage, when it is no matter of a moment.
        """
        self.reason, self.advice = reason, advice
        if self._since is None:
            self._since = now
        if now >= self.held_until:
            self._failures += 1
            self.held_until = now + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self._failures - 1))
        is_news = not self._is_notified and (self._failures >= NOTIFY_AFTER_FAILURES or bool(advice))
        self._is_notified |= is_news
        return is_news

    def silent_for_s(self, now: float) -> float:
        """Seconds since the first silence after the last answer."""
        return 0.0 if self._since is None else now - self._since

    def is_gone(self, now: float) -> bool:
        """Whether waiting on makes no sense."""
        return self._failures >= GONE_AFTER_FAILURES and self.silent_for_s(now) >= GONE_AFTER_S

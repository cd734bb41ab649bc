"""How long to leave the API alone after it did not answer, and when to stop trying.

Pure: `now` is passed in, in seconds.
"""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
GONE_AFTER_S = 180.0
GONE_AFTER_FAILURES = 6
NOTIFY_AFTER_FAILURES = 2


class ApiHealth:
    """The connection to the API, judged by its answers and missing answers."""

    def __init__(self) -> None:
        self.held_until = float("-inf")
        self.reason = ""
        self.advice = ""  # what may help, where that is known
        self._failures = 0
        self._is_notified = False
        self._since: float | None = None

    def on_response(self) -> None:
        """Start afresh: the API answered, whatever it said."""
        self._failures = 0
        self._since = None
        self._is_notified = False

    def on_timeout(self, now: float, reason: str, advice: str = "") -> bool:
        """Pause after a request without an answer. Requests that failed together count as one failure.

        Returns whether the user should be told: once for each outage, when it is more than a moment's.
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
        """Seconds since the first missing answer after the last response."""
        return 0.0 if self._since is None else now - self._since

    def is_gone(self, now: float) -> bool:
        """Whether trying again makes no sense."""
        return self._failures >= GONE_AFTER_FAILURES and self.silent_for_s(now) >= GONE_AFTER_S

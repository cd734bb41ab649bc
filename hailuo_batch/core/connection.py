"""How long to leave the API alone after it did not answer, and when to call it gone.

Pure: `now` is passed in, in seconds.
"""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
GONE_AFTER_S = 180.0
GONE_AFTER_SILENCES = 6


class Connection:
    """What the answers and the silences of the API say of the way to it."""

    def __init__(self) -> None:
        self.held_until = float("-inf")
        self.is_proven = False  # the API itself has answered in this apply
        self.reason = ""
        self._silences = 0
        self._since: float | None = None

    def hear_answer(self) -> None:
        """The API answered, whatever it said."""
        self.is_proven = True
        self._silences = 0
        self._since = None

    def hear_silence(self, now: float, reason: str) -> None:
        """A request was not answered. Requests that broke together count as one silence."""
        self.reason = reason
        if self._since is None:
            self._since = now
        if now < self.held_until:
            return
        self._silences += 1
        self.held_until = now + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self._silences - 1))

    def silent_for_s(self, now: float) -> float:
        """Seconds since the first silence after the last answer."""
        return 0.0 if self._since is None else now - self._since

    def is_gone(self, now: float) -> bool:
        """Whether waiting on makes no sense."""
        return self._silences >= GONE_AFTER_SILENCES and self.silent_for_s(now) >= GONE_AFTER_S

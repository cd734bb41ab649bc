"""How many creates may be under way at once, so that an API that falls silent leaves few of them in doubt.

Pure counting. It begins with as many as make a storm, and every answered create admits one more, up to what the pace
of the window can use.
"""

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

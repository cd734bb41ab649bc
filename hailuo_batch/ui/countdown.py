"""The remaining time as a person is shown it: a countdown that another estimate moves only where it really is another.

Pure: times are seconds, `now` is of a clock that never goes back.
"""

from math import inf

_SLACK = 0.1  # of what is shown: an estimate made anew from one more run differs by as much without any news
_SLACK_S = 2.0
_LULL_S = 10.0  # while the request window keeps everything waiting, the estimate stands still
_HALF = 0.5  # of the estimate: at less than that the countdown waits for it
_LEAST_S = 1.0  # while anything is left


class Countdown:
    """Follows the estimates of one apply."""

    def __init__(self) -> None:
        self._end_at = inf

    def show(self, left_s: float | None, now: float) -> float | None:
        """The seconds to show for an estimate of `left_s`: infinity while it is learned, None where nothing is left."""
        if left_s is None or left_s == inf:
            self._end_at = inf
            return left_s
        shown_s = self._end_at - now
        slack_s = max(_SLACK_S, _SLACK * shown_s)
        if shown_s == inf or not shown_s - slack_s <= left_s <= shown_s + max(_LULL_S, slack_s):
            self._end_at, shown_s = now + left_s, left_s
        return max(_LEAST_S, shown_s, _HALF * left_s)

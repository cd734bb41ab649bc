"""The remaining time as a countdown, which a new estimate moves only if it differs clearly.

Pure: `now`, a monotonic clock in seconds, is passed in.
"""

from math import inf

_SLACK_SHARE = 0.1  # share of the time shown: one more observed run changes an estimate by as much
_SLACK_S = 2.0
_LULL_S = 10.0  # while the rate limit keeps everything waiting, the estimate does not move
_LEAST_SHARE_OF_ESTIMATE = 0.5  # of the estimate: below this the countdown waits for the estimate to follow
_LEAST_S = 1.0  # while anything is left


class Countdown:
    """A countdown that follows the estimates of one apply."""

    def __init__(self) -> None:
        self._end_at = inf

    def show(self, left_s: float | None, now: float) -> float | None:
        """The seconds to show for an estimate of `left_s`: infinity while it is learned, None if nothing is left."""
        if left_s is None or left_s == inf:
            self._end_at = inf
            return left_s
        shown_s = self._end_at - now
        slack_s = max(_SLACK_S, _SLACK_SHARE * shown_s)
        if shown_s == inf or not shown_s - slack_s <= left_s <= shown_s + max(_LULL_S, slack_s):
            self._end_at, shown_s = now + left_s, left_s
        return max(_LEAST_S, shown_s, _LEAST_SHARE_OF_ESTIMATE * left_s)

"""Which API keys have stopped, how far, and why.

What halts one key halts that key only, as long as another one can go on: it may belong to another account, or have
another limit. When the last one has stopped, the apply stops, as far as all of them have. With a single key there is no
difference between the two. Pure.
"""

from collections.abc import Sequence

from hailuo_batch.core.engine import notices, stop_reasons
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import EngineOutput, StopReason, StopScope
from hailuo_batch.core.model.api_keys import ApiKey


class KeyStops:
    """The stops of all keys of one apply. Notices, and the stop of the apply, go to `output`."""

    def __init__(self, keys: Sequence[ApiKey], output: EngineOutput) -> None:
        self.is_single = len(keys) == 1
        self.output = output
        self._reasons: dict[ApiKey, StopReason | None] = dict.fromkeys(keys)

    def scope(self, key: ApiKey) -> StopScope:
        """How far this key has stopped, for a reason of its own or of the whole apply."""
        own = self._reasons[key]  # always None for a single key
        return max(self.output.stop_scope, StopScope.NONE if own is None else own.scope)

    def stop(self, key: ApiKey, reason: StopReason) -> None:
        """Stop this key as far as the reason goes, and the apply if no other key is left."""
        if self.is_single:
            self.output.stop(reason)
            return
        if reason.scope <= self.scope(key):
            return
        self._reasons[key] = reason
        self.output.notify(notices.key_stopped(key, reason.of_key, still_reads=reason.scope is StopScope.CREATES))
        stopped = {each: why for each, why in self._reasons.items() if why is not None}
        if len(stopped) == len(self._reasons):
            self.output.stop(stop_reasons.no_key_left(min(why.scope for why in stopped.values()), stopped))


class KeyOutput:
    """The notices and stop reasons that come of one key's requests."""

    def __init__(self, key: ApiKey, stops: KeyStops) -> None:
        self.key = key
        self._stops = stops

    @property
    def stop_scope(self) -> StopScope:
        """How far the key has stopped."""
        return self._stops.scope(self.key)

    def stop(self, reason: StopReason) -> None:
        """Stop this key."""
        self._stops.stop(self.key, reason)

    def stop_all(self, reason: StopReason) -> None:
        """Stop the apply: the reason concerns all keys."""
        self._stops.output.stop(reason)

    def notify(self, notice: Notice) -> None:
        """Have this shown to the user."""
        self._stops.output.notify(notice)

    def notify_of_key(self, notice: Notice) -> None:
        """Have this shown to the user, with the key's name if there are several."""
        self.notify(notice if self._stops.is_single else notices.of_key(self.key, notice))

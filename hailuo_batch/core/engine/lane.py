"""One API key at work: its request window, what its answers say, its open runs, and what it may still do.

Creates are the campaign's and go to whichever lane has room; a run is read in the lane of its key. Pure.
"""

from hailuo_batch.core.engine.api_status import ApiContact, ApiStatus
from hailuo_batch.core.engine.key_stops import KeyOutput, KeyStops
from hailuo_batch.core.engine.stop_reasons import StopScope
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.scheduling.polling import Polling
from hailuo_batch.core.scheduling.queue_model import QueueModels
from hailuo_batch.core.scheduling.rate_window import RateWindow


class Lane:
    """The lane of one key. `contact`, `queue_models` and `stops` are shared by all lanes."""

    def __init__(
        self, key: ApiKey, settings: Settings, queue_models: QueueModels, contact: ApiContact, stops: KeyStops
    ) -> None:
        self.key = key
        self.number = key.number
        self.window = RateWindow(settings.rate_limit, settings.rate_window_s)
        self.polling = Polling(settings.rate_limit / settings.rate_window_s, queue_models)
        self._output = KeyOutput(key, stops)
        self.api_status = ApiStatus(contact, settings, self.window, self._output)

    @property
    def may_create(self) -> bool:
        """Whether nothing speaks against creating runs with this key."""
        return self._output.stop_scope < StopScope.CREATES

    @property
    def may_send(self) -> bool:
        """Whether nothing speaks against using this key."""
        return self._output.stop_scope < StopScope.REQUESTS

    def is_held(self, now: float) -> bool:
        """Whether the API is left alone with this key for a moment, because it did not answer."""
        return now < self.api_status.held_until

    def can_send_at(self, now: float) -> float:
        """When the next request may be sent with this key."""
        return max(self.window.next_free_at(now), self.api_status.held_until)

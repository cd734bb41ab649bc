"""The client for Runbase: the only room that knows its URLs, its JSON, its codes and how to send it the key.

`client` sends and receives, `answers` decides what an answer means, `fields` reads single fields, `address` reads the
base URL. Its invariant: a create leaves at most once, and whatever is not provably otherwise is in doubt.

The client brings all of HTTP with it, and is loaded only once somebody speaks to Runbase.
"""

from typing import TYPE_CHECKING

from hailuo_batch.adapters.http.timeouts import Timeouts
from hailuo_batch.adapters.runbase.base_url import parse_base_url
from hailuo_batch.adapters.runbase.fields import is_run_id
from hailuo_batch.adapters.runbase.responses import RunLookup

if TYPE_CHECKING:
    from hailuo_batch.adapters.runbase.client import Client

__all__ = ["Client", "RunLookup", "Timeouts", "is_run_id", "parse_base_url"]


def __getattr__(name: str) -> object:
    if name == "Client":
        from hailuo_batch.adapters.runbase.client import Client

        return Client
    raise AttributeError(name)

"""The client for Runbase: the only package that knows its URLs, its JSON, its codes and how to send it the key.

`client` sends and receives, `responses` decides what a response means, `fields` reads single fields, `base_url` reads
the base URL. Invariant: a create is sent at most once, and one that is not provably refused or unsent is in doubt.

The client imports all of HTTP, so it is loaded only when somebody sends a request to Runbase.
"""

from typing import TYPE_CHECKING

from hailuo_batch.adapters.http.timeouts import Timeouts
from hailuo_batch.adapters.runbase.base_url import parse_base_url
from hailuo_batch.adapters.runbase.fields import is_run_id
from hailuo_batch.adapters.runbase.responses import ApiCheck, RunLookup

if TYPE_CHECKING:
    from hailuo_batch.adapters.runbase.client import Client

__all__ = ["ApiCheck", "Client", "RunLookup", "Timeouts", "is_run_id", "parse_base_url"]


def __getattr__(name: str) -> object:
    if name == "Client":
        from hailuo_batch.adapters.runbase.client import Client

        return Client
    raise AttributeError(name)

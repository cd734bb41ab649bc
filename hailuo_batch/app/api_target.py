"""Whom an apply speaks to: Runbase with the user's key, or a sandbox inside this process.

The key goes from the environment to the client and nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.app.config import DEFAULT_BASE_URL, read_key
from hailuo_batch.app.workspace import SANDBOX
from hailuo_batch.core.model.settings import Settings

SANDBOX_KEY = "sk-sandbox"
_SANDBOX_SPEED = 10.0


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """An API: where it is, the key for it, and whether it is on this machine."""

    base_url: str
    key: str | None = field(repr=False)
    is_loopback: bool


NO_API = ApiTarget(DEFAULT_BASE_URL, None, is_loopback=False)
"""For work on this machine alone: without a key nothing can be asked of it."""


@contextmanager
def connect(endpoint: str, settings: Settings) -> Iterator[ApiTarget]:
    """The API at this endpoint; for `sandbox`, one that lives as long as the context.

    Raises AccountError where a key is needed and missing.
    """
    if endpoint != SANDBOX:
        yield ApiTarget(endpoint, read_key(), split_base_url(endpoint)[0].is_loopback)
        return
    from hailuo_batch.sandbox.server import SandboxServer  # with a server's parts, for rehearsals alone
    from hailuo_batch.sandbox.world import WorldSettings

    world = WorldSettings(rate_limit=settings.rate_limit, rate_window_s=settings.rate_window_s)
    with SandboxServer(world, speed=_SANDBOX_SPEED) as server:
        yield ApiTarget(server.base_url, SANDBOX_KEY, is_loopback=True)

"""A pure, seeded model of Runbase: prices, balance, runs with durations, refunds, the rate limit, every error.

It has no clock, threads, files or sockets: each call is given `now`, seconds since the epoch in the world's own time,
and the same calls with the same seed get the same responses. It imports nothing of the product but values.

Invariant: everything about a run is in its ID, sealed with the seed, so a later world with the same seed answers for it
in the same way, and an invented ID gets a 404, as one of another account does. Only money and the rate limit start
fresh with each world.
"""

from hailuo_batch.sandbox.world.accounts import DEFAULT_KEY
from hailuo_batch.sandbox.world.answers import ApiResponse, ForcedError, ServedClip, Stats
from hailuo_batch.sandbox.world.run_ids import RunFacts
from hailuo_batch.sandbox.world.runbase import World
from hailuo_batch.sandbox.world.settings import Window, WorldSettings, check_account

__all__ = [
    "DEFAULT_KEY",
    "ApiResponse",
    "ForcedError",
    "RunFacts",
    "ServedClip",
    "Stats",
    "Window",
    "World",
    "WorldSettings",
    "check_account",
]

"""A pure, seeded model of Runbase: prices, balance, runs that take their time, refunds, the rate limit, every error.

It has no clock, threads, files or sockets: each call is given `now`, seconds since the epoch of the world's own time,
and the same calls with the same seed get the same answers. It imports nothing of the product but values, and knows
nothing of who asks over which network.

Invariant: all there is to know of a run stands in its ID, sealed with the seed, so a world made later with the same
seed answers for it alike, and an invented ID answers 404. Only money and the rate limit start anew with a world.
"""

from hailuo_batch.sandbox.world.answers import ApiResponse, ForcedError, ServedClip, Stats
from hailuo_batch.sandbox.world.run_ids import RunFacts
from hailuo_batch.sandbox.world.runbase import World
from hailuo_batch.sandbox.world.settings import Window, WorldSettings

__all__ = ["ApiResponse", "ForcedError", "RunFacts", "ServedClip", "Stats", "Window", "World", "WorldSettings"]

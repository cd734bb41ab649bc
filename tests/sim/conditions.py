"""The world that a history lives in, and what changes in it by itself: prices, balances and refusals."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hailuo_batch.sandbox.world import ForcedError, Window, World, WorldSettings
from tests.sim.author import PRICE
from tests.sim.environment import ACCOUNT, OTHER_ACCOUNT, OTHER_KEYS, OUR_KEYS

_ACCOUNTS = {ACCOUNT: OUR_KEYS, OTHER_ACCOUNT: OTHER_KEYS}


def any_settings(rng: Random, seed: int) -> WorldSettings:
    """What this history's world is like."""
    return WorldSettings(
        seed=seed,
        price_micro_usd=PRICE,
        balance_micro_usd=rng.choice((None, None, None, 2 * PRICE, 6 * PRICE)),
        fail_rate=rng.choice((0.0, 0.0, 0.1, 0.5, 1.0)),
        rate_limit=rng.choice((20, 20, 3)),
        window=rng.choice(tuple(Window)),
        median_s=rng.choice((5.0, 90.0, 90.0, 400.0)),
        min_s=rng.choice((0.0, 20.0)),
        max_processing=rng.choice((None, None, 1, 3)),
        accounts=tuple((key, name) for name, keys in _ACCOUNTS.items() for key in keys),
    )


@dataclass
class WorldConditions:
    """What comes over the world."""

    rng: Random
    world: World
    log: Callable[[str], None]
    price_unrest: float  # how likely the price changes between two applies

    def change_price(self) -> None:
        """The API changes its price."""
        price = int(PRICE * self.rng.choice((0.5, 1.0, 1.05, 2.0)))
        self.world.prices = dict.fromkeys(self.world.prices, price)
        self.log(f"a run now costs {price}")

    def trouble(self) -> None:
        """The API refuses everything, or no more."""
        self.world.forced_error = None if self.world.forced_error is not None else self.rng.choice(tuple(ForcedError))
        self.log(f"trouble is {self.world.forced_error}")

    def impoverish(self) -> None:
        """The balance is nearly empty, or full again."""
        self.world.balances[ACCOUNT] = self.rng.choice((None, 0, PRICE, 3 * PRICE))
        self.log(f"the balance is {self.world.balances[ACCOUNT]}")

    def reset(self) -> None:
        """The world is well."""
        self.world.forced_error = None
        self.world.balances[ACCOUNT] = None

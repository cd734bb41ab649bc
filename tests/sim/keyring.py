"""The API keys that the user gives the program, and what becomes of each: added, exchanged, revoked, out of money.

Most histories have one key at a time. In the others an apply is given several, of two accounts of the user's own. The
dice are of its own, so that a history is as it was without.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from unittest import mock

from hailuo_batch.adapters.runbase.key_shape import LIST_VARIABLE, VARIABLE
from hailuo_batch.sandbox.world import ForcedError
from tests.sim.author import PRICE
from tests.sim.environment import KEY, OTHER_ACCOUNT, OTHER_KEYS, OUR_KEYS, STRANGERS_KEY
from tests.sim.world import RememberingWorld

_PLURAL = 0.4
_MOST = 4
_ERRORS = (ForcedError.BAD_KEY, ForcedError.BAD_KEY, ForcedError.BAD_ADDRESS, ForcedError.QUOTA)
_PACES = (0.0, 0.0, 0.01, 0.04)  # how likely a key gets into trouble, or out of it, at a turn of an apply
_POOL = (*OUR_KEYS, *OTHER_KEYS)
ALL_KEYS = (*_POOL, STRANGERS_KEY)


class Keyring:
    """The keys of one history. `given` are those of the user's environment now, in their order."""

    def __init__(
        self, seed: int, world: RememberingWorld, log: Callable[[str], None], count: Callable[[str], None]
    ) -> None:
        self.rng = Random(f"keys {seed}")
        self._world = world
        self._log = log
        self._count = count
        self._pace = 0.0
        self.is_plural = self.rng.random() < _PLURAL
        self.given: tuple[str, ...] = (KEY,)
        if self.is_plural:
            self.given = tuple(self.rng.sample(OUR_KEYS, self.rng.randint(1, 3)))
            if self.rng.random() < 0.3:
                self._add(OTHER_KEYS)
        self._ever = dict.fromkeys(self.given)

    def change(self) -> None:
        """Another apply is about to begin: mostly with the same keys."""
        if not self.is_plural:
            return
        before = set(self.given)
        change = self.rng.choice((self._keep, self._keep, self._add, self._remove, self._exchange, self._add_account))
        change()
        self._ever |= dict.fromkeys(self.given)
        self._pace = self.rng.choice(_PACES)
        if before != set(self.given):
            self._count(f"keys: {change.__name__.strip('_').replace('_', ' ')}")

    def give_all(self) -> None:
        """Every key that was ever given is given, and none of them is in trouble."""
        self.given = tuple(self._ever)
        self._pace = 0.0
        self.calm()

    @contextmanager
    def in_environment(self, keys: tuple[str, ...]) -> Iterator[None]:
        """While it lasts, a command finds these keys."""
        first, *more = keys
        with mock.patch.dict("os.environ", {VARIABLE: first, LIST_VARIABLE: ", ".join(more)}):
            yield

    # --- troubles ---

    def turn(self) -> None:
        """A moment of an apply has passed."""
        if self._pace and self.rng.random() < self._pace:
            self.trouble()

    def pass_time(self) -> None:
        """Time goes by between two applies."""
        if not self.is_plural:
            return
        if self.rng.random() < 0.4:
            self.trouble()
        elif self.rng.random() < 0.4:
            self.calm()

    def trouble(self) -> None:
        """A key gets into trouble, or out of it."""
        key = self.rng.choice(self.given)
        if key in self._world.forced_errors:
            del self._world.forced_errors[key]
            self._log(f"{key} is taken again")
            return
        self.rng.choice((self._refuse, self._refuse, self._limit, self._impoverish))(key)

    def calm(self) -> None:
        """No key is in trouble any more."""
        self._world.forced_errors.clear()
        self._world.spend_limits.clear()
        self._world.balances[OTHER_ACCOUNT] = None

    def _refuse(self, key: str) -> None:
        error = self.rng.choice(_ERRORS)
        self._world.forced_errors[key] = error
        self._count(f"keys: {error.name}")
        self._log(f"{key} is refused: {error.name}")

    def _limit(self, key: str) -> None:
        limit = self.rng.choice((0, PRICE, None))
        self._world.spend_limits[key] = None if limit is None else self._world.spent_with(key) + limit
        self._count("keys: spend limit")
        self._log(f"{key} may spend {limit} more")

    def _impoverish(self, key: str) -> None:
        account = self._world.account_of(key)
        self._world.balances[account] = self.rng.choice((None, 0, PRICE, 3 * PRICE))
        self._count("keys: balance")
        self._log(f"the balance of {account} is {self._world.balances[account]}")

    # --- which ---

    def _keep(self) -> None:
        """The same keys as the last time."""

    def _add(self, pool: tuple[str, ...] = _POOL) -> None:
        free = [key for key in pool if key not in self.given]
        if free and len(self.given) < _MOST:
            at = self.rng.randint(0, len(self.given))
            self.given = (*self.given[:at], self.rng.choice(free), *self.given[at:])

    def _remove(self) -> None:
        if len(self.given) > 1:
            gone = self.rng.choice(self.given)
            self.given = tuple(key for key in self.given if key != gone)

    def _exchange(self) -> None:
        old = self.rng.choice(self.given)
        account = OUR_KEYS if old in OUR_KEYS else OTHER_KEYS
        free = [key for key in account if key not in self.given]
        if free:
            new = self.rng.choice(free)
            self.given = tuple(new if key == old else key for key in self.given)

    def _add_account(self) -> None:
        self._add(OTHER_KEYS)

"""What goes wrong, and when: one seeded source for every misfortune of a history.

`point` marks a moment at which the process may die, `disk` one at which the disk may refuse; `happens` decides about
everything else. At rest nothing happens. A process that is dead can do nothing more: every point raises again.
"""

import errno
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

NETWORK = (
    "not sent",
    "request lost",
    "answer lost",
    "answer late",
    "arrives late",
    "answer cut",
    "odd answer",
    "5xx before",
    "5xx after",
    "another's ID",
    "slow",
    "odd cost",
)
READS = ("missing", "odd status")
GATEWAY = ("gateway", "gateway after", "gateway reads")  # not passed on; passed on; whatever is read
FETCHES = (
    "fetch breaks",
    "link dead",
    "web page",
    "ends early",
    "says more",
    "says less",
    "says nothing",
    "file changed",
)
RANGES = ("range ignored", "range odd", "version ignored")
FETCHING = ("fetch slow",)
DISKS = ("receipts", "ledger", "output")
CONDITIONS = ("foreign use", "trouble", "price", "wall jump", "signal", "second apply", "poor")
FIELD = {
    "records gone": (0.01, 0.03, 0.1),  # at a turn
    "lock gone": (0.03, 0.1, 0.3),
    "disk fills": (0.03, 0.1),
    "reader gone": (0.02, 0.1, 0.3),  # at a line
    "signal at the end": (0.5, 1.0),
    "death at the end": (0.5, 1.0),
}
_CHANCES = (0.02, 0.05, 0.15, 0.4, 0.9)
_OFTEN = (0.15, 0.4, 0.9)
_RARE = (0.003, 0.01, 0.03)


class Death(BaseException):
    """The process ends here: nothing after this moment happens."""


class Fate:
    """The adversary's dice."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.events: list[str] = []
        self.dead = False
        self.is_late = False  # whether it had been dead before the moment that was last looked at
        self.asleep = False
        self.disk_failed: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._chances: dict[str, float] = {}
        self._points_to_live = float("inf")
        self._disk_down: dict[str, int] = {}

    def rest(self) -> None:
        """From here on nothing goes wrong."""
        self.reborn()
        self._chances = {}

    def reborn(self) -> None:
        """A new process begins, that does not die before its time is set."""
        self.dead = False
        self.disk_failed = set()
        self._points_to_live = float("inf")
        self._disk_down = {}

    @contextmanager
    def nap(self) -> Iterator[None]:
        """While it lasts, nothing refuses and nobody dies: what happens is not the program's doing."""
        self.asleep = True
        try:
            yield
        finally:
            self.asleep = False

    def rise(self) -> None:
        """Choose what may go wrong in the next process, from nothing to nearly everything."""
        self.reborn()
        rng = self.rng
        self._chances = {}
        often = ((kinds, _CHANCES) for kinds in (NETWORK, READS, FETCHES, RANGES, FETCHING))
        for kinds, chances in (*often, (DISKS, _RARE)):
            for kind in self._some(kinds):
                self._chances[kind] = rng.choice(chances)
        for kind in self._some(CONDITIONS):
            self._chances[kind] = rng.choice(_RARE)
        if rng.random() < 0.5:
            kind = rng.choice(tuple(FIELD))
            self._chances[kind] = rng.choice(FIELD[kind])
            if kind == "reader gone":
                self._chances["slow"] = 0.5  # so that something is on its way when it is noticed
        if rng.random() < 0.4:
            for kind in self._some(GATEWAY):
                self._chances[kind] = rng.choice(_OFTEN)
        self.threaten(9)

    def intend(self, kind: str, chance: float = 1.0) -> None:
        """Have this go wrong wherever it can, or one time in so many; nothing where it is empty."""
        self._chances = {kind: chance} if kind else {}

    def threaten(self, most: float) -> None:
        """The process that begins now may die, within 2 to the power of `most` such moments."""
        if self.rng.random() < 0.5:
            self.doom(most)

    def doom(self, most: float) -> None:
        """The process will die, within so many."""
        self._points_to_live = int(2 ** self.rng.uniform(0, most))

    def point(self, where: str) -> None:
        """A moment at which the process may die. Raises Death."""
        if self.asleep:
            return
        self.is_late = self.dead
        if self.dead:
            raise Death(where)
        self._points_to_live -= 1
        if self._points_to_live <= 0:
            self.dead = True
            self.events.append(f"death at {where}")
            raise Death(where)

    def disk(self, kind: str, where: str) -> None:
        """A moment at which, beyond that, the disk may refuse. Raises OSError."""
        if self.asleep:
            return
        self.point(where)
        down = self._disk_down.get(kind, 0)
        if down == 0 and self.happens(kind):
            down = int(2 ** self.rng.uniform(0, 5))
        if down > 0:
            self._disk_down[kind] = down - 1
            self.disk_failed.add(kind)
            self.events.append(f"disk refuses {where}")
            raise OSError(self.rng.choice((errno.ENOSPC, errno.EIO)), "simulated")

    def happens(self, what: str) -> bool:
        """Whether this goes wrong now."""
        chance = self._chances.get(what)
        return chance is not None and self.rng.random() < chance

    def count(self, oddity: str) -> None:
        """This has come about, once more."""
        self.counts[oddity] += 1

    def one_of(self, kinds: Sequence[str]) -> str:
        """The first of these that goes wrong now, empty for none."""
        return next((kind for kind in kinds if self.happens(kind)), "")

    def _some(self, kinds: Sequence[str]) -> list[str]:
        most = self.rng.choice((0, 1, 1, 2, len(kinds)))
        return self.rng.sample(kinds, min(most, len(kinds)))

"""What outlives the processes of one history: the world, the clock, the truth, the disk of the videos, and requests on
their way.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.sim.adversary import Fate
from tests.sim.clock import VirtualClock
from tests.sim.oddities import Oddities
from tests.sim.room import DiskSpace
from tests.sim.terminal import Terminals
from tests.sim.truth import Truth, Violation
from tests.sim.world import RememberingWorld

KEY = "sk-simulated"
SECOND_KEY = "sk-simulated-too"
OUR_KEYS = (KEY, SECOND_KEY, "sk-simulated-third")
OTHER_KEYS = ("sk-other", "sk-other-too")
STRANGERS_KEY = "sk-another-account"
ACCOUNT, OTHER_ACCOUNT = "ours", "the other one"
_SMALL_DISK = 30_000_000


@dataclass
class Site:
    """What outlives a process: the world, the clock, the truth, the output folder, and requests on their way."""

    world: RememberingWorld
    clock: VirtualClock
    fate: Fate
    truth: Truth
    oddities: Oddities
    outputs: Path
    cap_micro_usd: int | None = None
    room: DiskSpace = field(default_factory=DiskSpace)
    terminals: Terminals = field(default_factory=Terminals)
    stragglers: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)
    arrivals: dict[str, deque[tuple[float, str]]] = field(default_factory=lambda: defaultdict(deque))  # by key
    log: Callable[[str], object] = str

    def deliver_stragglers(self) -> None:
        """Have the requests arrive whose time has come."""
        while self.stragglers and self.stragglers[0][0] <= self.clock.now():
            heapq.heappop(self.stragglers)[2]()

    def fill_disk(self) -> None:
        """From here on, the disk of the videos is a small one, and more or less full."""
        free = self.fate.rng.choice((0, 100, 3_000, 150_000, 500_000, 5_000_000, 28_000_000, 28_000_000))
        self.room.shrink(free, _SMALL_DISK)
        self.fate.count("small disk")
        self.log(f"{free} bytes are free on the disk of the videos")

    def jump(self, seconds: float) -> None:
        """The wall clock is set."""
        self.clock.wall_offset += seconds
        self.log(f"the wall clock is set by {seconds} s")

    def arrive(self, what: str, key: str) -> None:
        """A request with this key is at the server, which counts it."""
        now, window, arrivals = self.clock.now(), self.world.settings.rate_window_s, self.arrivals[key]
        while arrivals and now - arrivals[0][0] > window:
            arrivals.popleft()
        arrivals.append((now, what))

    def blame(self, process: int, key: str) -> None:
        """The world has refused the request of this process that has just arrived, for its rate. Raises Violation where
        the key's window is full by our fault alone."""
        if not any(what in {"foreign", "late"} for _, what in self.arrivals[key]):
            raise Violation(f"process {process} passed the request window, and nobody else uses the key")
        self.arrivals[key].pop()

"""The user: writes a small random manifest, edits it between applies, and gives commands.

Prompts come from a small pool, so that equal inputs, swaps and edits that are taken back happen all the time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanRequest
from hailuo_batch.core.planning.selection import matches_any
from hailuo_batch.values import (
    DEFAULT_MODEL,
    CampaignSpec,
    Limits,
    Shot,
    Take,
    canonical_json,
    compute_fingerprint,
    take_id,
)

NAME = "simulated"
PRICE = 280_000
_PROMPTS = tuple(f"a lamp in {place}" for place in ("a loft", "a library", "a shop", "the rain", "snow"))
_REFUSED = "a lamp that the API refuses"
_NAMES = ("hero", "teal", "brass", "white", "amber", "ivory")
_MOST_TAKES = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A shot as the manifest has it."""

    id: str
    prompt: str
    takes: int


@dataclass
class Author:
    """The manifest as it stands, and the one who edits it."""

    rng: Random
    entries: list[Entry] = field(default_factory=list)
    limits: Limits = Limits()
    is_careful: bool = False  # has a cap, agrees to any price under it, and lives in a time of changing prices
    _last: PlanRequest = PlanRequest()
    _rng_of_limits: Random = field(default_factory=Random)

    def __post_init__(self) -> None:
        rng = self.rng
        for name in rng.sample(_NAMES, rng.randint(2, 4)):
            self.entries.append(Entry(name, self._prompt(), rng.choice((1, 1, 1, 2, 3))))
        self.is_careful = rng.random() < 0.1
        cap = rng.choice((None, None, rng.randint(1, 14) * PRICE + rng.choice((0, 1000))))
        if self.is_careful:
            cap = rng.randint(3, 14) * PRICE
        self.limits = Limits(
            max_spend_micro_usd=cap,
            max_attempts=rng.choice((1, 1, 2, 3)),
            max_in_flight=rng.choice((None, None, 1, 2, 5)),
            run_timeout_s=rng.choice((120.0, 400.0, 800.0)),
        )
        self._rng_of_limits.setstate(rng.getstate())  # of its own, so that the rest of a history is as it was without

    @property
    def campaign(self) -> CampaignSpec:
        """What the manifest asks for."""
        shots = tuple(
            Shot(entry.id, tuple(_take(entry, n) for n in range(1, entry.takes + 1))) for entry in self.entries
        )
        return CampaignSpec(NAME, shots, "0" * 64, limits=self.limits)

    def edit(self) -> str:
        """Change something; says what."""
        edits: tuple[Callable[[], str], ...] = (
            self._change_prompt,
            self._change_prompt,
            self._rename,
            self._swap,
            self._reorder,
            self._remove,
            self._add,
            self._count,
        )
        return self.rng.choice(edits)()

    def mend(self) -> None:
        """Ask for nothing more that the API refuses."""
        for index, entry in enumerate(self.entries):
            if entry.prompt == _REFUSED:
                self.entries[index] = replace(entry, prompt=self.rng.choice(_PROMPTS))

    def lift_cap(self) -> None:
        """Spend whatever it takes."""
        self.limits = replace(self.limits, max_spend_micro_usd=None)

    def plan_request(self) -> PlanRequest:
        """What the command line asks beyond the manifest: mostly nothing, or what it asked the last time."""
        rng = self.rng
        if self._last.replace and self._fits(self._last) and rng.random() < 0.6:
            return self._last
        only = self._globs() if rng.random() < 0.1 else ()
        replaced = self._globs() if rng.random() < 0.2 else ()
        in_doubt = InDoubtPolicy.RESUBMIT if rng.random() < 0.15 else InDoubtPolicy.HOLD
        is_limited = self._rng_of_limits.random() < 0.15
        limit = self._rng_of_limits.choice((0, 1, 1, 2, 3)) if is_limited else None
        self._last = PlanRequest(only, replaced, in_doubt, limit=limit)
        return self._last

    def _fits(self, request: PlanRequest) -> bool:
        """Whether each pattern fits a take: else the command line is refused."""
        ids = [take.id for take in self.campaign.takes]
        patterns = (*request.only, *request.replace)
        return all(any(matches_any(id_, (pattern,)) for id_ in ids) for pattern in patterns)

    def _globs(self) -> tuple[str, ...]:
        entry = self.rng.choice(self.entries)
        return (self.rng.choice((f"{entry.id}*", entry.id, "*")),)

    def _prompt(self) -> str:
        return _REFUSED if self.rng.random() < 0.04 else self.rng.choice(_PROMPTS)

    def _pick(self) -> int:
        return self.rng.randrange(len(self.entries))

    def _change_prompt(self) -> str:
        index = self._pick()
        self.entries[index] = replace(self.entries[index], prompt=self._prompt())
        return f"{self.entries[index].id} now says {self.entries[index].prompt!r}"

    def _rename(self) -> str:
        index = self._pick()
        before = self.entries[index].id
        free = [name for name in _NAMES if all(name != entry.id for entry in self.entries)]
        if free:
            self.entries[index] = replace(self.entries[index], id=self.rng.choice(free))
        return f"{before} renamed {self.entries[index].id}"

    def _swap(self) -> str:
        first, second = self._pick(), self._pick()
        one, other = self.entries[first], self.entries[second]
        self.entries[first] = replace(other, id=one.id)
        self.entries[second] = replace(one, id=other.id)
        return f"{one.id} and {other.id} swapped"

    def _reorder(self) -> str:
        self.rng.shuffle(self.entries)
        return "reordered"

    def _remove(self) -> str:
        if len(self.entries) < 2:
            return "nothing removed"
        return f"{self.entries.pop(self._pick()).id} removed"

    def _add(self) -> str:
        free = [name for name in _NAMES if all(name != entry.id for entry in self.entries)]
        if not free or sum(entry.takes for entry in self.entries) >= _MOST_TAKES:
            return "nothing added"
        entry = Entry(self.rng.choice(free), self._prompt(), self.rng.choice((1, 2)))
        self.entries.insert(self.rng.randint(0, len(self.entries)), entry)
        return f"{entry.id} added"

    def _count(self) -> str:
        index = self._pick()
        takes = self.rng.randint(1, 3)
        self.entries[index] = replace(self.entries[index], takes=takes)
        return f"{self.entries[index].id} now has {takes} takes"


def _take(entry: Entry, number: int) -> Take:
    data: dict[str, Any] = {"prompt": entry.prompt}
    if entry.prompt == _REFUSED:
        data["image_urls"] = ["gopher://nowhere"]
    input_json = canonical_json(data)
    id_ = take_id(entry.id, number)
    return Take(id_, entry.id, number, DEFAULT_MODEL, input_json, compute_fingerprint(DEFAULT_MODEL, input_json))

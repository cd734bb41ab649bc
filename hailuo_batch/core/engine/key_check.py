"""Which key knows a run whose own key is missing, refused or not on record; and a run that cannot exist.

A key that was exchanged for another one of its account has its runs known by that one; a key of another account knows
none of them. So each such run is asked about once with each given key. A key that knows one run is expected to know all
that the same key has made, and takes over those that it does know; one that does not know three of them is asked about
no more. A 404 here says something about the key, never about the run: what no key
knows waits, and is not lost.

While no given key has ever made a run of this campaign, this goes before everything else: with the keys of another
account, every run would wait, and the user might pay for all of them again. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RUNNING, RunState

# It has the documented form, so that no rule on paths keeps it from the API. Whether IDs are made of chance, time or a
# counter, none consists of zeros alone.
_NONEXISTENT_RUN_ID = f"run_{'0' * 32}"
NONEXISTENT_RUN = Run(-1, "", 0, RunState.LOST, "", "{}", "", run_id=_NONEXISTENT_RUN_ID)
"""Stands for a run that cannot exist, where a read needs one. It is in no ledger: nothing is ever recorded of it."""

_SAMPLE = 3
"""So many runs must be unknown to a key before it counts as the wrong one: a single run may have vanished."""


class KeyCheck:
    """The runs without a key of their own, and which keys are yet to be asked about each. `runs` are the engine's.

    `is_established` is whether one of the given keys is known to be the right one.
    """

    def __init__(self, runs: Mapping[int, Run], keys: Iterable[int]) -> None:
        self.is_established = True
        self._runs = runs
        self._keys = [*keys]
        self._makers: dict[int, int | None] = {}  # by run: the key that made it
        self._untried: dict[int, list[int]] = {}  # by run: the keys that it is not asked about with yet
        self._asking: dict[int, int] = {}  # by run: the key that it is being asked about with
        self._expected: dict[int, int] = {}  # by run: the key that is expected to know it, and reads it in its turn
        self._denied: set[tuple[int, int]] = set()  # runs, each with a key that does not know it
        self._misses: Counter[tuple[int, int]] = Counter()  # by the key that made a run, and the one that was asked
        self._owners: dict[int | None, int] = {}  # by the key that made runs: the one that knows one of them
        self._sample: list[int] | None = None
        self._idle_keys: set[int] = set()  # with which there is nothing to ask, until something changes

    def __contains__(self, run_key: int) -> bool:
        """Whether no key is known yet to know this run."""
        return run_key in self._untried

    @property
    def is_pending(self) -> bool:
        """Whether a run is being asked about, or can be."""
        return bool(self._asking) or any(self._next(number) is not None for number in self._keys)

    @property
    def goes_first(self) -> bool:
        """Whether everything else waits until one of the keys is known to be the right one.

        That is so even if none is left to be asked: nothing may be paid for with keys of which none proved to be right.
        """
        return not self.is_established

    @property
    def unknown_runs(self) -> Sequence[Run]:
        """The runs by which none of the keys is the right one, if that is so."""
        if self.is_established or self.is_pending or not self._sample:
            return ()
        return [self._runs[key] for key in self._sample]

    def start(self, runs: Iterable[Run]) -> None:
        """Have one of the given keys prove that it knows one of these runs that is under way, if there is any."""
        newest = _newest_open(_SAMPLE, runs)
        self.is_established = not newest
        self._sample = [run.key for run in newest]
        for run in newest:
            self.add(run)

    def add(self, run: Run) -> None:
        """Take in a run whose key cannot be used."""
        if run.key not in self._untried:
            self._makers[run.key] = run.api_key
            # the key that has taken it over may be refused as well: the others have said before whether they know it
            others = (number for number in self._keys if number != run.api_key)
            self._untried[run.key] = [number for number in others if (run.key, number) not in self._denied]
            self._idle_keys.clear()

    def drop_key(self, number: int) -> None:
        """Ask no more with this key: it is refused."""
        self._idle_keys.clear()
        self._keys = [key for key in self._keys if key != number]
        self._expected = {run_key: key for run_key, key in self._expected.items() if key != number}
        for untried in self._untried.values():
            if number in untried:
                untried.remove(number)

    def expected_owner(self, run: Run) -> int | None:
        """The key that knows another run of the same maker, and is yet to be asked about this one."""
        owner = self._owners.get(self._makers[run.key])
        return owner if owner in self._untried[run.key] else None

    def expect(self, run_key: int, number: int) -> None:
        """Have this key read the run in its turn, as one of its own."""
        self._expected[run_key] = number

    def next_run(self, number: int) -> Run | None:
        """The next run to ask about with this key; None where there is none now."""
        key = self._next(number)
        return None if key is None else self._runs[key]

    def on_asked(self, run_key: int, number: int) -> None:
        """Count a question as under way."""
        self._asking[run_key] = number

    def on_unanswered(self, run_key: int, number: int) -> None:
        """Take in that a question to this key was not answered: it may be asked again. One to another key still waits
        for its answer."""
        if self._asking.get(run_key) == number:
            self._idle_keys.clear()
            del self._asking[run_key]

    def on_unknown(self, run: Run, number: int) -> bool:
        """Take in that this key does not know the run. Returns whether no key is left to be asked."""
        self._idle_keys.clear()
        self._asking.pop(run.key, None)
        self._expected.pop(run.key, None)
        self._denied.add((run.key, number))
        untried = self._untried[run.key] = [key for key in self._untried[run.key] if key != number]
        maker = self._makers[run.key]
        if maker is not None:
            self._misses[maker, number] += 1
        return not untried

    def on_known(self, run_key: int, number: int) -> Sequence[Run]:
        """Take in that this key knows the run. Returns the others of the same maker, which it is expected to know."""
        maker = self._makers[run_key]
        self.is_established = True
        self._owners[maker] = number
        self.forget(run_key)
        free = (key for key in self._untried if key not in self._asking and key not in self._expected)
        return [self._runs[key] for key in free if self._makers[key] == maker and number in self._untried[key]]

    def forget(self, run_key: int) -> None:
        """Ask no more about this run, if it was asked about."""
        self._idle_keys.clear()
        for known in (self._untried, self._asking, self._expected):
            known.pop(run_key, None)

    def waiting(self) -> Sequence[Run]:
        """The runs that no given key knows, or is likely to know."""
        left = (key for key in self._untried if key not in self._asking and key not in self._expected)
        return [self._runs[key] for key in left if not any(self._may_ask(key, number) for number in self._untried[key])]

    def _next(self, number: int) -> int | None:
        if number in self._idle_keys:
            return None
        found = self._find_next(number)
        if found is None:
            self._idle_keys.add(number)
        return found

    def _find_next(self, number: int) -> int | None:
        if not self.is_established and number in self._asking.values():
            return None  # one after the other: mostly the first answer decides
        candidates = self._untried if self.is_established or self._sample is None else self._sample
        asked = (key for key in candidates if key in self._untried and key not in self._asking)
        free = (key for key in asked if key not in self._expected and number in self._untried[key])
        return next((key for key in free if self._may_ask(key, number)), None)

    def _may_ask(self, run_key: int, number: int) -> bool:
        """Whether it is likely enough that this key knows the run. Of runs whose maker is not on record, each may have
        another one."""
        maker = self._makers[run_key]
        if maker is None or self._owners.get(maker) == number:
            return True
        asking = sum(asked == number and self._makers[key] == maker for key, asked in self._asking.items())
        return self._misses[maker, number] + asking < _SAMPLE


def newest_open(runs: Iterable[Run]) -> Run | None:
    """The run under way that was created last, None where none is."""
    return next(iter(_newest_open(1, runs)), None)


def _newest_open(count: int, runs: Iterable[Run]) -> list[Run]:
    open_runs = (run for run in runs if run.state in RUNNING)
    return nlargest(count, open_runs, key=lambda run: (run.create_number or 0, run.key))

"""What is promised of several API keys, held against what the world knows of each.

A run is read with the key that the ledger has for it; where that one is missing or refused, each other one is asked
about it once. What befalls one key befalls that key alone, and no 404 to a key of another account loses a run. No text
of a key is written or printed anywhere.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.app.api_target import find_keys
from hailuo_batch.core.engine.engine import Engine
from hailuo_batch.core.engine.interpret import LOST_AFTER_MISSES
from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN
from hailuo_batch.core.engine.stop_reasons import StopReason, StopScope
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome, Refusal
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import RUNNING, RunState
from tests.sim.environment import Site
from tests.sim.keyring import ALL_KEYS
from tests.sim.truth import Violation
from tests.sim.world import RememberingWorld

_NO_CREATES = frozenset({Refusal.BALANCE, Refusal.KEY_SPEND, Refusal.ACCOUNT})
_ENOUGH = 3  # runs of one maker that a key does not know: then it need not be asked about more of them
_TEXTS = tuple(key.encode("ascii") for key in ALL_KEYS)


class KeyWatch:
    """What one process does with its keys, which are given by their numbers."""

    def __init__(self, site: Site, ledger: Ledger, keys: Mapping[int, str], run_timeout_s: float) -> None:
        self._site = site
        self._ledger = ledger
        self._keys = keys
        self._run_timeout_s = run_timeout_s
        self._refused: set[int] = set()
        self._penniless: set[int] = set()  # those that can create no more, the refused ones included
        self._slowed_since: dict[int, float] = {}  # every request since was refused for its rate
        self._asked: set[tuple[int, int]] = set()  # runs of unusable keys, each with a key that was asked about it
        self._unknown: Counter[tuple[int | None, int]] = Counter()  # by maker and key: the runs that it does not know
        self._misses: Counter[int] = Counter()  # by run: the 404s of a key that knows it
        self._states = self._read("state")

    def check_request(self, action: act.CreateRun | act.ReadRun) -> None:
        """A request is about to leave. Raises Violation where it must not, or not with this key."""
        number, run = action.api_key, action.run
        if isinstance(action, act.CreateRun):
            if number in self._penniless:
                raise Violation(f"a create of {run.take_id} leaves with key {number}, which can create no more")
            return
        if number in self._refused and not self._site.fate.disk_failed:
            raise Violation(f"a read of {run.take_id} leaves with key {number}, which is refused")
        owner = self._owner_of(run.key)
        if run is NONEXISTENT_RUN or owner == number:
            return
        if owner in self._keys and not self._is_unusable(owner):
            raise Violation(f"{run.run_id} of {run.take_id} is read with key {number}, and key {owner} made it")
        if (run.key, number) in self._asked:
            raise Violation(
                f"key {number} is asked once more about {run.run_id} of {run.take_id}, which is not its own"
            )
        self._asked.add((run.key, number))

    def take_answer(self, action: act.CreateRun | act.ReadRun, outcome: Outcome) -> None:
        """The process has been told what came of a request."""
        number, run = action.api_key, action.run
        refusal = outcome.refusal if isinstance(outcome, ev.CreateRefused | ev.ReadRefused) else None
        if refusal in _NO_CREATES:
            self._penniless.add(number)
        if refusal is Refusal.ACCOUNT:
            self._refused.add(number)
        if refusal is Refusal.RATE:
            self._slowed_since.setdefault(number, self._site.clock.now())
        elif not isinstance(outcome, ev.ReadUnanswered | ev.ReadNotSent | ev.CreateUnanswered | ev.CreateNotSent):
            self._slowed_since.pop(number, None)
        if isinstance(outcome, ev.ReadRefused | ev.ReadUnanswered | ev.ReadNotSent):
            self._asked.discard((run.key, number))
        if isinstance(outcome, ev.RunMissing) and run is not NONEXISTENT_RUN:
            if (run.key, number) in self._asked:
                self._unknown[self._owner_of(run.key), number] += 1
            if self._knows(number, run.run_id):
                self._misses[run.key] += 1

    def check_lost(self) -> None:
        """Between two turns. Raises Violation where a run is lost that a key which knows it was never refused."""
        states = self._read("state")
        for key, state in states.items():
            is_new = state == RunState.LOST and self._states.get(key) != RunState.LOST
            if is_new and self._misses[key] < LOST_AFTER_MISSES:
                raise Violation(f"run {key} is lost, and no key that knows it was told so often that there is none")
        self._states = states

    def check_end(self, engine: Engine, followed: Collection[str]) -> None:
        """The process has ended by itself. Raises Violation where it stopped for a key while others were left, or has
        left a run unread that one of them knows."""
        self.check_lost()
        of_runs = "SELECT key, take_id, state, run_id, api_key FROM runs"
        rows = self._ledger._db.execute(f"{of_runs} WHERE NOT forgotten").fetchall()
        for key, take_id, _, run_id, owner in rows:
            if owner in self._keys and run_id in self._site.truth.made and not self._knows(owner, run_id):
                raise Violation(
                    f"the ledger has key {owner} for {run_id} of {take_id}, run {key}, which it cannot know"
                )
        for reason in engine.stop_reasons:
            left = self._left_for(reason)
            if left:
                raise Violation(f"the keys {sorted(left)} are left, and the apply stopped: {reason.text}")
        if engine.stop_scope < StopScope.REQUESTS:
            for key, take_id, state, run_id, owner in rows:
                if take_id in followed and state in RUNNING:
                    self._check_left(key, f"{run_id} of {take_id}", run_id, owner)

    def _left_for(self, reason: StopReason) -> set[int]:
        """The keys that can do what the apply has stopped to do because of others."""
        if "no API key is left" not in reason.text and not reason.of_key:
            return set()
        useless = self._penniless if reason.scope is StopScope.CREATES else self._refused
        return {number for number in self._keys if number not in useless and not self._is_slowed(number)}

    def _check_left(self, key: int, name: str, run_id: str | None, owner: int | None) -> None:
        for number in self._keys:
            if self._is_unusable(number) or not self._knows(number, run_id):
                continue
            if owner == number or ((key, number) not in self._asked and self._unknown[owner, number] < _ENOUGH):
                raise Violation(f"{name} is left unread, and key {number} knows it")

    def _is_unusable(self, number: int | None) -> bool:
        return number in self._refused or self._is_slowed(number)

    def _is_slowed(self, number: int | None) -> bool:
        since = None if number is None else self._slowed_since.get(number)
        return since is not None and self._site.clock.now() - since >= self._run_timeout_s

    def _knows(self, number: int, run_id: str | None) -> bool:
        return run_id is not None and self._site.world.knows(self._keys[number], run_id)

    def _owner_of(self, key: int) -> int | None:
        return self._read("api_key", f"WHERE key = {key}").get(key)

    def _read(self, column: str, where: str = "") -> dict[int, Any]:
        return dict(self._ledger._db.execute(f"SELECT key, {column} FROM runs {where}").fetchall())


def are_strangers(snapshot: Snapshot, hashes: Mapping[int, str], keys: Iterable[str], world: RememberingWorld) -> bool:
    """Whether there are open runs, and none of these keys knows one of them, or has ever made a run."""
    given = tuple(keys)
    open_runs = [run.run_id for run in snapshot.runs if run.state in RUNNING and run.run_id is not None]
    numbers = {name.number for name in find_keys(hashes, given).values()}
    has_made_some = any(run.api_key in numbers and run.run_id is not None for run in snapshot.paid_runs)
    knows_some = any(world.knows(key, run_id) for key in given for run_id in open_runs)
    return bool(open_runs) and not has_made_some and not knows_some


def check_silence(folder: Path) -> None:
    """Raises Violation where a file below the folder tells a key."""
    for path in folder.rglob("*"):
        if path.is_file():
            check_printed(path.read_bytes(), path.name)


def check_printed(data: bytes | bytearray, where: str) -> None:
    """Raises Violation where this tells a key."""
    if any(text in data for text in _TEXTS):
        raise Violation(f"{where} tells an API key")

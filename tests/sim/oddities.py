"""What is odd about single runs and single answers: vanished runs, endless ones, dead links, bodies of the wrong type.

Some oddities pass, some stay for ever: `rest` ends those that pass.
"""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from hailuo_batch.adapters.runbase import responses
from hailuo_batch.sandbox.world import World
from tests.sim.clock import VirtualClock

_KINDS = ("vanished", "endless", "unknown status", "mute", "dead link")
HIDING = frozenset({"vanished", "endless", "unknown status"})  # nobody can know how such a run ended
FOR_EVER = float("inf")
_NO_COSTS = (None, -1, "0.28", 0.28, 1e300, 10**12, 10**30, -(10**30), True, "", [280_000], {"amount": 280_000})


class Oddities:
    """The odd runs of one history."""

    def __init__(self, rng: Random, world: World, clock: VirtualClock) -> None:
        self._rng = rng
        self._world = world
        self._clock = clock
        self._rate = rng.choice((0.0, 0.0, 0.05, 0.3))
        self._until: dict[str, tuple[str, float]] = {}
        self._expired: dict[str, int] = {}

    def born(self, run_id: str) -> None:
        """A run was made: it may be an odd one."""
        if self._rng.random() >= self._rate:
            return
        kind = self._rng.choice(_KINDS)
        lasts_s = self._rng.choice((FOR_EVER, self._rng.uniform(5, 2000)))
        self._until[run_id] = (kind, self._clock.now() + lasts_s)

    def rest(self) -> None:
        """What passes has passed."""
        self._until = {run_id: (kind, until) for run_id, (kind, until) in self._until.items() if until == FOR_EVER}

    def of(self, run_id: str) -> str:
        """What is odd about this run now, empty for nothing."""
        kind, until = self._until.get(run_id, ("", 0.0))
        return kind if self._clock.now() < until else ""

    def reported(self, answer: responses.Response) -> responses.Response:
        """An answer to a read, as odd as its run; a run may have two outputs."""
        data = dict(answer.data or {})
        run_id = data.get("id")
        if answer.status != 200 or not isinstance(run_id, str):
            return answer
        facts = self._world.facts(run_id)
        assert facts is not None
        if "output" in data and facts.number % 4 == 0:
            url = data["output"]["urls"][0]
            data["output"] = {"urls": [url, f"{url}?part=2"]}
        match self.of(run_id):
            case "vanished":
                return responses.Response(404, {"error": {"code": "run_not_found", "message": "no such run"}})
            case "endless":
                data = {name: value for name, value in data.items() if name not in {"output", "error"}}
                data["status"] = "processing"
            case "unknown status":
                data = {name: value for name, value in data.items() if name not in {"output", "error"}}
                data["status"] = "paused"
            case "mute" if "output" in data:
                data["output"] = {}
            case _:
                pass
        return replace(answer, data=data)

    def tail_of(self, name: str) -> bytes | None:
        """How the file at a link ends, None where the link is dead."""
        if self.of(f"run_{name}") == "dead link":
            return None
        clip = self._world.clip_of(name, self._clock.now())
        return None if clip is None else clip.tail

    def odd_answer(self, status: int, data: Mapping[str, Any]) -> responses.Response:
        """An answer of which something has the wrong type."""
        rng = self._rng
        odd = dict(data)
        choice = rng.randrange(5)
        if choice == 0:
            return responses.Response(status, None)
        if choice == 1:
            odd["id"] = rng.choice((17, None, "", "run id with spaces", ["run_1"]))
        elif choice == 2:
            odd["status"] = rng.choice((None, 7, "", {}))
        elif choice == 3:
            return responses.Response(status, self.with_odd_cost(data))
        else:
            odd.pop("model", None)
            odd["extra"] = "x" * 100
        return responses.Response(status, odd)

    def with_odd_cost(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """An answer whose cost, where it names one, is what no cost can be."""
        return {**data, "costUsd": self._rng.choice(_NO_COSTS)} if "costUsd" in data else data

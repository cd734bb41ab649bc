"""The API's end of a request: what the world does with it, and what an adversary makes of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.adapters.runbase import responses
from hailuo_batch.core.model import actions as act
from hailuo_batch.values import request_json
from tests.sim.environment import Site
from tests.sim.gateway import answer_of_a_gateway

Request = act.CreateRun | act.ReadRun


@dataclass(frozen=True, slots=True)
class Server:
    """The world, as one process meets it. `keys` are those that it was given, by their numbers."""

    site: Site
    process: int
    keys: Mapping[int, str]

    def answer(self, action: Request, fault: str, *, late: bool) -> responses.Response:
        """What comes back for a request that arrives now, `late` where its sender has given it up."""
        site, key = self.site, self.keys[action.api_key]
        if fault == "5xx before":
            return _broken(site.fate.rng.choice((500, 502, 503, 504)))
        if fault == "gateway":
            return answer_of_a_gateway(site.fate.rng)
        what = "late" if late else "create" if isinstance(action, act.CreateRun) else "read"
        limited = site.world.stats.rate_limited
        site.arrive(what, key)
        now = site.clock.now()
        if isinstance(action, act.CreateRun):
            body = request_json(action.run.model, action.run.input_json).encode("utf-8")
            answer = site.world.create(now, key, body)
            run_id = answer.body.get("id")
            if isinstance(run_id, str):
                assert action.run.create_id is not None
                site.truth.make(action.run.create_id, run_id, site.cap_micro_usd, now)
                site.oddities.born(run_id)
                site.log(f"the world made {run_id} for {action.run.take_id}")
        else:
            assert action.run.run_id is not None
            answer = site.world.read(now, key, action.run.run_id)
        if site.world.stats.rate_limited > limited:
            site.blame(self.process, key)
        return self._answered(action, answer.status, answer.body, fault)

    def _answered(self, action: Request, status: int, data: Mapping[str, Any], fault: str) -> responses.Response:
        site = self.site
        reported = responses.Response(status, data)
        if isinstance(action, act.ReadRun):
            reported = site.oddities.reported(reported)
        status, data = reported.status, reported.data or {}
        match fault:
            case "5xx after":
                return _broken(site.fate.rng.choice((500, 502, 503, 504)))
            case "gateway after" | "gateway reads":
                return answer_of_a_gateway(site.fate.rng)
            case "answer cut":
                return responses.Response(status, None, "the connection broke")
            case "missing":
                return responses.Response(404, {"error": {"code": "run_not_found", "message": "no such run"}})
            case "odd answer":
                return site.oddities.odd_answer(status, data)
            case "odd cost":
                return responses.Response(status, site.oddities.with_odd_cost(data))
            case "odd status" if status == 200:
                return responses.Response(status, {**data, "status": "paused"})
            case "another's ID" if status == 200:
                made = ((run_id, sent) for run_id, sent in site.truth.made.items() if site.truth.is_knowable(sent))
                others = [run_id for run_id, sent in made if sent.reported and run_id != data.get("id")]
                return responses.Response(status, {**data, "id": site.fate.rng.choice(others)} if others else data)
            case _:
                return reported


def _broken(status: int) -> responses.Response:
    return responses.Response(status, {"error": {"message": "an unexpected error occurred", "code": "internal_error"}})

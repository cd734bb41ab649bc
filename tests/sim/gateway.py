"""A gateway in front of the API, which answers in its stead: with a page, with JSON of its own, or with nothing.

It may have passed the request on before. What it says is about itself and never about the request: whoever believes it
takes a run that was made for one that was not.
"""

from random import Random
from typing import Any

from hailuo_batch.adapters.runbase import responses

_STATUSES = (400, 401, 402, 403, 404, 429, 200)
_FOREIGN: tuple[dict[str, Any] | None, ...] = (
    None,  # a page, or nothing at all
    None,
    None,
    {},
    {"message": "Forbidden"},
    {"detail": "Not Found"},
    {"detail": [{"loc": ["body"], "msg": "field required"}]},
    {"errors": [{"code": 1020, "message": "Access denied"}]},
    {"error": "too many requests"},
    {"error": True},
    {"error": None},
    {"error": {}},
    {"error": {"code": 403}},
    {"error": {"code": "", "message": ""}},
    {"error": [{"code": "insufficient_balance", "message": "top up"}]},
    {"code": "insufficient_balance", "message": "top up"},
    {"status": "pending", "requestId": "b7c1"},
    {"status": "error", "id": None},
)


def answer_of_a_gateway(rng: Random) -> responses.Response:
    """What it says this time."""
    return responses.Response(rng.choice(_STATUSES), rng.choice(_FOREIGN), retry_after=rng.choice((None, None, "2")))

"""Small helpers for the tests of the sandbox: bodies of creates, and runs made without ceremony."""

import json
from typing import Any

from hailuo_batch.sandbox.world import ApiResponse, World, WorldSettings

KEY = "sk-test"
FILES = "http://files.test/generated"


def body_of(prompt: str = "a lamp", **request_input: Any) -> bytes:
    """The body of a create for `hailuo/pro`."""
    return json.dumps({"model": "hailuo/pro", "input": {"prompt": prompt, **request_input}}).encode()


def world_of(**settings: Any) -> World:
    """A world with these settings, and so many requests allowed that the rate limit is out of the way."""
    return World(WorldSettings(**({"rate_limit": 1_000_000} | settings)), FILES)


def create_run(world: World, now: float, key: str = KEY) -> str:
    """The ID of a run made at `now`."""
    answer = world.create(now, key, body_of())
    assert answer.status == 200, answer
    return str(answer.body["id"])


def error_of(answer: ApiResponse) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert isinstance(answer.body["error"]["message"], str)
    return answer.status, answer.body["error"]["code"]

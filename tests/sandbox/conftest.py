"""A sandbox whose wall clock the test moves by hand, and plain HTTP to talk to it."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.helpers.timeouts import TEST_TIMEOUT_S
from tests.sandbox.requests import KEY, body_of


@dataclass
class Wall:
    """A clock that stands still until it is moved."""

    now: float = 1_783_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class HttpReply:
    """A response, read to its end."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass
class Caller:
    """Talks to a sandbox over one keep-alive connection."""

    connection: HTTPConnection
    key: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {KEY}"})

    def call(self, method: str, target: str, body: bytes | None = None, **headers: str) -> HttpReply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, target, body, named)
        response: HTTPResponse = self.connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return HttpReply(response.status, fields, response.read())

    def create(self) -> str:
        reply = self.call("POST", "/api/v1/runs", body_of(), **self.key)
        assert reply.status == 200, reply
        return str(reply.body["id"])

    def read(self, run_id: str) -> HttpReply:
        return self.call("GET", f"/api/v1/runs/{run_id}", None, **self.key)

    def finished_file(self, wall: Wall) -> str:
        """The path of the output of a new run that has succeeded."""
        run_id = self.create()
        wall.now += 10_000
        url: str = self.read(run_id).body["output"]["urls"][0]
        return urlsplit(url).path


def address_of(sandbox: SandboxServer) -> tuple[str, int]:
    parts = urlsplit(sandbox.base_url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def sandbox(wall: Wall) -> Iterator[SandboxServer]:
    with SandboxServer(WorldSettings(rate_limit=1000), wall=wall) as server:
        yield server


@pytest.fixture
def caller(sandbox: SandboxServer) -> Iterator[Caller]:
    with closing(HTTPConnection(*address_of(sandbox), timeout=TEST_TIMEOUT_S)) as connection:
        yield Caller(connection)

"""An API that loses answers, names odd costs or forgets runs, over the same sockets as one that behaves."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world.answers import ApiResponse
from tests.helpers import http
from tests.helpers.http import Act, LoopbackServer, Peer, Request
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

RATE_LIMITED = ApiResponse(429, {"error": {"code": "RATE_LIMITED", "message": "too many requests"}})
UNKNOWN_RUN = ApiResponse(404, {"error": {"code": "run_not_found", "message": "no such run for this account or key"}})


@contextmanager
def lost_answers(api: SandboxServer, most: int | None = None) -> Iterator[None]:
    """The runs are made and charged, and the connection ends before the answer; only the first `most`, if given."""
    honest, lock, lost = api.create, threading.Lock(), [0]

    def create(key: str | None, body: bytes) -> ApiResponse:
        answer = honest(key, body)
        with lock:
            lost[0] += 1
            if most is not None and lost[0] > most:
                return answer
        raise ConnectionAbortedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "create", create)
        yield


@contextmanager
def costs(api: SandboxServer, cost: object) -> Iterator[None]:
    """Every create is answered with this cost; with none at all where it is Ellipsis."""
    honest = api.create

    def create(key: str | None, body: bytes) -> ApiResponse:
        answer = honest(key, body)
        fields: dict[str, Any] = {name: value for name, value in answer.body.items() if name != "costUsd"}
        return replace(answer, body=fields if cost is ... else fields | {"costUsd": cost})

    with _reads_without_costs(api), pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "create", create)
        yield


@contextmanager
def unknown_runs(api: SandboxServer, forgotten: Callable[[str], bool] = lambda _: True) -> Iterator[list[str]]:
    """The API says of these runs that it does not know them. Gives the IDs that it was asked about, as they come."""
    honest, asked = api.read, list[str]()

    def read(key: str | None, run_id: str) -> ApiResponse:
        asked.append(run_id)
        return UNKNOWN_RUN if forgotten(run_id) else honest(key, run_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "read", read)
        yield asked


@contextmanager
def nothing_finishes(api: SandboxServer, of: Callable[[str], bool] = lambda _: True) -> Iterator[None]:
    """Of these runs, by their prompts, each that is asked about is still being worked on."""
    honest = api.read

    def read(key: str | None, run_id: str) -> ApiResponse:
        answer = honest(key, run_id)
        if run_id not in api.world.created or not of(api.world.created[run_id]["prompt"]):
            return answer
        fields = {name: value for name, value in answer.body.items() if name in {"id", "model", "costUsd", "createdAt"}}
        return replace(answer, body={**fields, "status": "processing"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "read", read)
        yield


@contextmanager
def everything_fails(api: SandboxServer) -> Iterator[None]:
    """Every run that is asked about has failed, and is refunded."""
    honest = api.read

    def read(key: str | None, run_id: str) -> ApiResponse:
        answer = honest(key, run_id)
        if run_id not in api.world.created:
            return answer
        fields = {name: value for name, value in answer.body.items() if name != "output"}
        return replace(answer, body={**fields, "status": "failed", "error": "no luck"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "read", read)
        yield


@contextmanager
def _reads_without_costs(api: SandboxServer) -> Iterator[None]:
    honest = api.read

    def read(key: str | None, run_id: str) -> ApiResponse:
        answer = honest(key, run_id)
        return replace(answer, body={name: value for name, value in answer.body.items() if name != "costUsd"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "read", read)
        yield


@contextmanager
def files_at(api: SandboxServer, *urls: str) -> Iterator[list[str]]:
    """A run that succeeded has its file at the first of these links, at the next one each time it is read again; the
    last one stays. Gives the links that were returned, in order."""
    honest, returned = api.read, list[str]()

    def read(key: str | None, run_id: str) -> ApiResponse:
        answer = honest(key, run_id)
        if "output" not in answer.body:
            return answer
        returned.append(urls[min(len(returned), len(urls) - 1)])
        return replace(answer, body={**answer.body, "output": {"urls": [returned[-1]]}})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "read", read)
        yield returned


@contextmanager
def refusing(api: SandboxServer, message: str) -> Iterator[None]:
    """Every create is refused as an input that the API does not take."""
    with pytest.MonkeyPatch.context() as patch:
        answer = ApiResponse(400, {"error": {"code": "invalid_input", "message": message}})
        patch.setattr(api, "create", lambda _key, _body: answer)
        yield


class HeldCreates:
    """Creates that have arrived and wait for their answers. The first of them is refused for the rate, of which the
    program has something to say; the others are made at once."""

    def __init__(self, api: SandboxServer) -> None:
        self.arrived = 0
        self._honest = api.create
        self._lock = threading.Lock()
        self._speaks = threading.Event()

    def wait_for(self, creates: int) -> None:
        """Come back when so many have arrived."""
        wait_until(lambda: self.arrived >= creates)

    def answer(self) -> None:
        """Let the answers go."""
        self._speaks.set()

    def create(self, key: str | None, body: bytes) -> ApiResponse:
        """In place of the API's own."""
        with self._lock:
            self.arrived += 1
            is_first = self.arrived == 1
        answer = RATE_LIMITED if is_first else self._honest(key, body)
        self._speaks.wait(TEST_TIMEOUT_S)
        return answer


@contextmanager
def held(api: SandboxServer) -> Iterator[HeldCreates]:
    """The API answers no create until it is returned to."""
    holding = HeldCreates(api)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "create", holding.create)
        try:
            yield holding
        finally:
            holding.answer()


class Gateway:
    """A gateway before the API: it carries every request there and answers what it likes, the API's own answer where
    `creates` or `reads` is None. `passes` creates and reads are answered honestly first."""

    def __init__(self, api: SandboxServer) -> None:
        self.creates: Act | None = None
        self.reads: Act | None = None
        self.passes = 0
        self.read_ids: list[str] = []
        self._api = api

    def __call__(self, peer: Peer, request: Request) -> None:
        key = request.headers.get("authorization", "").removeprefix("Bearer ") or None
        is_create = request.method == "POST"
        run_id = request.target.rpartition("/")[2]
        if not is_create:
            self.read_ids.append(run_id)
        own = self._api.create(key, request.body) if is_create else self._api.read(key, run_id)
        printed = self.creates if is_create else self.reads
        if printed is None or self.passes > 0:
            self.passes -= 1
            printed = http.answer(own.status, dict(own.body), headers=own.headers)
        printed(peer, request)


@contextmanager
def behind_gateway(api: SandboxServer) -> Iterator[Gateway]:
    """The command line speaks to the API through a gateway that is its address."""
    gateway = Gateway(api)
    with LoopbackServer(gateway) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBASE_BASE_URL", f"{server.url}/api/v1")
        yield gateway

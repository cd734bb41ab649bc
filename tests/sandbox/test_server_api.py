"""The sandbox's API over real sockets: paying, reading, errors, restarts, latency and speed."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlsplit

import pytest
import urllib3

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ForcedError, WorldSettings
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until
from tests.sandbox.conftest import Caller, Wall, address_of
from tests.sandbox.requests import KEY, body_of

NEVER_S = 10 * TEST_TIMEOUT_S  # until an answer comes: no test waits for so long


def test_a_run_from_its_create_to_its_file(caller: Caller, wall: Wall) -> None:
    run_id = caller.create()
    assert caller.read(run_id).body["status"] == "pending"
    wall.now += 20
    assert caller.read(run_id).body["status"] == "processing"
    wall.now += 10_000
    done = caller.read(run_id)
    assert done.body["status"] == "succeeded"
    assert done.headers["content-type"] == "application/json"
    file = caller.call("GET", urlsplit(done.body["output"]["urls"][0]).path)
    assert (file.status, file.headers["content-type"]) == (200, "video/mp4")
    assert file.content.endswith(run_id.encode())


def test_one_connection_carries_many_requests(sandbox: SandboxServer, caller: Caller) -> None:
    caller.create()
    socket_before = caller.connection.sock
    for _ in range(20):
        caller.read(caller.create())
    assert caller.connection.sock is socket_before
    assert (sandbox.world.stats.creates, sandbox.world.stats.reads) == (21, 20)


def test_urllib3_keeps_its_connection_too(sandbox: SandboxServer) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        for _ in range(5):
            headers = {"Authorization": f"Bearer {KEY}"}
            created = pool.request("POST", f"{sandbox.base_url}/runs", body=body_of(), headers=headers)
            read = pool.request("GET", f"{sandbox.base_url}/runs/{created.json()['id']}", headers=headers)
            assert read.json()["status"] == "pending"
        (connections,) = [pool.pools[key].num_connections for key in pool.pools.keys()]  # noqa: SIM118
        assert connections == 1


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("POST", "/api/v1/runs", b"{", 400, "invalid_json"),
        ("POST", "/api/v1/runs", b'{"model": "hailuo/pro", "input": {}}', 400, "invalid_input"),
        ("GET", "/api/v1/runs/run_1", None, 404, "run_not_found"),
        ("GET", "/api/v1/runs", None, 405, "method_not_allowed"),
        ("GET", "/api/v1/runs/", None, 404, "not_found"),
        ("GET", "/", None, 404, "not_found"),
        ("POST", "/runs", b"{}", 404, "not_found"),
    ],
)
def test_an_error_has_a_code_and_leaves_the_connection_usable(
    caller: Caller, method: str, target: str, body: bytes | None, status: int, code: str
) -> None:
    reply = caller.call(method, target, body, **caller.key)
    assert (reply.status, reply.body["error"]["code"]) == (status, code)
    assert "connection" not in reply.headers
    assert caller.read(caller.create()).status == 200


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic c2stdGVzdA==", KEY])
def test_a_request_without_a_bearer_key_is_refused(caller: Caller, value: str | None) -> None:
    headers = {} if value is None else {"Authorization": value}
    reply = caller.call("POST", "/api/v1/runs", body_of(), **headers)
    assert (reply.status, reply.body["error"]["code"]) == (401, "missing_api_key")


def test_trouble_of_the_world_is_answered_over_http(sandbox: SandboxServer, caller: Caller) -> None:
    sandbox.world.forced_error = ForcedError.BROKEN
    assert caller.call("POST", "/api/v1/runs", body_of(), **caller.key).status == 500


def test_the_rate_limit_holds_for_requests_at_once(wall: Wall) -> None:
    with SandboxServer(WorldSettings(retry_after_s=3), wall=wall) as sandbox, ThreadPoolExecutor(8) as threads:

        def create(_: int) -> tuple[int, str | None]:
            with closing(HTTPConnection(*address_of(sandbox), timeout=TEST_TIMEOUT_S)) as connection:
                reply = Caller(connection).call("POST", "/api/v1/runs", body_of(), Authorization=f"Bearer {KEY}")
                return reply.status, reply.headers.get("retry-after")

        replies = list(threads.map(create, range(40)))
    assert sorted(replies, key=str) == [(200, None)] * 20 + [(429, "3")] * 20
    assert len(sandbox.world.created) == 20


def test_a_restarted_sandbox_knows_its_runs_and_links_to_itself(wall: Wall) -> None:
    settings = WorldSettings(balance_micro_usd=280_000)
    with SandboxServer(settings, wall=wall) as first, closing(HTTPConnection(*address_of(first))) as connection:
        run_id = Caller(connection).create()
    wall.now += 10_000
    with SandboxServer(settings, wall=wall) as second, closing(HTTPConnection(*address_of(second))) as connection:
        caller = Caller(connection)
        (url,) = caller.read(run_id).body["output"]["urls"]
        assert url.startswith(second.base_url.removesuffix("/api/v1") + "/files/generated/")
        assert caller.call("GET", urlsplit(url).path).content.endswith(run_id.encode())
        assert second.world.balances[KEY] == 280_000


def test_keys_over_http_have_windows_accounts_and_runs_of_their_own(wall: Wall) -> None:
    settings = WorldSettings(
        rate_limit=3, balance_micro_usd=2 * 280_000, accounts=((KEY, "studio"), ("sk-second", "studio"))
    )
    with SandboxServer(settings, wall=wall) as sandbox, closing(HTTPConnection(*address_of(sandbox))) as connection:
        ours, second, stranger = (
            Caller(connection, {"Authorization": f"Bearer {key}"}) for key in (KEY, "sk-second", "sk-stranger")
        )
        run_id = ours.create()
        assert [caller.read(run_id).status for caller in (ours, second, stranger)] == [200, 200, 404]
        second.create()
        assert second.call("POST", "/api/v1/runs", body_of(), **second.key).status == 402
        stranger.create()
        assert [caller.read(run_id).status for caller in (second, stranger, ours)] == [429, 404, 200]
        assert sandbox.world.balances == {"studio": 0, "sk-stranger": 280_000}
        sandbox.world.forced_errors[KEY] = ForcedError.BAD_KEY
        wall.now += 10_000
        assert [caller.read(run_id).status for caller in (ours, second)] == [401, 200]
        (url,) = second.read(run_id).body["output"]["urls"]
        assert second.call("GET", urlsplit(url).path).status == 200


def test_speed_shortens_new_runs_and_leaves_old_ones_and_the_rate_limit_alone(wall: Wall) -> None:
    settings = WorldSettings()
    with SandboxServer(settings, wall=wall) as slow, SandboxServer(settings, wall=wall, speed=10) as fast:
        times = []
        for _ in range(20):
            made = [server.create(KEY, body_of()).body["id"] for server in (slow, fast)]
            facts = [slow.world.facts(run) for run in made]
            assert facts == [fast.world.facts(run) for run in made]
            assert facts[0] is not None
            assert facts[1] is not None
            assert facts[1].duration_ms == pytest.approx(facts[0].duration_ms / 10, abs=1)
            times.append(facts[1].duration_ms / 1000)
        assert 6 < median(times) < 13
        assert fast.create(KEY, body_of()).status == 429


def test_latency_passes_before_an_answer_and_after_the_run_is_made() -> None:
    with (
        SandboxServer(WorldSettings(), latency_s=NEVER_S) as sandbox,
        closing(HTTPConnection(*address_of(sandbox))) as connection,
    ):
        connection.request("POST", "/api/v1/runs", body_of(), {"Authorization": f"Bearer {KEY}"})
        wait_until(lambda: bool(sandbox.world.created))
        # the run exists while its create is still unanswered; stopping does not wait for the latency
        began = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - began < NEVER_S


def test_each_answer_takes_the_latency() -> None:
    with (
        SandboxServer(WorldSettings(), latency_s=0.05) as sandbox,
        closing(HTTPConnection(*address_of(sandbox))) as connection,
    ):
        caller = Caller(connection)
        began = time.monotonic()
        caller.read(caller.create())
        assert time.monotonic() - began >= 0.1

"""`apply` where not the API answers but somebody before it: a proxy, a firewall, a login page, a wrong address."""

from collections import Counter
from collections.abc import Iterator

import pytest

from hailuo_batch.core.engine.key_check import NONEXISTENT_RUN
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers import http
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, Shell, state_of
from tests.helpers.misbehaving_api import Gateway, behind_gateway

PAGE = "<!DOCTYPE html><html><head><title>Access denied</title></head><body>Ask your administrator.</body></html>"
REFUSALS = (400, 401, 402, 403, 404, 429)


@pytest.fixture
def gateway(api: SandboxServer) -> Iterator[Gateway]:
    with behind_gateway(api) as gateway:
        yield gateway


def page(status: int) -> http.Act:
    return http.answer(status, PAGE, content_type="text/html")


@pytest.mark.usefixtures("uncapped")
@pytest.mark.parametrize("status", REFUSALS)
def test_a_page_in_place_of_the_answer_to_a_create_is_no_refusal(shell: Shell, api: SandboxServer, status: int) -> None:
    with behind_gateway(api) as gateway:
        gateway.creates = page(status)
        ended = shell("apply", "--only", "desk")
        assert ended.code is ExitCode.UNFINISHED
        assert f"HTTP {status} with an HTML page" in ended.err
        assert "a proxy or firewall may have answered" in ended.err
        assert state_of(shell, "desk") == "in_doubt"
        assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
        gateway.creates = None
        assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == len(api.world.created) == 1, "paid for twice"


@pytest.mark.usefixtures("uncapped")
@pytest.mark.parametrize(
    "body",
    ['{"error": "forbidden"}', '{"error": {}}', '{"error": {"code": 7, "message": " "}}', '{"message": "no"}', ""],
)
def test_json_that_is_not_the_apis_own_error_is_no_refusal(shell: Shell, gateway: Gateway, body: str) -> None:
    gateway.creates = http.answer(403, body)
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert state_of(shell, "desk") == "in_doubt"


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        *((page(status), f"HTTP {status} with an HTML page (Access denied)") for status in (200, *REFUSALS)),
        (http.answer(401, b""), "HTTP 401 with an empty body"),
        (http.answer(402, {}), "HTTP 402 with JSON in an unknown form"),
        (http.answer(402, b"\0\1"), "HTTP 402 with a body that is not text"),
        (http.answer(302, b"", headers={"Location": ""}), "HTTP 302 with a redirect to nowhere"),
        (http.answer(200, {"status": "ok"}), "HTTP 200 with JSON in an unknown form"),
        (http.answer(404, {"detail": "Not Found"}), "HTTP 404: Not Found"),
        (http.answer(302, b"", headers={"Location": "https://login.example/"}), "https://login.example/"),
    ],
)
def test_before_the_first_create_a_reply_that_is_not_the_apis_stops_it_and_nothing_is_paid(
    shell: Shell, api: SandboxServer, gateway: Gateway, reply: http.Act, shown: str
) -> None:
    gateway.reads = reply
    ended = shell("apply")
    assert gateway.read_ids == [NONEXISTENT_RUN.run_id]
    assert ended.code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 0
    printed = " ".join(ended.err.split())
    assert "does not answer like the API" in printed
    assert "http://127.0.0.1:" in printed
    assert shown in printed
    assert "othing was paid" in printed
    assert "3 waiting" in shell("status").out


def test_an_open_run_is_what_is_read_before_the_first_create(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    with behind_gateway(api) as gateway:
        assert shell("apply", "--only", "desk", "--run-timeout", "1s").code is ExitCode.UNFINISHED
        [run_id] = api.world.created
        gateway.read_ids.clear()
        gateway.reads = page(403)
        assert shell("apply").code is ExitCode.UNFINISHED
        assert gateway.read_ids == [run_id]
        assert api.world.stats.creates == 1
        assert state_of(shell, "desk") == "running"


@pytest.mark.parametrize("status", [502, 503])
def test_a_gateway_whose_api_is_away_for_a_moment_is_asked_again(
    shell: Shell, api: SandboxServer, gateway: Gateway, status: int
) -> None:
    gateway.reads = page(status)
    ended = shell("apply")
    assert gateway.read_ids == [NONEXISTENT_RUN.run_id] * 3
    assert ended.code is ExitCode.UNFINISHED
    assert f"HTTP {status} with an HTML page" in ended.err
    assert api.world.stats.creates == 0


def test_an_apply_that_creates_nothing_is_not_checked(shell: Shell, gateway: Gateway) -> None:
    assert shell("apply").code is ExitCode.DONE
    gateway.read_ids.clear()
    assert shell("apply").code is ExitCode.DONE
    assert gateway.read_ids == []


def test_the_key_is_shown_by_the_check_and_not_by_a_create(shell: Shell, start_api: StartApi) -> None:
    api = start_api(api_keys=frozenset({"sk-another"}))
    ended = shell("apply")
    assert ended.code is ExitCode.ACCOUNT
    assert "invalid_api_key" in ended.err
    assert (api.world.stats.reads, api.world.stats.creates) == (1, 0)


@pytest.mark.usefixtures("uncapped")
def test_a_gateway_that_comes_up_in_the_middle_leaves_three_creates_in_doubt_and_no_more(
    shell: Shell, api: SandboxServer, gateway: Gateway
) -> None:
    shell.write(shell.manifest.read_text().replace("takes: 2", "takes: 20"))
    gateway.passes = 3  # the check and two creates
    gateway.creates = gateway.reads = page(403)
    ended = shell("apply", "--run-timeout", "1m")
    assert ended.code is ExitCode.UNFINISHED
    states = Counter(take["state"] for take in shell("status", "--json").document["takes"])
    assert states["running"] == 2
    assert 3 <= states["in_doubt"] <= 5, "those that were under way when the third came back"
    assert api.world.stats.creates == states["running"] + states["in_doubt"]
    assert "requests in a row got no answer" in ended.err


LIMITED = {"error": {"code": "RATE_LIMITED", "message": "too many requests"}}


def test_the_words_of_an_answer_that_is_not_the_apis_are_shown(shell: Shell, gateway: Gateway) -> None:
    gateway.creates = http.answer(422, {"detail": [{"loc": ["body", "input"], "msg": "prompt is too long"}]})
    ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.UNFINISHED
    assert "HTTP 422: prompt is too long" in ended.err
    assert "HTTP 422: prompt is too long" in shell("status").out


def test_the_time_for_which_the_api_takes_no_requests_is_shown(shell: Shell, gateway: Gateway) -> None:
    gateway.creates = http.answer(429, LIMITED, headers={"Retry-After": "3600"})
    ended = shell("apply", "--only", "desk", "--run-timeout", "10m")
    assert ended.code is ExitCode.UNFINISHED
    assert "takes no requests for the next 1h" in ended.err
    assert "omebody else" not in ended.err
    assert state_of(shell, "desk") == "waiting"


def test_an_api_that_refuses_everything_for_its_rate_does_not_hold_an_apply_for_ever(
    shell: Shell, gateway: Gateway
) -> None:
    gateway.creates = gateway.reads = http.answer(429, LIMITED)
    ended = shell("apply", "--only", "desk", "--run-timeout", "1s")
    assert ended.code is ExitCode.UNFINISHED
    assert "refused every request for its rate for 1s" in ended.err
    assert state_of(shell, "desk") == "waiting"

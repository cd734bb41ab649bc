"""Several API keys, with everything that befalls keys: one is revoked, one exchanged, one out of money, one of another
account and one left out, and the program is killed in the middle."""

from collections import Counter
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from hailuo_batch.app import api_target
from hailuo_batch.app.api_target import state_folder
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ForcedError
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import CommandResult, Shell
from tests.helpers.ledgers import query
from tests.helpers.misbehaving_api import lost_answers
from tests.helpers.timeouts import wait_until

REVOKED, OLD, POOR, OTHER = KEYS = tuple(f"sk-{name}-0123456789" for name in ("revoked", "old", "poor", "other"))
NEW = "sk-new-0123456789"
ACCOUNTS = ((REVOKED, "alone"), (OLD, "studio"), (NEW, "studio"), (POOR, "poor"), (OTHER, "client"))
TAKES = 60
COST = 280_000
ROUNDS = api_target._ROUNDS
MANIFEST = "version: 1\ncampaign: lamps\nshots:\n" + "".join(
    f"  - {{id: lamp-{number}, prompt: lamp {number}}}\n" for number in range(TAKES)
)


def give(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY", raising=False)
    monkeypatch.setenv("RUNBASE_API_KEYS", ", ".join(keys))


@pytest.fixture
def world_of_keys(shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    shell.write(MANIFEST)
    monkeypatch.setenv("RUNBASE_RATE_LIMIT", "10/1s")
    api = start_api(speed=40.0, accounts=ACCOUNTS, rate_limit=10, rate_window_s=1.0)
    api.world.balances["poor"] = 3 * COST
    monkeypatch.setattr(api_target, "_ROUNDS", ROUNDS)  # the process that is killed hashes keys as the program does
    give(monkeypatch, *KEYS)
    return api


def takes_by_state(shell: Shell) -> Counter[str]:
    return Counter(take["state"] for take in shell("status", "--json").document["takes"])


def killed_in_the_middle(shell: Shell, api: SandboxServer) -> str:
    """Apply in a process of its own until one key is revoked and another one's money is gone, then kill it. Returns
    what it printed."""
    process: Popen[str] = shell.spawn("apply")
    wait_until(lambda: len(api.world.created) >= TAKES // 3)
    api.world.forced_errors[REVOKED] = ForcedError.BAD_KEY
    assert process.stderr is not None
    said = ""
    while "is not used any more" not in said or "creates no more runs" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.kill()
    process.communicate()
    return said


def prompts_paid(api: SandboxServer) -> Counter[Any]:
    return Counter(request["prompt"] for request in api.world.created.values())


def files_with_a_key(folder: Path | None) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()] if folder else []
    texts = [key.removeprefix("sk-").encode() for key in (*KEYS, NEW)]
    return [path for path in files if any(text in path.read_bytes() for text in texts)]


@pytest.mark.deep
def test_whatever_befalls_its_keys_nothing_is_paid_twice_and_nothing_is_lost(
    shell: Shell, world_of_keys: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = world_of_keys
    said = killed_in_the_middle(shell, api)
    assert "this API key is disabled or has expired" in said
    assert "the balance of its account is too low" in said

    give(monkeypatch, REVOKED, NEW, POOR)  # the old key is exchanged, the other account's left out
    resumed = shell("apply", "--in-doubt", "hold")
    assert resumed.code is ExitCode.UNFINISHED
    tags = {number: digest[-4:] for number, digest in query(shell.state / "lamps.db", "SELECT * FROM api_keys")}
    assert len(tags) == 5
    assert f"API key 1 (…{tags[1]}) is not used any more" in resumed.err
    assert f"key 1 (…{tags[1]}), which is refused" in resumed.err
    assert f"key 4 (…{tags[4]}), which is not among the given ones" in resumed.err
    states = takes_by_state(shell)
    assert states.keys() <= {"done", "running", "in_doubt"}
    assert states["done"] + states["running"] + states["in_doubt"] == TAKES
    by_key = query(
        shell.state / "lamps.db", "SELECT DISTINCT api_key FROM runs WHERE state IN ('pending', 'processing')"
    )
    assert {key for (key,) in by_key} == {1, 4}
    assert query(shell.state / "lamps.db", "SELECT count(*) FROM runs WHERE api_key = 2 AND run_id IS NOT NULL") == [
        (0,)
    ]

    api.world.forced_errors.clear()
    give(monkeypatch, REVOKED, NEW, POOR, OTHER)
    last = shell("apply")
    states = takes_by_state(shell)
    assert states["done"] + states["in_doubt"] == TAKES
    assert last.code is (ExitCode.UNFINISHED if states["in_doubt"] else ExitCode.DONE)
    assert states["done"] <= prompts_paid(api).total() <= TAKES  # some in doubt were never sent when it was killed
    assert set(prompts_paid(api).values()) == {1}
    assert files_with_a_key(shell.workspace) + files_with_a_key(state_folder()) == []
    for printed in (said, resumed.out, resumed.err, last.out, last.err):
        assert not any(key.removeprefix("sk-") in printed for key in (*KEYS, NEW))


@pytest.fixture
def two_keys(shell: Shell, start_api: StartApi, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    api = start_api(accounts=((OLD, "studio"), (OTHER, "client")))
    give(monkeypatch, OLD, OTHER)
    return api


def refused(shell: Shell, api: SandboxServer, errors: dict[str, ForcedError]) -> CommandResult:
    api.world.forced_errors.update(errors)
    return shell("apply")


def test_when_every_key_is_refused_each_reason_is_told_and_the_account_is_the_cause(
    shell: Shell, two_keys: SandboxServer
) -> None:
    ended = refused(shell, two_keys, {OLD: ForcedError.BAD_KEY, OTHER: ForcedError.BAD_ADDRESS})
    assert ended.code is ExitCode.ACCOUNT
    assert "no API key is left" in ended.err
    assert "this API key is disabled or has expired" in ended.err
    assert "this IP address is not on the API key's list" in ended.err
    assert two_keys.world.created == {}


def test_a_refused_key_leaves_all_the_work_to_the_others(shell: Shell, two_keys: SandboxServer) -> None:
    ended = refused(shell, two_keys, {OLD: ForcedError.QUOTA})
    assert ended.code is ExitCode.DONE
    assert "the API key's quota is used up" in ended.err
    assert len(two_keys.world.created) == 3


def test_a_practice_run_has_one_key_whatever_the_environment_holds(shell: Shell, two_keys: SandboxServer) -> None:
    assert shell("apply", "--sandbox").code is ExitCode.DONE
    assert query(shell.state / "lamps.sandbox.db", "SELECT count(*) FROM api_keys") == [(1,)]


def test_a_run_in_doubt_may_be_found_with_any_of_the_keys(
    shell: Shell, two_keys: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lost_answers(two_keys):
        shell("apply", "--only", "desk")
    [run_id] = two_keys.world.created
    give(monkeypatch, OTHER)
    unknown = shell("resolve", "desk", "--run-id", run_id)
    assert unknown.code is ExitCode.USAGE
    assert "The API knows no run" in unknown.err
    give(monkeypatch, OTHER, OLD)
    assert shell("resolve", "desk", "--run-id", run_id).code is ExitCode.DONE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert len(two_keys.world.created) == 1

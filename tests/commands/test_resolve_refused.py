"""`resolve` refuses what does not fit, and then changes nothing."""

import json

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ForcedError
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import UNCAPPED, Shell, state_of
from tests.helpers.misbehaving_api import lost_answers

UNCHANGED = "othing was changed"


pytestmark = pytest.mark.usefixtures("uncapped")


def receipts(shell: Shell) -> list[dict[str, object]]:
    return [json.loads(line) for line in (shell.state / "lamps.receipts.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("run_id", "printed"),
    [
        ("run_doesnotexist", "The API knows no run run_doesnotexist"),
        ("../../etc/passwd", "is not a run ID"),
        ("", "is not a run ID"),
    ],
)
def test_an_id_that_is_none_is_refused(shell: Shell, doubtful: str, run_id: str, printed: str) -> None:
    before = receipts(shell)
    ended = shell("resolve", "desk", "--run-id", run_id)
    assert ended.code is ExitCode.USAGE
    assert printed in ended.err
    assert UNCHANGED in ended.err
    assert state_of(shell, "desk") == "in_doubt"
    assert receipts(shell) == before


def test_the_run_of_another_take_is_refused_without_asking(shell: Shell, api: SandboxServer, doubtful: str) -> None:
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    reads = api.world.stats.reads
    ended = shell("resolve", "desk", "--run-id", list(api.world.created)[1])
    assert ended.code is ExitCode.USAGE
    assert "already belongs to the take hero" in ended.err
    assert api.world.stats.reads == reads


def test_the_run_of_a_forgotten_take_is_refused(shell: Shell, api: SandboxServer, doubtful: str) -> None:
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    assert shell.bare("state", "rm", str(shell.manifest), "hero", "--force").code is ExitCode.DONE
    ended = shell("resolve", "desk", "--run-id", list(api.world.created)[1])
    assert ended.code is ExitCode.USAGE
    assert "already belongs to the take hero" in ended.err


@pytest.mark.parametrize("left", ["ledger", "receipts"])
def test_the_run_of_another_campaign_is_refused(shell: Shell, api: SandboxServer, doubtful: str, left: str) -> None:
    desks = shell.manifest.with_name("desks.yaml")
    desks.write_text(UNCAPPED.replace("campaign: lamps", "campaign: desks"), encoding="utf-8")
    assert shell.bare("apply", "--yes", str(desks), "--only", "hero").code is ExitCode.DONE
    if left == "receipts":
        (shell.state / "desks.db").write_bytes(b"not a ledger any more")
    else:
        (shell.state / "desks.receipts.jsonl").unlink()
    ended = shell("resolve", "desk", "--run-id", list(api.world.created)[1])
    assert ended.code is ExitCode.USAGE
    assert "already belongs to the take hero of desks" in ended.err
    assert state_of(shell, "desk") == "in_doubt"


def test_a_run_of_another_model_is_refused(shell: Shell, start_api: StartApi) -> None:
    api = start_api(other_prices=(("wan/turbo", 100_000),))
    shell.write(UNCAPPED.replace("prompt: A desk}", "prompt: A desk, model: wan/turbo}"))
    with lost_answers(api):
        shell("apply", "--only", "desk")
        shell("apply", "--only", "hero")
    ended = shell("resolve", "desk", "--run-id", list(api.world.created)[1])
    assert ended.code is ExitCode.USAGE
    assert "is a run of hailuo/pro, but desk needs wan/turbo" in ended.err
    assert state_of(shell, "desk") == "in_doubt"


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (ForcedError.BAD_KEY, ExitCode.ACCOUNT),
        (ForcedError.BAD_ADDRESS, ExitCode.ACCOUNT),
        (ForcedError.BROKEN, ExitCode.UNFINISHED),
    ],
)
def test_a_look_that_fails_changes_nothing(
    shell: Shell, api: SandboxServer, doubtful: str, trouble: ForcedError, code: ExitCode
) -> None:
    api.world.forced_error = trouble
    ended = shell("resolve", "desk", "--run-id", doubtful)
    assert ended.code is code
    assert UNCHANGED in ended.err
    assert state_of(shell, "desk") == "in_doubt"


def test_a_busy_key_is_not_called_a_matter_of_the_account(shell: Shell, start_api: StartApi) -> None:
    api = start_api(rate_limit=2, rate_window_s=3600.0)  # the read before the create, and the create
    with lost_answers(api):
        shell("apply", "--only", "desk")
    ended = shell("resolve", "desk", "--run-id", next(iter(api.world.created)))
    assert ended.code is ExitCode.UNFINISHED
    assert "Try again in a moment" in ended.err


def test_without_a_key_nothing_can_be_named(shell: Shell, doubtful: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNBASE_API_KEY")
    assert shell("resolve", "desk", "--run-id", doubtful).code is ExitCode.ACCOUNT
    assert shell("resolve", "desk", "--abandon").code is ExitCode.DONE


@pytest.mark.parametrize("way", [("--abandon",), ("--resubmit",), ("--run-id", "run_1")])
def test_a_take_that_is_done_has_nothing_to_resolve(shell: Shell, api: SandboxServer, way: tuple[str, ...]) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ended = shell("resolve", "desk", *way)
    assert ended.code is ExitCode.USAGE
    assert "desk: attempt 1 is done" in ended.err


def test_an_unknown_take_is_refused(shell: Shell, doubtful: str) -> None:
    for take_id, printed in (("desks", "has no run of this take"), ("hero", "attempt 1 is waiting")):
        ended = shell("resolve", take_id, "--abandon")
        assert ended.code is ExitCode.USAGE
        assert printed in ended.err


def test_exactly_one_way_is_to_be_named(shell: Shell, doubtful: str) -> None:
    for ways in ((), ("--abandon", "--resubmit"), ("--run-id", doubtful, "--abandon")):
        ended = shell("resolve", "desk", *ways)
        assert ended.code is ExitCode.USAGE
        assert "exactly one of" in ended.err


def test_a_campaign_without_a_ledger_has_nothing_to_resolve(shell: Shell, api: SandboxServer) -> None:
    ended = shell("resolve", "desk", "--abandon")
    assert ended.code is ExitCode.USAGE
    assert not shell.state.exists()

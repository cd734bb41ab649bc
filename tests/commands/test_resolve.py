"""`resolve`: each way out, for each state it is for, against a server on this machine."""

import json
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import SLOW, UNCAPPED, Shell, answer_at_terminal, state_of
from tests.helpers.misbehaving_api import lost_answers, unknown_runs
from tests.helpers.timeouts import wait_until

UNCHANGED = "othing was changed"


pytestmark = pytest.mark.usefixtures("uncapped")


def spend(shell: Shell) -> dict[str, int]:
    return dict(shell("status", "--json").document["spend"])


def receipts(shell: Shell) -> list[dict[str, object]]:
    return [json.loads(line) for line in (shell.state / "lamps.receipts.jsonl").read_text().splitlines()]


# --- naming the run ---


def test_what_is_to_be_made_again_is_not_shown_as_if_nothing_had_been_sent(
    shell: Shell, api: SandboxServer, doubtful: str
) -> None:
    assert shell("resolve", "desk", "--resubmit").code is ExitCode.DONE
    printed = "waiting  desk        to be requested again, after attempt 1: "
    assert printed in shell("status").out
    ended = shell.without_yes("apply", "--only", "desk")
    assert ended.code is ExitCode.USAGE
    assert "waiting  desk  to be requested again, after attempt 1: " in ended.out


def test_the_run_that_is_named_is_collected_and_nothing_is_paid_again(
    shell: Shell, api: SandboxServer, doubtful: str
) -> None:
    ended = shell("resolve", "desk", "--run-id", doubtful)
    assert ended.code is ExitCode.DONE, ended.err
    assert f"desk is now run {doubtful}" in ended.err
    assert spend(shell)["in_doubt_takes"] == 0
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert (shell.outputs / "desk.mp4").is_file()
    assert api.world.stats.creates == 1


def test_to_look_at_the_run_takes_a_place_in_the_keys_window(
    shell: Shell, doubtful: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    assert shell("resolve", "desk", "--run-id", doubtful).code is ExitCode.DONE
    [file] = (tmp_path / "home" / "hailuo-batch").iterdir()
    [holding] = json.loads(file.read_text())["processes"].values()
    assert [count for _, count in holding["back_at"]] == [1]


def test_a_restore_keeps_the_run_that_was_named(shell: Shell, api: SandboxServer, doubtful: str) -> None:
    assert shell("resolve", "desk", "--run-id", doubtful).code is ExitCode.DONE
    assert receipts(shell)[-1]["run_id"] == doubtful
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    assert state_of(shell, "desk") == "running"
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 1


def test_a_lost_run_that_was_another_is_that_other_also_after_a_restore(
    shell: Shell, api: SandboxServer, lost: str
) -> None:
    with lost_answers(api, 1):
        shell("apply", "--only", "hero")
    other = list(api.world.created)[-1]
    with unknown_runs(api, lambda run_id: run_id == lost):
        assert shell("resolve", "desk", "--run-id", other).code is ExitCode.DONE
        assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
        assert shell("apply", "--only", "desk").code is ExitCode.DONE
    document = shell("status", "--json").document
    [runs] = [take["runs"] for take in document["takes"] if take["id"] == "desk"]
    assert [run["run_id"] for run in runs] == [other]


def test_a_lost_run_may_be_named_by_its_own_id(shell: Shell, api: SandboxServer, lost: str) -> None:
    assert shell("resolve", "desk", "--run-id", lost).code is ExitCode.DONE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 1


def test_what_was_given_up_is_taken_up_again(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    shell("apply", "--only", "desk", "--run-timeout", "1s")
    [run_id] = api.world.created
    assert shell("resolve", "desk", "--abandon").code is ExitCode.DONE
    assert state_of(shell, "desk") == "abandoned"
    assert shell("resolve", "desk", "--run-id", run_id).code is ExitCode.DONE
    assert state_of(shell, "desk") == "running"


# --- making it again ---


def test_made_again_it_is_paid_again_and_the_first_still_counts(
    shell: Shell, api: SandboxServer, doubtful: str
) -> None:
    ended = shell("resolve", "desk", "--resubmit")
    assert ended.code is ExitCode.DONE
    assert "The next apply requests" in ended.err
    assert api.world.stats.creates == 1
    assert "repeated, as requested" in shell("plan").out
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2
    assert spend(shell) == {
        "charged_micro_usd": 280_000,
        "refunded_micro_usd": 0,
        "net_micro_usd": 280_000,
        "in_doubt_takes": 1,
        "in_doubt_micro_usd": 280_000,
    }
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2


def test_a_run_found_before_it_is_made_again_is_collected_instead(
    shell: Shell, api: SandboxServer, doubtful: str
) -> None:
    assert shell("resolve", "desk", "--resubmit").code is ExitCode.DONE
    refused = shell("resolve", "desk", "--run-id", doubtful)
    assert refused.code is ExitCode.USAGE
    assert "--attempt 1" in refused.err
    assert shell("resolve", "desk", "--attempt", "1", "--run-id", doubtful).code is ExitCode.DONE
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 1


def test_a_lost_run_is_made_again(shell: Shell, api: SandboxServer, lost: str) -> None:
    assert shell("resolve", "desk", "--resubmit").code is ExitCode.DONE
    with unknown_runs(api, lambda run_id: run_id == lost):
        assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 2


def test_a_run_that_never_finishes_is_made_again_and_still_followed(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    shell("apply", "--only", "desk", "--run-timeout", "1s")
    assert shell("resolve", "desk", "--resubmit").code is ExitCode.DONE
    while api.world.stats.creates < 2:
        shell("apply", "--only", "desk", "--run-timeout", "1s")
    document = shell("status", "--json").document
    [runs] = [take["runs"] for take in document["takes"] if take["id"] == "desk"]
    assert [(run["state"], run["superseded"]) for run in runs] == [("pending", True), ("pending", False)]


# --- giving it up ---


def test_given_up_it_stays_counted_and_is_never_made_again(shell: Shell, api: SandboxServer, doubtful: str) -> None:
    ended = shell("resolve", "desk", "--abandon")
    assert ended.code is ExitCode.DONE
    assert "the money still counts" in ended.err
    assert spend(shell)["in_doubt_takes"] == 1
    assert "given up by the user" in shell("status").out
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 1


def test_a_run_that_never_finishes_is_given_up(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    shell("apply", "--only", "desk", "--run-timeout", "1s")
    ended = shell("resolve", "desk", "--abandon")
    assert "$0.28 paid" in ended.err
    reads = api.world.stats.reads
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert (api.world.stats.reads, api.world.stats.creates) == (reads, 1)
    assert spend(shell)["net_micro_usd"] == 280_000


# --- older attempts, and takes that left ---


def test_an_older_attempt_in_doubt_stays_open_to_every_way_but_being_made_again(
    shell: Shell, api: SandboxServer, doubtful: str
) -> None:
    shell.write(UNCAPPED.replace("A desk", "A desk at night"))
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert "desk --attempt 1" in shell("status").out
    refused = shell("resolve", "desk", "--attempt", "1", "--resubmit")
    assert refused.code is ExitCode.USAGE
    assert "not what the manifest asks for" in refused.err
    named = shell("resolve", "desk", "--attempt", "1", "--run-id", doubtful)
    assert named.code is ExitCode.DONE
    assert "Attempt 1 at desk is" in named.err
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert (shell.outputs / "superseded" / f"desk.{doubtful}.mp4").is_file()
    assert api.world.stats.creates == 2


def test_a_take_that_left_the_manifest_is_resolved_but_not_made_again(
    shell: Shell, api: SandboxServer, doubtful: str
) -> None:
    shell.write(UNCAPPED.replace("  - {id: desk, prompt: A desk}\n", ""))
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    assert shell("resolve", "desk", "--resubmit").code is ExitCode.USAGE
    assert shell("resolve", "desk", "--run-id", doubtful).code is ExitCode.DONE
    assert shell("apply").code is ExitCode.DONE
    assert (shell.outputs / "desk.mp4").is_file()


# --- on a terminal ---


@pytest.mark.parametrize(
    ("answer", "code", "state"), [("n", ExitCode.UNFINISHED, "in_doubt"), ("yes", ExitCode.DONE, "waiting")]
)
def test_on_a_terminal_it_asks_before_granting_another_payment(
    shell: Shell, doubtful: str, answer: str, code: ExitCode, state: str
) -> None:
    printed, ended = answer_at_terminal(answer, "resolve", str(shell.manifest), "desk", "--resubmit")
    assert "attempt 1 is in doubt" in " ".join(printed.split())
    assert "[y/N]" in printed
    assert ended == code
    assert state_of(shell, "desk") == state


@pytest.mark.parametrize("options", [("--resubmit", "--yes"), ("--abandon",)])
def test_what_was_answered_beforehand_or_pays_nothing_is_not_asked(
    shell: Shell, doubtful: str, options: tuple[str, ...]
) -> None:
    printed, ended = answer_at_terminal("", "resolve", str(shell.manifest), "desk", *options)
    assert "[y/N]" not in printed
    assert ended == ExitCode.DONE


def test_beside_an_apply_it_exits_5_and_names_it(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    process = shell.spawn("apply", "--only", "desk")
    try:
        wait_until(lambda: len(api.world.created) == 1)
        ended = shell("resolve", "desk", "--abandon")
        assert ended.code is ExitCode.BUSY
        assert f"process {process.pid}" in ended.err
    finally:
        process.kill()
        process.communicate()

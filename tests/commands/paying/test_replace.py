"""`--replace`: a finished take made anew, once, whatever interrupts it."""

from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import KEY, UNCAPPED, Shell
from tests.helpers.misbehaving_api import lost_answers


@pytest.fixture
def done(shell: Shell, api: SandboxServer) -> dict[str, bytes]:
    """Every take is done. Gives the videos."""
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE
    return videos(shell.outputs)


def videos(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.mp4")}


def test_a_plan_shows_what_would_be_replaced_and_changes_nothing(
    shell: Shell, api: SandboxServer, done: dict[str, bytes]
) -> None:
    ledger = (shell.state / "lamps.db").read_bytes()
    ended = shell("plan", "--replace", "hero*")
    assert "Plan: 2 to replace, 1 kept." in ended.out
    assert "  ~ replace  hero        --replace; the video of run_" in ended.out
    assert "about $0.56 (2 x $0.28" in ended.out
    assert shell("plan", "--replace", "hero*", "--json").document["totals"]["replace"] == 2
    assert (shell.state / "lamps.db").read_bytes() == ledger
    assert "Plan: 3 kept." in shell("plan").out


def test_the_old_file_is_moved_only_once_the_new_one_is_there(
    shell: Shell, api: SandboxServer, done: dict[str, bytes]
) -> None:
    api.world.settings = slow(api)
    assert shell("apply", "--replace", "desk", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 4
    assert videos(shell.outputs) == done
    assert not (shell.outputs / "superseded").exists()


def test_the_same_command_repeated_after_an_interruption_finishes_it_and_starts_no_second_one(
    shell: Shell, api: SandboxServer, done: dict[str, bytes]
) -> None:
    quick, api.world.settings = api.world.settings, slow(api)
    assert shell("apply", "--replace", "desk", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    api.world.settings = quick
    for _ in range(2):
        assert shell("apply", "--replace", "desk", "--run-timeout", "1s").code is ExitCode.UNFINISHED
        assert "1 to resume" in shell("plan", "--replace", "desk").out
    assert api.world.stats.creates == 4


def test_once_it_is_finished_the_same_command_is_a_new_wish(
    shell: Shell, api: SandboxServer, done: dict[str, bytes]
) -> None:
    for number in (1, 2):
        assert shell("apply", "--replace", "desk").code is ExitCode.DONE
        assert api.world.stats.creates == 3 + number
        assert len(videos(shell.outputs / "superseded")) == number
    assert done["desk.mp4"] in videos(shell.outputs / "superseded").values()
    assert {name: video for name, video in videos(shell.outputs).items() if name != "desk.mp4"} == {
        name: video for name, video in done.items() if name != "desk.mp4"
    }


def test_a_wish_that_was_recorded_and_not_begun_is_carried_out_by_any_apply(
    shell: Shell, api: SandboxServer, done: dict[str, bytes]
) -> None:
    api.world.balances[KEY] = 0
    assert shell("apply", "--replace", "desk").code is ExitCode.ACCOUNT
    assert videos(shell.outputs) == done
    api.world.balances[KEY] = None
    assert "replace  desk  --replace, not created yet" in shell("plan").out
    assert shell("apply").code is ExitCode.DONE
    assert len(api.world.created) == 4
    assert shell("apply").code is ExitCode.DONE
    assert len(api.world.created) == 4


def test_a_replacement_in_doubt_is_held_and_the_old_video_stays(
    shell: Shell, api: SandboxServer, done: dict[str, bytes]
) -> None:
    with lost_answers(api):
        assert shell("apply", "--replace", "desk").code is ExitCode.UNFINISHED
    for _ in range(2):
        assert shell("apply", "--replace", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 4
    assert videos(shell.outputs) == done
    assert shell("resolve", "desk", "--run-id", list(api.world.created)[-1]).code is ExitCode.DONE
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 4
    assert videos(shell.outputs)["desk.mp4"] != done["desk.mp4"]
    assert done["desk.mp4"] in videos(shell.outputs / "superseded").values()


def test_a_restore_in_the_middle_starts_no_second_one(shell: Shell, api: SandboxServer, done: dict[str, bytes]) -> None:
    backup = (shell.state / "lamps.db").read_bytes()
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    now = videos(shell.outputs)
    (shell.state / "lamps.db.bak").write_bytes(backup)
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 4
    assert videos(shell.outputs) == now
    assert done["desk.mp4"] in videos(shell.outputs / "superseded").values()


def test_what_is_not_done_is_not_replaced(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED)
    assert "3 to create" in shell("plan", "--replace", "*").out
    with lost_answers(api):
        shell("apply", "--only", "desk", "--replace", "*")
    assert "hold" in shell("plan", "--only", "desk", "--replace", "*").out
    shell("apply", "--only", "desk", "--replace", "*")
    assert api.world.stats.creates == 1


def test_what_was_new_to_a_replacement_that_was_cut_off_is_not_paid_for_once_more(
    shell: Shell, start_api: StartApi
) -> None:
    shell.write(UNCAPPED)
    api = start_api(balance_micro_usd=280_000)
    assert shell("apply", "--replace", "*", "--max-in-flight", "1").code is ExitCode.ACCOUNT
    assert len(api.world.created) == 1
    api.world.balances[KEY] = None
    assert shell("apply", "--replace", "*").code is ExitCode.DONE
    assert len(api.world.created) == 3


def slow(api: SandboxServer) -> WorldSettings:
    """The settings of a world in which no new run ends while a test lasts."""
    return replace(api.world.settings, median_s=10_000.0, min_s=10_000.0)

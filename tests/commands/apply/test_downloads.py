"""Videos that do not come, come broken, or find no room: paid for, kept, and brought by the next apply."""

import re

import pytest

from hailuo_batch.commands.plan import EXIT_CHANGES
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import Shell
from tests.helpers.small_disk import decoy_disk


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hailuo_batch.core.engine.download_queue.RETRY_PAUSES_S", (0.01, 0.02))


def test_video_whose_links_are_dead_stays_to_be_downloaded_and_is_not_paid_for_again(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(api, "file", lambda _: None)
        ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.UNFINISHED
    assert "HTTP 404" in ended.err
    assert "paid for" in ended.err
    document = shell("status", "--json").document
    assert document["totals"]["downloading"] == 1
    assert document["totals"]["failed"] == 0
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 1
    assert shell("verify").code is ExitCode.DONE


def test_full_disk_stops_creating_and_the_next_apply_goes_on(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        decoy_disk(patch, lambda: 0 if api.world.stats.creates else 10**9)
        ended = shell("apply", "--max-in-flight", "1")
    assert ended.code is ExitCode.UNFINISHED
    assert "Free some space" in ended.err
    assert api.world.stats.creates < 3
    assert list(shell.outputs.glob("*.mp4")) == []
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    assert shell("verify").code is ExitCode.DONE


def test_video_that_was_deleted_is_named_and_downloaded_again_and_not_paid_for_again(
    shell: Shell, api: SandboxServer
) -> None:
    assert shell("apply").code is ExitCode.DONE
    video = shell.outputs / "desk.mp4"
    before = video.read_bytes()
    video.unlink()
    assert re.search(r"download +desk +downloads run_\w+ again: its file is gone", shell("plan").out)
    assert shell("plan", "--detailed-exitcode").code == EXIT_CHANGES
    assert re.search(r"download +desk ", shell("apply").err)
    assert video.read_bytes() == before
    assert api.world.stats.creates == 3
    assert "Nothing to do" in shell("apply").err

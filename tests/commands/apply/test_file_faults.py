"""A whole apply against a file server that misbehaves: what was paid for stays to be downloaded, and then comes."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.app.api_target import ApiTarget, connect
from hailuo_batch.app.run_campaign import ByteCounter
from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model import events as ev
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers import http
from tests.helpers.command_line import KEY, Shell
from tests.helpers.http import Act, LoopbackServer
from tests.helpers.misbehaving_api import files_at
from tests.helpers.mp4 import clip
from tests.helpers.ranges import RangedFile

CLIP = clip(bytes(range(256)) * 2000)
WHOLE = RangedFile(CLIP)
PAUSES_S = (0.01, 0.02, 0.03)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hailuo_batch.core.engine.download_queue.RETRY_PAUSES_S", PAUSES_S)


def test_nothing_is_paid_for_where_no_video_could_be_saved(shell: Shell, api: SandboxServer) -> None:
    (shell.workspace / "outputs").write_text("a file where the folder should be")
    ended = shell("apply")
    assert ended.code is ExitCode.UNFINISHED
    assert "outputs: this is no folder, and the videos belong in" in ended.err
    assert "Nothing was sent, nothing was paid, and the ledger is as it was." in ended.err
    assert api.world.stats.creates == 0
    (shell.workspace / "outputs").unlink()
    assert shell("apply").code is ExitCode.DONE


@pytest.mark.parametrize(
    "words",
    [
        ("apply",),
        ("plan",),
        ("verify",),
        ("verify", "--repair"),
        ("retry",),
        ("resolve", "hero", "--abandon"),
        ("state", "restore"),
    ],
    ids=" ".join,
)
def test_a_file_in_the_place_of_the_outputs_makes_no_video_missing(
    shell: Shell, api: SandboxServer, words: tuple[str, ...]
) -> None:
    assert shell("apply").code is ExitCode.DONE
    before = shell("status", "--json").document
    file = shell.workspace / "a file"
    file.write_text("not a folder", encoding="utf-8")
    at = 2 if words[0] == "state" else 1
    ended = shell.bare(*words[:at], str(shell.manifest), *words[at:], "--output-dir", str(file))
    assert ended.code is ExitCode.UNFINISHED
    assert "a file: this is no folder, and the videos belong in" in ended.err
    assert "the ledger is as it was" in ended.err
    assert shell("status", "--json").document["takes"] == before["takes"]
    assert shell("verify").code is ExitCode.DONE


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_place_of_the_state_folder_is_named(shell: Shell, api: SandboxServer, below: str) -> None:
    file = shell.workspace / "a file"
    file.write_text("not a folder", encoding="utf-8")
    ended = shell("apply", "--state-dir", str(file / below))
    assert ended.code is ExitCode.LEDGER
    assert "there is a file in the place of the state folder. Nothing was sent" in " ".join(ended.err.split())
    assert api.world.stats.creates == 0


def test_dead_link_has_the_run_read_again_for_a_fresh_one(shell: Shell, api: SandboxServer) -> None:
    with LoopbackServer(http.answer(403, b"no")) as old, LoopbackServer(WHOLE) as fresh:
        with files_at(api, f"{old.url}/a.mp4", f"{fresh.url}/b.mp4?signature=2") as printed:
            assert shell("apply", "--only", "desk").code is ExitCode.DONE
        assert len(printed) == 2
    assert (shell.outputs / "desk.mp4").read_bytes() == CLIP
    assert api.world.stats.creates == 1
    assert not any(KEY in str(request.headers) for request in (*old.requests, *fresh.requests))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(http.answer(404, b"no"), id="404"),
        pytest.param(http.answer(200, b"<html>sorry", content_type="text/html"), id="a web page"),
        pytest.param(RangedFile(CLIP, {}, cut_after=3000), id="cut short"),
    ],
)
def test_download_that_keeps_failing_leaves_the_take_downloading_and_the_next_apply_brings_it(
    shell: Shell, api: SandboxServer, fault: Act
) -> None:
    with (
        LoopbackServer(*[fault] * (len(PAUSES_S) + 1), WHOLE) as server,
        files_at(api, f"{server.url}/a.mp4") as printed,
    ):
        ended = shell("apply", "--only", "desk")
        assert ended.code is ExitCode.UNFINISHED
        assert "paid for" in ended.err
        assert len(printed) == 2  # as the run ended, and once more for a fresh link
        assert list(shell.outputs.glob("*.mp4")) == []
        totals = shell("status", "--json").document["totals"]
        assert (totals["downloading"], totals["failed"]) == (1, 0)
        assert shell("apply", "--only", "desk").code is ExitCode.DONE
    assert (shell.outputs / "desk.mp4").read_bytes() == CLIP
    assert len(server.requests) == len(PAUSES_S) + 2
    assert api.world.stats.creates == 1


def test_links_to_this_machine_are_followed_only_where_the_api_is_here_too(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", KEY)
    for endpoint, is_here in (("https://runbase.net/api/v1", False), (api.base_url, True)):
        with connect(endpoint, Settings()) as remote:
            assert remote.is_loopback is is_here

    @contextmanager
    def as_if_elsewhere(endpoint: str, settings: Settings, keys: None) -> Iterator[ApiTarget]:
        with connect(endpoint, settings, keys) as remote:
            yield replace(remote, is_loopback=False)

    monkeypatch.setattr("hailuo_batch.app.run_campaign.connect", as_if_elsewhere)
    ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.UNFINISHED
    assert "the link is not encrypted" in ended.err
    assert list(shell.outputs.glob("*.mp4")) == []


def test_every_byte_that_comes_is_counted_by_the_progress_line(shell: Shell) -> None:
    with LoopbackServer(WHOLE) as server:
        received = ByteCounter(Downloader(shell.outputs, allow_loopback=True))
        outcomes = [received.fetch(f"{server.url}/a.mp4", name, 0, lambda: False) for name in ("a", "b")]
    assert {type(outcome) for outcome in outcomes} == {ev.FileSaved}
    assert received() == 2 * len(CLIP)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(http.answer(200, CLIP, content_type="application/octet-stream"), id="without a name"),
        pytest.param(
            http.answer(200, gzip.compress(CLIP), content_type="video/mp4", headers={"Content-Encoding": "gzip"}),
            id="compressed although nobody asked",
        ),
        pytest.param(
            http.raw(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n"
                b"Content-Type: video/mp4\r\nContent-Length: %d\r\n\r\n%b" % (len(CLIP), CLIP)
            ),
            id="behind early hints",
        ),
    ],
)
def test_a_video_that_comes_in_a_strange_way_is_saved_as_one(shell: Shell, api: SandboxServer, act: Act) -> None:
    with LoopbackServer(act) as server, files_at(api, f"{server.url}/files/8c1f"):
        ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.DONE, ended.err
    assert (shell.outputs / "desk.mp4").read_bytes() == CLIP
    assert shell("verify").code is ExitCode.DONE


def test_a_ledger_that_holds_nothing_tells_how_to_begin_at_another_address(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = os.environ["RUNBASE_BASE_URL"]
    monkeypatch.setenv("RUNBASE_BASE_URL", f"{right}/slip")
    assert shell("apply").code is not ExitCode.DONE
    monkeypatch.setenv("RUNBASE_BASE_URL", right)
    refused = " ".join(shell("apply").err.split())
    assert "It has no run of that address: if that was a slip, and nothing was paid there, move all files" in refused
    for file in (shell.workspace / "state").glob("lamps.*"):
        file.rename(shell.workspace / file.name)
    assert shell("apply", "--new-ledger").code is ExitCode.DONE
    monkeypatch.setenv("RUNBASE_BASE_URL", f"{right}/slip")
    assert "It has no run" not in shell("apply").err

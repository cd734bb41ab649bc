"""Two applies at the same time, as processes of their own, under one key: together they stay within its window."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world.answers import ApiResponse
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import CommandResult, wait_for_result
from tests.helpers.timeouts import TEST_TIMEOUT_S

pytestmark = pytest.mark.deep

TAKES = 12
LIMIT, WINDOW_S = 10, 1.0
LONG_WINDOW_S = 5.0  # in which two send more than LIMIT together, also where each sends slowly


def start(folder: Path, state: Path, takes: int = TAKES, window_s: float = WINDOW_S) -> "subprocess.Popen[str]":
    """An apply of a campaign of its own, in a workspace of its own."""
    folder.mkdir()
    manifest = folder / "manifest.yaml"
    shots = [{"id": "hero", "prompt": f"A lamp in {folder.name}", "takes": takes}]
    manifest.write_text(json.dumps({"version": 1, "campaign": folder.name, "shots": shots}))
    options = ("--yes", "--rate-limit", f"{LIMIT}/{window_s:g}s")
    return subprocess.Popen(
        [sys.executable, "-m", "hailuo_batch", "apply", str(manifest), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(state)},
    )


def apply_both(folder: Path, states: Sequence[Path], window_s: float = WINDOW_S) -> list[CommandResult]:
    both = [start(folder / f"c{n}", state, window_s=window_s) for n, state in enumerate(states)]
    return [wait_for_result(process) for process in both]


@contextmanager
def beginning_together(api: SandboxServer, campaigns: int) -> Iterator[None]:
    """No create is carried out before each of so many campaigns has sent one."""
    honest, all_here = api.create, threading.Barrier(campaigns)
    begun: set[str] = set()
    lock = threading.Lock()

    def create(key: str | None, body: bytes) -> ApiResponse:
        campaign = json.loads(body)["input"]["prompt"]
        with lock:
            is_first = campaign not in begun
            begun.add(campaign)
        if is_first:
            all_here.wait(TEST_TIMEOUT_S)
        return honest(key, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "create", create)
        yield


@pytest.fixture
def api(start_api: StartApi) -> SandboxServer:
    return start_api(rate_limit=LIMIT, rate_window_s=WINDOW_S)


def test_none_of_their_requests_is_refused(tmp_path: Path, api: SandboxServer) -> None:
    with beginning_together(api, 2):
        both = apply_both(tmp_path, [tmp_path / "state"] * 2)
    assert [apply.code for apply in both] == [0, 0], both
    assert len(api.world.created) == 2 * TAKES
    assert api.world.stats.rate_limited == 0
    [file] = (tmp_path / "state" / "hailuo-batch").iterdir()
    assert json.loads(file.read_text())["processes"]
    assert os.environ["RUNBASE_API_KEY"] not in f"{file.name} {file.read_text()}"


def test_that_do_not_know_of_each_other_some_are_refused_and_both_still_end_well(
    tmp_path: Path, start_api: StartApi
) -> None:
    api = start_api(rate_limit=LIMIT, rate_window_s=LONG_WINDOW_S)
    with beginning_together(api, 2):
        both = apply_both(tmp_path, [tmp_path / "state", tmp_path / "other"], window_s=LONG_WINDOW_S)
    assert [apply.code for apply in both] == [0, 0], both
    assert api.world.stats.rate_limited > 0
    assert any("Somebody else uses this API key" in apply.err for apply in both)


def test_where_nothing_can_be_shared_an_apply_does_without(tmp_path: Path, api: SandboxServer) -> None:
    (tmp_path / "file").write_text("no folder")
    apply = wait_for_result(start(tmp_path / "c0", tmp_path / "file", takes=1))
    assert (apply.code, api.world.stats.rate_limited) == (0, 0), apply
    assert "window" not in apply.err

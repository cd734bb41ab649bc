"""A program that ends in the middle: by Ctrl-C, twice, by kill -9. Nothing paid is lost, nothing is paid twice."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hailuo_batch import Campaign
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import KEY, SLOW
from tests.helpers.timeouts import TEST_TIMEOUT_S
from tests.interface.conftest import MakeCampaign, StartApi

SHOTS = tuple({"id": f"s{number}", "prompt": f"A lamp, {number}"} for number in range(6))
PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from hailuo_batch import Campaign, Created

SHOTS = [{"id": f"s{n}", "prompt": f"A lamp, {n}"} for n in range(6)]
campaign = Campaign.from_shots(
    "lamps", SHOTS, workspace=sys.argv[2], base_url=sys.argv[1], api_key=sys.argv[3], output_dir=sys.argv[2] + "/out",
)
def on_event(event):
    if isinstance(event, Created):
        print(event.run_id, flush=True)
"""
INTERRUPTED = """
is_first = True
def interrupt(event):
    global is_first
    on_event(event)
    if isinstance(event, Created) and is_first:
        is_first = False
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
try:
    campaign.apply(consent=True, on_event=interrupt)
except KeyboardInterrupt:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"], threading.enumerate()
    status = campaign.status()
    assert not status.running
    assert not status.counts["in_doubt"]
    print("interrupted", *(take.run_id for take in status.takes if take.run_id), flush=True)
"""


@contextmanager
def program(text: str, api: SandboxServer, workspace: Path) -> Iterator["subprocess.Popen[str]"]:
    arguments = [sys.executable, "-c", PROGRAM + text, api.base_url, str(workspace), KEY]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def campaign_of(api: SandboxServer, make_campaign: MakeCampaign, workspace: Path) -> Campaign:
    return make_campaign(api, shots=SHOTS, workspace=workspace, output_dir=workspace / "out")


def test_ctrl_c_in_the_main_thread_stops_in_good_order(start_api: StartApi, tmp_path: Path) -> None:
    api = start_api(speed=SLOW)
    with program(INTERRUPTED, api, tmp_path) as process:
        out, err = process.communicate(timeout=TEST_TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    word, *recorded = out.splitlines()[-1].split()
    assert word == "interrupted"
    assert set(recorded) == set(api.world.created)


def test_a_second_ctrl_c_comes_back_at_once(
    start_api: StartApi, make_campaign: MakeCampaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a create is held back: whoever waits for it is not kept for it a second time."""
    import threading

    api = start_api()
    honest, asked, let_go = api.create, threading.Event(), threading.Event()

    def create(key: str | None, body: bytes) -> object:
        answer = honest(key, body)
        asked.set()
        assert let_go.wait(TEST_TIMEOUT_S)
        return answer

    monkeypatch.setattr(api, "create", create)
    text = """
from hailuo_batch.interface.stream import EventStream
close = EventStream.close
def closing(self):
    print("closing", flush=True)
    close(self)
EventStream.close = closing
try:
    campaign.apply(consent=True)
except KeyboardInterrupt:
    print("back", flush=True)
print("free", flush=True)
"""
    with program(text, api, tmp_path) as process:
        assert process.stdout is not None
        assert asked.wait(TEST_TIMEOUT_S)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "closing\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "back\n"
        assert process.stdout.readline() == "free\n"
        let_go.set()
        _, err = process.communicate(timeout=TEST_TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    campaign = campaign_of(api, make_campaign, tmp_path)
    assert {take.run_id for take in campaign.status().takes if take.run_id} == set(api.world.created)


@pytest.mark.parametrize("after", [1, 4])
def test_a_kill_in_the_middle_loses_nothing_and_pays_nothing_twice(
    after: int, start_api: StartApi, make_campaign: MakeCampaign, tmp_path: Path
) -> None:
    api = start_api(latency_s=0.02)
    with program("campaign.apply(consent=True, on_event=on_event)", api, tmp_path) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline()
        process.kill()
        process.communicate()
    campaign = campaign_of(api, make_campaign, tmp_path)
    result = campaign.apply(consent=True)
    doubts = {take.id for take in result.in_doubt}
    assert set(result.unfinished) == doubts
    assert len(api.world.created) <= len(SHOTS)
    assert {take.run_id for take in result.takes if take.run_id} <= set(api.world.created)


def test_a_program_that_ends_meanwhile_stops_in_good_order(
    start_api: StartApi, make_campaign: MakeCampaign, tmp_path: Path
) -> None:
    """The main thread is at its end while another one applies."""
    api = start_api(speed=SLOW)
    text = """
def apply():
    print(campaign.apply(consent=True, on_event=on_event).exit_code, flush=True)
begun = threading.Event()
plain = on_event
def on_event(event):
    plain(event)
    if isinstance(event, Created):
        begun.set()
threading.Thread(target=apply).start()
begun.wait()
"""
    with program(text, api, tmp_path) as process:
        out, err = process.communicate(timeout=TEST_TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "143"
    campaign = campaign_of(api, make_campaign, tmp_path)
    assert {take.run_id for take in campaign.status().takes if take.run_id} == set(api.world.created)

"""From the contact sheet back to the command line: the picks that it saves collect and make again just those takes."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.browser.sheet import Sheet

pytestmark = pytest.mark.deep

MANIFEST = """\
version: 1
campaign: lamps
shots:
  - {id: hero, prompt: A lamp, takes: 2}
  - {id: "lamp-${colour}", prompt: "A ${colour} lamp", matrix: {colour: [white, teal]}}
  - {id: hero-wide, prompt: A wide lamp}
"""


def call(server: SandboxServer, folder: Path, *words: str) -> str:
    """What a command prints that is called in a folder."""
    here = os.environ | {"RUNBASE_BASE_URL": server.base_url, "RUNBASE_API_KEY": "sk-test-0123456789"}
    command = [sys.executable, "-m", "hailuo_batch", *words]
    return subprocess.run(command, cwd=folder, env=here, check=True, capture_output=True, text=True).stdout


def cli(server: SandboxServer, folder: Path, *words: str) -> Any:
    """The JSON document of a command."""
    return json.loads(call(server, folder, *words, "--json"))


def test_takes_marked_for_a_re_roll_are_those_that_the_exported_command_makes_again(
    chrome: Chrome, tmp_path: Path
) -> None:
    manifest = tmp_path / "my lamps.yaml"
    manifest.write_text(MANIFEST, encoding="utf-8")
    with SandboxServer(WorldSettings(rate_limit=10_000), speed=1000.0) as server:
        before = cli(server, tmp_path, "apply", str(manifest), "--yes")
        sheet = Sheet(chrome, tmp_path / "outputs" / "lamps")
        sheet.open()
        for take_id, mark in (("hero", "reroll"), ("hero.take2", "chosen"), ("lamp-teal", "reroll")):
            sheet.click(sheet.card(take_id).find_element("css selector", f"[data-mark={mark}]"))
        where = {"behavior": "allow", "downloadPath": str(tmp_path)}
        sheet.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", where)
        sheet.button("Export").click()
        sheet.button("Save picks").click()
        sheet.wait(lambda: [path for path in tmp_path.glob("lamps.picks.*.json") if path.stat().st_size])
        collect, reroll = (shlex.split(text) for text in sheet.texts("dialog[open] .command code"))
        call(server, tmp_path, *collect[1:])
        assert (tmp_path / "lamps-chosen" / "hero.take2.mp4").is_file()
        program, command, *words = reroll
        assert (program, command) == ("hailuo-batch", "apply")
        planned = cli(server, tmp_path, "plan", *words)
        assert {take["id"]: take["action"] for take in planned["takes"]} == {
            "hero": "replace",
            "hero.take2": "keep",
            "lamp-white": "keep",
            "lamp-teal": "replace",
            "hero-wide": "keep",
        }
        after = cli(server, tmp_path, "apply", *words, "--yes")
    runs = [{take["id"]: len(take["runs"]) for take in document["takes"]} for document in (before, after)]
    assert {take_id: count - runs[0][take_id] for take_id, count in runs[1].items()} == {
        "hero": 1,
        "hero.take2": 0,
        "lamp-white": 0,
        "lamp-teal": 1,
        "hero-wide": 0,
    }
    sheet.reload()
    assert sheet.texts(".take > .badges .badge") == ["Chosen"]
    assert sheet.complaints() == []

"""Makes docs/report.png: a campaign on the sandbox, and its report in a headless Chromium. `python -m docs.screenshot`

The campaign is screenshot.yaml, made by the program itself in a temporary folder. With this seed one of its runs fails,
is refunded, and is made once more. Needs the development tools and a browser.
"""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.browser import chromium
from tests.browser.sheet import Sheet

HERE = Path(__file__).parent
PICTURE = HERE / "report.png"
MARKS = {"hero": "rejected", "hero.take3": "chosen", "turntable": "reroll"}
SANDBOX = WorldSettings(seed=1, fail_rate=0.12, rate_limit=1000)
SPEED = 20.0
WIDTH, HEIGHT = 1200, 1120
ALL_LOADED = "[...document.querySelectorAll('video')].every(video => video.readyState >= 2 || video.error)"


def main() -> int:
    """Make the picture. Exit code 1, with one line that says what is missing, where it cannot be made."""
    if not chromium.is_here():
        print(chromium.MISSING, file=sys.stderr)
        return 1
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_campaign(folder)
        PICTURE.write_bytes(photograph(folder / "outputs" / "spring-lamps", folder / "profile"))
    print(f"{PICTURE.relative_to(HERE.parent)}: {PICTURE.stat().st_size // 1024} KiB")
    return 0


def make_campaign(folder: Path) -> None:
    """The whole campaign, as a user would have made it against the sandbox."""
    shutil.copy(HERE / "screenshot.yaml", folder / "lamps.yaml")
    command = [sys.executable, "-m", "hailuo_batch", "apply", "lamps.yaml", "--yes", "--no-check-images", "--quiet"]
    with SandboxServer(SANDBOX, speed=SPEED) as server:
        environment = os.environ | {
            "RUNBASE_BASE_URL": server.base_url,
            "RUNBASE_API_KEY": "sk-sandbox",
            "RUNBASE_RATE_LIMIT": "1000/10s",
            "PYTHONPATH": str(HERE.parent),
            "XDG_STATE_HOME": str(folder / "home"),
        }
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"the campaign ended with exit code {ended.returncode}: {ended.stdout}{ended.stderr}")


def photograph(outputs: Path, profile: Path) -> bytes:
    """The report as a reader sees it who is choosing among the takes, as PNG."""
    chrome = chromium.start(profile)
    try:
        sheet = Sheet(chrome, outputs)
        sheet.open()
        chrome.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        sheet.resize(WIDTH, HEIGHT)
        for take_id, mark in MARKS.items():
            sheet.run("arguments[0].click()", sheet.card(take_id).find_element("css selector", f"[data-mark={mark}]"))
        sheet.run("document.activeElement.blur(); scrollTo(0, 0)")
        sheet.until(ALL_LOADED)
        png: str = chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        return base64.b64decode(png)
    finally:
        chrome.quit()


if __name__ == "__main__":
    sys.exit(main())

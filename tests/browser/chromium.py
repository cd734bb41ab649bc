"""Chromium as the tests and the benchmark of the page start it: without a window, a network or a user's settings.

Needs Debian's `chromium` and `chromium-driver`. CHROMIUM and CHROMEDRIVER name them where they lie elsewhere.
"""

import os
import shutil
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1440,1000"),
)
MISSING = "no Chromium here: apt-get install chromium chromium-driver"


def is_here() -> bool:
    """Whether there is a Chromium, and a driver for it."""
    return None not in {_binary(), _driver()}


def start(profile: Path, trace: str = "") -> Chrome:
    """A browser with a profile of its own. `trace` names the events that it keeps."""
    options = ChromeOptions()
    options.binary_location = _binary() or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if trace:
        options.add_experimental_option("perfLoggingPrefs", {"traceCategories": trace})
    return Chrome(options=options, service=ChromeService(_driver()))


def _binary() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def _driver() -> str | None:
    return os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")

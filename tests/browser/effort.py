"""What it costs a browser to open the contact sheet and to scroll it, counted and not timed by a clock on the wall.

From Chromium's own trace: how many objects were laid out, how many elements styled, how much of its processor's time
the page's main thread took, which other processes do not change. Two pages are compared by their ratio.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selenium.webdriver import Chrome

from tests.browser import chromium
from tests.helpers.timeouts import TEST_TIMEOUT_S

CATEGORIES = "devtools.timeline"
STEP_PX = 800

_WAIT_UNTIL_STILL = """
const [act, top, done] = arguments;
if (act) scrollTo(0, top);
const frames = (left) => requestAnimationFrame(() => left ? frames(left - 1) : setTimeout(() => done(null), 20));
frames(2);
"""
_ALIVE = "return [document.querySelectorAll('video').length, document.querySelectorAll('*').length]"


@dataclass(frozen=True)
class Effort:
    """What one stretch took. `videos` and `elements` are the most that the page held at once, of those in it."""

    laid_out: int
    styled: int
    processor_s: float
    videos: int
    elements: int


@contextmanager
def traced(page: Path) -> Iterator[Chrome]:
    """A browser of its own with the page open, traced since before it was."""
    with TemporaryDirectory(prefix="chromium-") as profile:
        browser = chromium.start(Path(profile), CATEGORIES)
        try:
            browser.set_script_timeout(TEST_TIMEOUT_S)
            browser.execute_cdp_cmd("Performance.enable", {})
            browser.get(page.as_uri())
            yield browser
        finally:
            browser.quit()


def opening(page: Path) -> Effort:
    """What it took to open the page, up to its second picture."""
    with traced(page) as browser:
        _wait_until_still(browser)
        return _effort(browser)


def scrolling(page: Path, share: float, steps: int, step_px: int = STEP_PX) -> Effort:
    """What so many steps took, from a place on the page on: 0.5 is its middle."""
    with traced(page) as browser:
        start = share * browser.execute_script("return document.documentElement.scrollHeight")
        for _ in range(5):
            _wait_until_still(browser, start)
        return _effort(browser, *(start + step_px * (step + 1) for step in range(steps)))


def _wait_until_still(browser: Chrome, top: float | None = None) -> None:
    browser.execute_async_script(_WAIT_UNTIL_STILL, top is not None, top)


def _effort(browser: Chrome, *tops: float) -> Effort:
    """What it took to go to these places one after the other; without any, all that was done so far."""
    before_s = 0.0
    if tops:
        before_s = _processor_s(browser)
        browser.execute_script("console.timeStamp('begin')")
    alive = [browser.execute_script(_ALIVE)]
    for top in tops:
        _wait_until_still(browser, top)
        alive.append(browser.execute_script(_ALIVE))
    browser.execute_script("console.timeStamp('end')")
    took_s = _processor_s(browser) - before_s
    events = _events(browser)
    layouts = (event["args"].get("beginData", {}) for event in events if event["name"] == "Layout")
    return Effort(
        laid_out=sum(layout.get("dirtyObjects", 0) for layout in layouts),
        styled=sum(event["args"].get("elementCount", 0) for event in events if event["name"] == "UpdateLayoutTree"),
        processor_s=took_s,
        videos=max(videos for videos, _ in alive),
        elements=max(elements for _, elements in alive),
    )


def _processor_s(browser: Chrome) -> float:
    """Of the page's main thread, since it began."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "ThreadTime"))


def _events(browser: Chrome) -> list[dict[str, Any]]:
    """The main thread's events between the two stamps, those before the first where there is none."""
    log = browser.execute("getLog", {"type": "performance"})["value"]
    messages = (json.loads(entry["message"])["message"] for entry in log)
    events = [message["params"] for message in messages if message["method"] == "Tracing.dataCollected"]
    stamps = {event["args"]["data"]["message"]: event for event in events if event["name"] == "TimeStamp"}
    end = stamps["end"]
    since = stamps["begin"]["ts"] if "begin" in stamps else 0
    ours = (end["pid"], end["tid"])
    return [event for event in events if (event["pid"], event["tid"]) == ours and since <= event["ts"] <= end["ts"]]

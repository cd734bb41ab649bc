"""What 5,000 takes cost the reader of the contact sheet: opening it, and every step of scrolling it.

    apt-get install chromium chromium-driver
    python -m tests.benchmarks.page [--takes 5000] [--rounds 5]

Opening is timed from navigation to the load event, in turns with an empty page, so that both suffer alike from whatever
else the machine does; the median counts, and the goal is 2 s. Scrolling is counted: objects laid out, elements styled
and processor time of the page's main thread for each window's height, at three places of the sheet, beside one of 1,000
takes. Smooth is what does not grow with the campaign: the goal is that a step costs less than twice as much.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from selenium.webdriver import Chrome

from tests.browser import chromium
from tests.browser.conftest import write_page
from tests.browser.effort import Effort, scrolling
from tests.browser.test_page import campaign

FEW = 1000  # as small on the sheet as many, and longer than the steps go
STEPS = 8
PLACES = (0.0, 0.5, 0.9)
GOAL_S = 2.0
GOAL_RATIO = 2.0
_OPENED = "return performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"


def pages(folder: Path, *counts: int) -> dict[int, Path]:
    """A page with its videos for each number of takes."""
    for count in counts:
        (folder / str(count)).mkdir()
        write_page(folder / str(count), *campaign(count))
    return {count: folder / str(count) / "report.html" for count in counts}


def openings(browser: Chrome, rounds: int, *wanted: Path) -> list[float]:
    """Seconds to open each page, the median of all rounds; the first round is not counted."""
    taken: dict[Path, list[float]] = {page: [] for page in wanted}
    for _ in range(rounds + 1):
        for page, times in taken.items():
            browser.get(page.as_uri())
            times.append(float(browser.execute_script(_OPENED)))
    return [statistics.median(times[1:]) for times in taken.values()]


def main() -> int:
    """Print the table; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--takes", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not chromium.is_here():
        print(chromium.MISSING)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        made = pages(Path(folder), 0, FEW, options.takes)
        browser = chromium.start(Path(folder) / "profile")
        try:
            empty_s, opened_s = openings(browser, options.rounds, made[0], made[options.takes])
        finally:
            browser.quit()
        few = scrolling(made[FEW], 0.0, STEPS)
        many = [scrolling(made[options.takes], place, STEPS) for place in PLACES]
    print(f"{options.takes:,} takes open in {opened_s:.2f} s, an empty page in {empty_s:.2f} s (goal {GOAL_S:.0f} s)")
    print(f"a step of scrolling:{'laid out':>12}{'styled':>9}{'processor':>12}{'videos held':>13}")
    print(_row(f"{FEW} takes", few, few))
    for place, effort in zip(PLACES, many, strict=True):
        print(_row(f"{options.takes:,} takes, at {place:.0%}", effort, few))
    worst = max(effort.processor_s for effort in many) / few.processor_s
    return int(opened_s > GOAL_S or worst > GOAL_RATIO)


def _row(name: str, effort: Effort, beside: Effort) -> str:
    ratio = effort.processor_s / beside.processor_s
    costs = f"{effort.laid_out / STEPS:12.0f}{effort.styled / STEPS:9.0f}{effort.processor_s / STEPS * 1000:9.1f} ms"
    return f"{name:20}{costs}{effort.videos:13}   {ratio:.2f} of the processor time of {FEW}"


if __name__ == "__main__":
    sys.exit(main())

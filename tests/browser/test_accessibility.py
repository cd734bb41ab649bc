"""What axe-core finds: nothing, in light and dark, on the sheet and in everything that opens over it.

AXE names the file axe.min.js of the npm package axe-core; without it, it is looked for in `build/axe-core`, where
`npm pack axe-core` and `tar` can put it.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import record, run, take
from tests.report.builders import LONG, every_state

pytestmark = pytest.mark.deep

CACHED = Path(__file__).parents[2] / "build" / "axe-core" / "package" / "axe.min.js"


@pytest.fixture(scope="module")
def axe() -> str:
    file = Path(os.environ.get("AXE", CACHED))
    if not file.is_file():
        pytest.skip(f"no axe-core at {file}: npm pack axe-core, unpack it, and name its axe.min.js in AXE")
    return file.read_text("utf-8")


def violations(sheet: Sheet, axe: str) -> list[str]:
    """Every violation, as its rule and what it was found on."""
    sheet.until("document.getAnimations().every(one => one.effect.getTiming().iterations === Infinity)")
    sheet.run(f"{axe}; window.axe = axe")
    found: dict[str, Any] = sheet.chrome.execute_async_script(
        "const done = arguments[0]; axe.run().then(done, error => done({violations: [{id: String(error), nodes: []}]}))"
    )
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']][:5]}" for rule in found["violations"]]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_axe_finds_nothing(open_sheet: OpenSheet, axe: str, colours: str, width: int) -> None:
    images = ["https://cdn.test/a.png", "data:image/png;base64,AA"]
    values = {f"v{n}": LONG if n == 8 else str(n) for n in range(9)}
    wanted = take("pictured", prompt=LONG, tags=("spring",), image_urls=images, variables=values | {"colour": "teal"})
    plain = [take(name, variables={"colour": name}) for name in ("a", "b", "c")]
    marked = [record(each, run(of=each)) for each in plain]
    sheet = open_sheet(*marked, record(wanted, run(RunState.SUCCEEDED, wanted)), *every_state(), applying=True)
    sheet.resize(width, 1000)
    sheet.emulate(colours)
    sheet.shown()
    sheet.reload()
    if width < 1000:
        sheet.button("Filters").click()
        sheet.button("Variables").click()
    for name, kind in (("a", "chosen"), ("b", "rejected"), ("c", "reroll")):
        sheet.run("arguments[0].click()", sheet.card(name).find_element("css selector", f"[data-mark={kind}]"))
    assert violations(sheet, axe) == []
    sheet.button("Export").click()
    assert violations(sheet, axe) == []
    sheet.press(Keys.ESCAPE)
    sheet.run("arguments[0].click()", sheet.film("pictured"))
    assert violations(sheet, axe) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_in_any_size_in_the_grid_and_in_the_table_of_keys(
    open_sheet: OpenSheet, axe: str, colours: str
) -> None:
    values = [{"sku": f"L-{n}", "mood": mood} for n in range(8) for mood in ("warm", "cool", "airy")]
    wanted = [take(f"p{n}", prompt=LONG, variables=each) for n, each in enumerate(values)]
    sheet = open_sheet(*(record(each, run(of=each)) for each in wanted), *every_state())
    sheet.emulate(colours)
    sheet.press("1", "2", "3")
    for size in ("S", "M"):
        sheet.size(size)
        sheet.point_at(sheet.film("p4"))
        assert violations(sheet, axe) == []
    sheet.button("Grid").click()
    assert violations(sheet, axe) == []
    sheet.one(".issue summary").click()
    sheet.one(".others > summary").click()
    assert violations(sheet, axe) == []
    sheet.press("?")
    assert violations(sheet, axe) == []


def test_axe_does_find_what_is_wrong(open_sheet: OpenSheet, axe: str) -> None:
    sheet = open_sheet(record(take(), run()))
    sheet.run("document.body.append(document.createElement('button'))")
    assert [found.partition(":")[0] for found in violations(sheet, axe)] == ["button-name"]

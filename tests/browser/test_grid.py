"""The grid of two variables: rows, columns, and the takes of each combination in a cell."""

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from hailuo_batch.core.model.runs import TakeRecord
from tests.browser.conftest import OpenSheet
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import record, run, take

pytestmark = pytest.mark.deep

MOODS = ("warm", "cool", "airy")
TIMES = " \N{MULTIPLICATION SIGN} "


def made(sku: str, mood: str, number: int = 1, **more: str) -> TakeRecord:
    variables = {"sku": sku, "mood": mood, "title": f"the {sku}"} | more
    wanted = take(f"{sku}-{mood}", number, prompt=f"{sku} {mood}", variables=variables)
    return record(wanted, run(of=wanted))


def products(count: int) -> list[TakeRecord]:
    return [made(f"L-{n:03d}", mood, number) for n in range(count) for mood in MOODS for number in (1, 2)]


@pytest.fixture
def sheet(open_sheet: OpenSheet) -> Sheet:
    sheet = open_sheet(*products(5), record(take("logo")), videos=False)
    sheet.button("Grid").click()
    return sheet


def cells(sheet: Sheet) -> list[list[list[str]]]:
    """The IDs in every cell of every row."""
    found: list[list[list[str]]] = sheet.run("""
      const idsIn = (cell) => [...cell.querySelectorAll('.take')].map(node => node.dataset.take);
      const rows = [...document.querySelectorAll('.matrix .line:not(.heads)')];
      return rows.map(row => [...row.querySelectorAll('.cell')].map(idsIn));
    """)
    return found


def test_rows_and_columns_are_the_values_and_cells_hold_their_takes(sheet: Sheet) -> None:
    assert sheet.texts(".heads .label") == [TIMES.join(("sku", "mood")), *MOODS, "no mood"]
    assert sheet.texts("[role=rowheader]") == [*(f"L-{n:03d}" for n in range(5)), "no sku"]
    sheet.shown()
    found = cells(sheet)
    assert found[1][2] == ["L-001-airy", "L-001-airy.take2"]
    assert found[0][3] == []
    assert found[5] == [[], [], [], ["logo"]]


def test_the_reader_chooses_what_makes_rows_and_columns(sheet: Sheet) -> None:
    Select(sheet.one("select[data-side=rows]")).select_by_visible_text("mood")
    assert sheet.texts("[role=rowheader]") == [*MOODS, "no mood"]
    assert sheet.texts(".heads .label")[:3] == [TIMES.join(("mood", "sku")), "L-000", "L-001"]
    Select(sheet.one("select[data-side=columns]")).select_by_visible_text("title")
    assert sheet.texts(".heads .label")[:2] == [TIMES.join(("mood", "title")), "the L-000"]
    sheet.reload()
    assert sheet.texts(".heads .label")[:2] == [TIMES.join(("mood", "title")), "the L-000"]


def test_the_same_keys_mark_and_move(sheet: Sheet) -> None:
    sheet.press("1", "x", Keys.ARROW_DOWN)
    assert sheet.current() == "L-001-cool"
    sheet.press("3", Keys.ARROW_UP, Keys.ARROW_RIGHT)
    assert sheet.current().startswith("L-000")
    assert sheet.texts(".badge") == ["Chosen", "Rejected", "Re-roll"]
    sheet.button("Sheet").click()
    assert sheet.texts(".badge") == ["Chosen", "Rejected", "Re-roll"]


def test_filters_hold_in_the_grid(sheet: Sheet) -> None:
    sheet.one("input[type=search]").send_keys("mood:air")
    assert sheet.texts(".heads .label") == [TIMES.join(("sku", "mood")), "airy"]
    assert len(sheet.shown()) == 10


def test_headings_stay_in_sight_and_rows_far_away_are_empty(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*products(200), videos=False)
    sheet.button("Grid").click()
    assert 0 < len(sheet.all(".take")) < 250
    sheet.press(*([Keys.ARROW_DOWN] * 40))
    assert sheet.current() == "L-040-warm"
    heads, row = sheet.one(".heads").rect, sheet.card("L-040-warm").rect
    box = sheet.one(".matrix").rect
    assert box["y"] <= heads["y"] < row["y"]
    assert len(sheet.all(".take")) < 250


def test_it_is_offered_only_where_two_variables_describe_the_takes(open_sheet: OpenSheet) -> None:
    rows = [take(f"s{n}", variables={"sku": str(n), "name": f"name {n}"}) for n in range(6)]
    sheet = open_sheet(*(record(each, run(of=each)) for each in rows), videos=False)
    assert sheet.all("[data-view]") == []


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_window(sheet: Sheet, width: int) -> None:
    sheet.resize(width, 800)
    assert sheet.run("return document.documentElement.scrollWidth") <= width
    assert sheet.complaints() == [] or all("mp4" in line for line in sheet.complaints())

"""Culling by keyboard alone: marks without a mode, a current take that goes on by itself, and a place that is kept."""

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet, write_page
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import record, run, take

pytestmark = pytest.mark.deep

WORDS = {"1": "Chosen", "p": "Chosen", "2": "Rejected", "x": "Rejected", "3": "Re-roll", "r": "Re-roll"}
IN_SIGHT = (
    "(place => place.top >= document.getElementById('tools').getBoundingClientRect().bottom - 1"
    " && place.bottom <= document.getElementById('bar').getBoundingClientRect().top + 1)"
    "(document.querySelector('.take[aria-current] .screen').getBoundingClientRect())"
)


def campaign(shots: int, takes: int = 1) -> list[TakeRecord]:
    wanted = [take(f"s{shot:04d}", n, prompt=f"prompt {shot}") for shot in range(shots) for n in range(1, takes + 1)]
    return [record(each, run(of=each, run_id=f"run_{each.id}")) for each in wanted]


def marks(sheet: Sheet) -> dict[str, str]:
    """Every mark, read through the filters as a reader would."""
    found: dict[str, str] = {}
    for word in ("Chosen", "Rejected", "Re-roll"):
        sheet.choose("mark", word)
        found |= dict.fromkeys(sheet.shown(), word)
    sheet.choose("mark", "Any mark")
    return found


def has_focus(sheet: Sheet) -> str:
    """The take whose picture has the focus."""
    found: str = sheet.run("return document.activeElement.closest('.take')?.dataset.take ?? ''")
    return found


def test_a_thousand_takes_are_culled_by_keyboard_alone(open_sheet: OpenSheet) -> None:
    records = campaign(334, 3)[:1000]
    sheet = open_sheet(*records, videos=False)
    typed = "12x3pr21xr" * 10
    for _ in range(10):
        assert sheet.run(f"return {IN_SIGHT}")
        sheet.press(typed)
    names = [kept.take.id for kept in records]
    sheet.until("document.querySelector('.counts').textContent.startsWith('1,000 of 1,000 takes marked')")
    assert marks(sheet) == {name: WORDS[typed[n % len(typed)]] for n, name in enumerate(names)}
    sheet.reload()
    assert "1,000 of 1,000 takes marked" in sheet.one(".counts").text


def test_arrows_go_through_the_takes_in_order_and_by_rows(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(40, 3), videos=False)
    sheet.size("S")
    seen = []
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT):
        sheet.press(key)
        seen.append(has_focus(sheet))
    assert seen == ["s0000.take2", "s0000.take3", "s0001", "s0000.take3"]
    before = sheet.film("s0000.take3").rect
    sheet.press(Keys.ARROW_DOWN)
    below = sheet.film(has_focus(sheet)).rect
    assert below["y"] > before["y"]
    assert abs(below["x"] - before["x"]) < before["width"]
    sheet.press(Keys.ARROW_UP)
    assert has_focus(sheet) == "s0000.take3"
    sheet.press(*([Keys.ARROW_DOWN] * 30))
    assert sheet.run(f"return {IN_SIGHT}")


def test_a_mark_goes_on_to_the_next_take_without_one(open_sheet: OpenSheet) -> None:
    waits = record(take("s0001x"), run(RunState.PENDING, take("s0001x")))
    sheet = open_sheet(*campaign(2), waits, *campaign(5)[2:])
    sheet.press(Keys.ARROW_RIGHT, "2", "1")
    assert sheet.current() == "s0003"
    sheet.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT, "1")
    assert sheet.current() == "s0001x"
    assert sheet.one("#announcements").get_attribute("textContent") == "s0001x has no video to mark"
    sheet.press(Keys.ARROW_LEFT, "u")
    assert sheet.current() == "s0001"
    sheet.press("X")
    assert sheet.current() == "s0003"
    assert marks(sheet) == {"s0001": "Rejected", "s0002": "Chosen"}


def test_what_was_scrolled_away_is_not_marked_and_the_current_take_comes_along(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(300), videos=False)
    sheet.press(Keys.ARROW_RIGHT, Keys.END)
    sheet.wait(lambda: sheet.current() > "s0150")
    sheet.until(IN_SIGHT)
    sheet.press("1")
    assert next(iter(marks(sheet))) > "s0150"


@pytest.mark.parametrize("field", ["input[type=search]", 'select[data-ask="order"]'])
def test_keys_do_nothing_while_something_is_typed_or_chosen(open_sheet: OpenSheet, field: str) -> None:
    sheet = open_sheet(*campaign(3))
    sheet.one(field).send_keys("1", "x", "r", Keys.ARROW_DOWN)
    sheet.run("document.activeElement.blur()")
    sheet.press_with(Keys.CONTROL, "x")
    sheet.press_with(Keys.ALT, "2")
    assert sheet.run("return document.querySelectorAll('.badge').length") == 0


def test_keys_do_nothing_behind_a_dialog(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(3))
    sheet.press("?", "1", "2")
    assert "Choose, and go to the next take without a mark" in sheet.one("dialog.keys").text
    assert {"1", "P", "X", "R", "U", "/", "?", "←", "Esc"} <= set(sheet.texts("dialog.keys kbd"))
    sheet.press(Keys.ESCAPE)
    sheet.until("!document.querySelector('dialog[open]')")
    sheet.button("Export").click()
    sheet.press("1")
    assert sheet.texts(".badge") == []


def test_the_sheet_is_one_tab_stop_and_the_focus_is_the_current_take(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(60), videos=False)
    sheet.size("S")
    sheet.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert (has_focus(sheet), sheet.focused()) == ("s0002", "Play s0002 in full view")
    sheet.press(Keys.TAB)
    assert sheet.focused() == "Copy the file name s0002.mp4"
    sheet.press_with(Keys.SHIFT, Keys.TAB)
    assert has_focus(sheet) == "s0002"
    sheet.press_with(Keys.SHIFT, Keys.TAB)
    assert has_focus(sheet) == ""


def test_search_by_keyboard_leads_into_what_was_found(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(60), videos=False)
    sheet.press("/", "prompt 41", Keys.ENTER, "1")
    assert sheet.texts(".badge") == ["Chosen"]
    assert sheet.current() == "s0041"


def test_the_full_view_marks_with_the_same_keys_and_goes_on(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(4))
    sheet.press(Keys.ENTER)
    sheet.soon("dialog[open] h2")
    seen = []
    for key in ("p", "x", "u", "3"):
        sheet.press(key)
        seen.append(sheet.texts("dialog[open] h2")[0])
    assert seen == ["s0001", "s0002", "s0002", "s0003"]
    sheet.press(Keys.ESCAPE)
    sheet.until("!document.querySelector('dialog[open]')")
    assert sheet.current() == "s0003"
    assert marks(sheet) == {"s0000": "Chosen", "s0001": "Rejected", "s0002": "Re-roll"}


def test_what_was_marked_stays_until_the_filter_is_used_again(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(5, 2))
    sheet.choose("mark", "Not marked")
    sheet.run("document.activeElement.blur()")
    sheet.press("1", "2", "2")
    assert len(sheet.shown()) == 10
    sheet.button("3 no longer fit: update").click()
    assert len(sheet.shown()) == 7
    sheet.choose("mark", "Any mark")
    sheet.button("Shots without a choice").click()
    assert sheet.shown()[0] == "s0001"
    assert sheet.texts(".shown") == ["8 of 10 takes"]


def test_a_reload_continues_where_it_was_left(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(400), videos=False)
    sheet.press(*("1" * 150))
    assert sheet.current() == "s0150"
    sheet.reload()
    assert sheet.current() == "s0150"
    sheet.until(IN_SIGHT)
    sheet.press("x")
    assert sheet.current() == "s0151"


def test_another_window_continues_with_the_take_that_was_left(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(400), videos=False)
    sheet.press(*("1" * 90))
    sheet.size("M")
    sheet.chrome.get("about:blank")
    first = sheet.chrome.current_window_handle
    sheet.chrome.switch_to.new_window("tab")
    try:
        sheet.open()
        assert sheet.current() == "s0090"
        assert sheet.run("return document.documentElement.dataset.density") == "M"
        sheet.until(IN_SIGHT)
    finally:
        sheet.chrome.close()
        sheet.chrome.switch_to.window(first)


def test_a_take_that_is_gone_is_no_place_to_continue(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(40), videos=False)
    sheet.press(*("1" * 30))
    write_page(sheet.folder, *campaign(3), videos=False)
    sheet.reload()
    assert sheet.current() == "s0000"

"""What a hand does wrong at a keyboard: slips taken back, held keys, other layouts, a place that is kept."""

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import TakeRecord
from tests.browser.conftest import OpenSheet, write_page
from tests.browser.sheet import Sheet
from tests.browser.test_culling import IN_SIGHT, campaign, has_focus, marks
from tests.browser.test_judging import remade
from tests.helpers.snapshots import record, run, take

pytestmark = pytest.mark.deep

IN_ITS_BOX = (
    "((box, picture) => picture.top >= box.top && picture.bottom <= box.bottom)"
    "(document.querySelector('.matrix').getBoundingClientRect(),"
    " document.querySelector('.take[aria-current] .screen').getBoundingClientRect())"
)


def key_down(sheet: Sheet, key: str, code: str, *, held: bool = False, shift: bool = False) -> None:
    """A key as a keyboard of another layout sends it, with its place on the keyboard."""
    event = {"type": "keyDown", "key": key, "code": code, "text": key, "autoRepeat": held, "modifiers": 8 * shift}
    sheet.chrome.execute_cdp_cmd("Input.dispatchKeyEvent", event)


def matrix(products: int) -> list[TakeRecord]:
    wanted = [
        take(f"p{n:02d}-{mood}", number, variables={"sku": f"L-{n:02d}", "mood": mood})
        for n in range(products)
        for mood in ("warm", "cool")
        for number in (1, 2)
    ]
    return [record(each, run(of=each)) for each in wanted]


def test_a_slip_is_taken_back_and_the_take_is_current_again(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(5))
    sheet.press("1", "2", "z")
    assert (sheet.current(), has_focus(sheet)) == ("s0001", "s0001")
    sheet.press("3")
    sheet.press_with(Keys.CONTROL, "z")
    assert sheet.current() == "s0001"
    sheet.press(Keys.ARROW_LEFT, "x", "z")
    assert sheet.current() == "s0000"
    assert marks(sheet) == {"s0000": "Chosen"}
    sheet.run("document.activeElement.blur()")
    sheet.press("z", "z")
    assert marks(sheet) == {}
    assert "no mark to take back" in sheet.texts("#announcements")[0]


def test_in_the_full_view_and_in_compare_a_slip_is_taken_back_too(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(2, 3))
    sheet.press(Keys.ENTER, "1", "2", "z")
    assert sheet.texts("dialog[open] h2") == ["s0000.take2"]
    sheet.press("c", Keys.ARROW_RIGHT, "3", Keys.ARROW_LEFT, "1", Keys.ARROW_LEFT, "z", "z")
    tiles = ".compare .tile"
    assert sheet.run(f"return [...document.querySelectorAll('{tiles}')].map(tile => tile.dataset.marked)") == [
        *("chosen", "", "")
    ]
    assert sheet.texts(f"{tiles}.current .name") == ["s0000.take3"]


def test_an_earlier_attempt_has_the_mark_again_that_it_was_made_again_for(open_sheet: OpenSheet) -> None:
    first = take("a")
    sheet = open_sheet(record(first, run(of=first, run_id="run_a1")), *campaign(2))
    sheet.press("3")
    write_page(sheet.folder, remade("a"), *campaign(2))
    sheet.reload()
    sheet.film("a").send_keys("a", Keys.ARROW_RIGHT)
    tile = "document.querySelector('.tile.current').dataset.marked"
    assert sheet.run(f"return {tile}") == "reroll"
    sheet.press("1", "z")
    assert sheet.run(f"return {tile}") == "reroll"
    assert sheet.texts("#announcements") == ["a, attempt 1: re-roll again"]
    sheet.press("1", Keys.ESCAPE, Keys.ARROW_RIGHT)
    assert sheet.texts(".take .aside") == ["Attempt 1\u00a0is chosen"]
    sheet.press("z")
    assert sheet.texts(".take .aside") == []
    assert sheet.current() == "a"
    sheet.press("z")
    assert sheet.texts("#announcements") == ["There is no mark to take back"]


def test_marks_that_were_all_removed_come_back(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(4))
    sheet.press("1", "2", "3")
    sheet.button("Export").click()
    sheet.button("Remove all marks").click()
    sheet.button("Remove them all?").click()
    assert sheet.texts(".badge") == []
    sheet.press("z")
    assert marks(sheet) == {"s0000": "Chosen", "s0001": "Rejected", "s0002": "Re-roll"}


def test_a_key_that_is_held_down_marks_one_take(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(9))
    key_down(sheet, "1", "Digit1")
    for _ in range(5):
        key_down(sheet, "1", "Digit1", held=True)
    assert marks(sheet) == {"s0000": "Chosen"}


def test_keys_work_on_a_keyboard_of_another_layout(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(5))
    key_down(sheet, "з", "KeyP")  # Cyrillic
    key_down(sheet, "é", "Digit2")  # French
    key_down(sheet, "!", "Digit1", shift=True)
    key_down(sheet, "y", "KeyZ")  # German: what is written on the key counts
    assert marks(sheet) == {"s0000": "Chosen", "s0001": "Rejected"}


def test_the_keys_follow_a_button_that_vanishes(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(9))
    sheet.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    sheet.choose("mark", "Not marked")
    sheet.run("document.activeElement.blur()")
    sheet.press("1")
    sheet.button("1 no longer fits: update").click()
    assert has_focus(sheet) == "s0003"
    sheet.button("Clear filters").click()
    sheet.press("2")
    assert marks(sheet) == {"s0002": "Chosen", "s0003": "Rejected"}


def test_a_take_that_is_filtered_away_leaves_the_keys_to_the_next(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(9))
    sheet.press(*([Keys.ARROW_RIGHT] * 4))
    sheet.choose("mark", "Not marked")
    sheet.run("document.activeElement.blur()")
    sheet.press("1", Keys.ARROW_LEFT)
    sheet.button("1 no longer fits: update").click()
    assert sheet.current() == "s0005"
    sheet.press("/", "nothing is called so")
    assert sheet.current() == ""
    sheet.button("Clear filters").click()
    assert sheet.current() == "s0005"


def test_another_size_and_the_grid_keep_the_current_take_in_sight(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*matrix(40), videos=False)
    sheet.size("M")
    sheet.press(*([Keys.ARROW_DOWN] * 12))
    kept = sheet.current()
    for key in ("+", "-", "-"):
        sheet.press(key)
        sheet.until(IN_SIGHT)
        assert (sheet.current(), has_focus(sheet)) == (kept, kept)
    sheet.press("g")
    sheet.until(f"{IN_SIGHT} && {IN_ITS_BOX}")
    sheet.reload()
    sheet.until(f"{IN_SIGHT} && {IN_ITS_BOX}")
    assert (sheet.current(), has_focus(sheet)) == (kept, kept)
    sheet.press("g")
    sheet.until(IN_SIGHT)
    assert (sheet.current(), has_focus(sheet)) == (kept, kept)


def test_a_box_and_a_slider_leave_the_keys_that_are_not_theirs(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(1, 2), applying=True)
    sheet.one(".live input").click()
    sheet.press("1", "c")
    sheet.until("document.querySelector('dialog.compare .time').textContent.includes('/ 2.00')")
    sheet.press(Keys.SPACE)
    sheet.run("document.querySelector('.transport input').focus()")
    sheet.press("2", Keys.ARROW_RIGHT)
    tiles = "[...document.querySelectorAll('.compare .tile')]"
    assert sheet.run(f"return {tiles}.map(tile => tile.dataset.marked)") == ["chosen", "rejected"]
    assert sheet.texts(".tile.current .name") == ["s0000.take2"]


def test_a_key_that_cannot_act_and_a_slip_taken_back_are_told_to_the_eye_too(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(1), *campaign(2, 2)[2:])
    assert not sheet.one(".told").is_displayed()
    for key, words in (
        ("a", "s0000 has no other attempt to compare."),
        ("c", "s0000 has nothing to compare: it is the only video of its shot."),
        ("z", "There is no mark to take back"),
    ):
        sheet.press(key)
        assert (sheet.one(".told").text, sheet.texts("#announcements")) == (words, [words])
    sheet.press("1")
    assert not sheet.one(".told").is_displayed()  # its mark is seen on the card
    sheet.press("z")
    assert sheet.one(".told").text == "s0000: mark removed"
    on_top = "document.querySelector('.told').matches(':popover-open')"
    sheet.press(Keys.ARROW_RIGHT, "c", "a")
    assert sheet.one(".told").text == "s0001 has no other attempt to compare."
    assert sheet.run(f"return {on_top}")
    sheet.press(Keys.ESCAPE, Keys.ENTER, "a")
    assert sheet.one(".told").text == "s0001 has no other attempt to compare."
    sheet.until(f"!{on_top}")

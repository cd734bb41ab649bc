"""Notes on takes: kept as they are typed, found by the search, and of one run only."""

import dataclasses

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet, write_page
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import output, record, run, take

pytestmark = pytest.mark.deep


def notes(sheet: Sheet) -> dict[str, str]:
    pair = "node => [node.closest('.take').dataset.take, node.textContent]"
    return dict(sheet.run(f"return [...document.querySelectorAll('.take > .badges .noted .text')].map({pair})"))


@pytest.fixture
def sheet(open_sheet: OpenSheet) -> Sheet:
    made = [record(take(name), run(of=take(name), run_id=f"run_{name}")) for name in ("a", "b")]
    return open_sheet(*made, record(take("waits"), run(RunState.PENDING, take("waits"))))


def test_a_note_is_written_by_key_shown_on_the_card_and_found(sheet: Sheet) -> None:
    sheet.film("b").send_keys("n")
    sheet.press("Schräg ", "cut; 1 2 3", Keys.ESCAPE)
    assert notes(sheet) == {"b": "Schräg cut; 1 2 3"}
    assert sheet.focused() == "Play b in full view"
    sheet.press("/", "SCHRAG")
    assert sheet.shown() == ["b"]


def test_a_note_right_after_a_mark_is_on_the_take_that_was_marked(sheet: Sheet) -> None:
    sheet.film("a").send_keys("3")
    assert sheet.current() == "b"
    sheet.press("n", "too dark")
    assert sheet.texts("dialog[open] :is(h2, .badge)") == ["Note on a", "Re-roll"]
    sheet.press(Keys.ESCAPE)
    assert (notes(sheet), sheet.current()) == ({"a": "too dark"}, "b")
    assert sheet.focused() == "Play b in full view"
    sheet.press("n", "b itself", Keys.ESCAPE)
    assert notes(sheet) == {"a": "too dark", "b": "b itself"}


def test_a_note_after_anything_else_than_a_mark_is_on_the_current_take(sheet: Sheet) -> None:
    sheet.film("a").send_keys("3", Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
    sheet.press("n", "b itself", Keys.ESCAPE)
    assert notes(sheet) == {"b": "b itself"}


def test_in_the_full_view_too_a_note_after_a_mark_is_on_what_was_marked(sheet: Sheet) -> None:
    sheet.film("a").send_keys(Keys.ENTER)
    sheet.press("1", "n", "nice", Keys.ESCAPE)
    assert notes(sheet) == {"a": "nice"}
    assert sheet.texts(".viewer[open] h2") == ["b"]


def test_every_letter_outlives_a_reload(sheet: Sheet) -> None:
    sheet.film("a").send_keys("n")
    sheet.press("half a sen")
    sheet.reload()
    assert notes(sheet) == {"a": "half a sen"}


def test_a_note_is_written_in_the_full_view_and_taken_back(sheet: Sheet) -> None:
    sheet.film("a").send_keys(Keys.ENTER)
    sheet.press("n", "x", Keys.ESCAPE)
    assert sheet.one("dialog.viewer").is_displayed()
    assert notes(sheet) == {"a": "x"}
    sheet.press("n", Keys.BACKSPACE, Keys.ESCAPE, Keys.ESCAPE)
    assert notes(sheet) == {}
    kept = "return Object.keys(localStorage).filter((key) => key.includes(`/${arguments[0]}/picks/`))"
    assert sheet.run(kept, sheet.folder.name) == []


def test_a_note_stays_with_the_run_that_was_seen(sheet: Sheet) -> None:
    sheet.film("a").send_keys("n")
    sheet.press("too dark", Keys.ESCAPE, "3")
    wanted = take("a")
    old = run(of=wanted, run_id="run_a", superseded_by=Supersession.REPLACE, outputs=(output("superseded/a.mp4"),))
    new = dataclasses.replace(run(of=wanted, run_id="run_new"), attempt=2)
    write_page(sheet.folder, record(wanted, old, new))
    sheet.reload()
    assert notes(sheet) == {}
    assert sheet.texts(".take > .badges .badge") == []
    sheet.button("L").click()
    sheet.run("document.querySelector('.take summary').click()")
    assert sheet.soon(".attempts .noted .text").get_attribute("textContent") == "too dark"
    assert sheet.texts(".attempts .badge") == ["Re-roll"]


def test_two_tabs_lose_nothing_of_each_other(sheet: Sheet) -> None:
    first = sheet.chrome.current_window_handle
    sheet.chrome.switch_to.new_window("tab")
    try:
        sheet.open()
        sheet.film("a").send_keys("n")
        sheet.press("from the second", Keys.ESCAPE)
        sheet.film("b").send_keys("1")
        sheet.chrome.switch_to.window(first)
        sheet.film("a").send_keys("2")
        sheet.until("document.querySelectorAll('.take > .badges .badge').length === 2")
        sheet.reload()
        assert notes(sheet) == {"a": "from the second"}
        assert sheet.texts(".take > .badges .badge") == ["Rejected", "Chosen"]
    finally:
        for handle in sheet.chrome.window_handles:
            if handle != first:
                sheet.chrome.switch_to.window(handle)
                sheet.chrome.close()
        sheet.chrome.switch_to.window(first)


def test_marks_of_the_earlier_format_are_read_over(sheet: Sheet) -> None:
    sheet.run(
        "localStorage.setItem(`hailuo-batch/https://runbase.net/api/v1/${arguments[0]}/marks`,"
        """ '{"a": ["chosen", "run_a"], "b": ["rejected", "run_gone"], "waits": ["chosen", null], "c": 7}')""",
        sheet.folder.name,
    )
    sheet.reload()
    assert sheet.texts(".take > .badges .badge") == ["Chosen"]
    sheet.film("a").send_keys("u")
    sheet.reload()
    assert sheet.texts(".take > .badges .badge") == []

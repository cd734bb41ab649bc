"""Marks that stay, and a choice that can be taken elsewhere."""

import dataclasses
import shlex

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet, write_page
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import record, run, take

pytestmark = pytest.mark.deep


@pytest.fixture
def sheet(open_sheet: OpenSheet) -> Sheet:
    names = ("a", "b", "c", "d")
    waits = record(take("waits"), run(RunState.PENDING, take("waits")))
    return open_sheet(*(record(take(name), run(of=take(name), run_id=f"run_{name}")) for name in names), waits)


def mark(sheet: Sheet, take_id: str, kind: str) -> None:
    sheet.click(sheet.card(take_id).find_element("css selector", f"[data-mark={kind}]"))


def marks(sheet: Sheet) -> dict[str, str]:
    pair = "node => [node.closest('.take').dataset.take, node.textContent]"
    return dict(sheet.run(f"return [...document.querySelectorAll('.take .badge')].map({pair})"))


def commands(sheet: Sheet) -> list[list[str]]:
    """The words of the commands that the export shows."""
    sheet.button("Export").click()
    shown = sheet.texts("dialog[open] .command code")
    sheet.press(Keys.ESCAPE)
    return [shlex.split(text) for text in shown]


def test_what_is_done_can_be_marked(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(record(take(), run()), record(take("waits"), run(RunState.PENDING, take("waits"))))
    assert [button.text for button in sheet.all(".pick") if button.is_displayed()] == ["Choose", "Reject", "Re-roll"]


def test_a_take_is_marked_marked_otherwise_and_unmarked(sheet: Sheet) -> None:
    mark(sheet, "a", "chosen")
    mark(sheet, "b", "reroll")
    assert marks(sheet) == {"a": "Chosen", "b": "Re-roll"}
    sheet.until("document.querySelector('.counts').textContent === '2 of 4 takes marked, 1 of 5 shots has a choice'")
    mark(sheet, "a", "rejected")
    mark(sheet, "b", "reroll")
    assert marks(sheet) == {"a": "Rejected"}


def test_marks_by_keyboard_on_the_sheet_and_in_the_full_view(sheet: Sheet) -> None:
    sheet.film("a").send_keys("1")
    sheet.film("b").send_keys(Keys.ENTER)
    sheet.press("2", "3", Keys.ESCAPE)
    assert marks(sheet) == {"a": "Chosen", "b": "Rejected", "c": "Re-roll"}
    sheet.film("a").send_keys("u")
    assert "a" not in marks(sheet)


def test_marks_stay_over_a_reload(sheet: Sheet) -> None:
    mark(sheet, "a", "chosen")
    mark(sheet, "c", "reroll")
    sheet.reload()
    assert marks(sheet) == {"a": "Chosen", "c": "Re-roll"}


def test_a_take_that_was_made_again_is_unmarked(sheet: Sheet) -> None:
    mark(sheet, "a", "reroll")
    mark(sheet, "b", "chosen")
    anew = dataclasses.replace(run(of=take("a"), run_id="run_new"), attempt=2)
    write_page(sheet.folder, record(take("a"), anew), record(take("b"), run(of=take("b"), run_id="run_b")))
    sheet.reload()
    assert marks(sheet) == {"b": "Chosen"}


def test_there_is_a_command_for_each_mark_that_one_is_for(sheet: Sheet) -> None:
    mark(sheet, "b", "rejected")
    assert commands(sheet) == []
    mark(sheet, "a", "chosen")
    assert [words[1] for words in commands(sheet)] == ["collect"]
    mark(sheet, "c", "reroll")
    assert [words[1] for words in commands(sheet)] == ["collect", "apply"]


def test_all_marks_are_removed_after_a_second_thought(sheet: Sheet) -> None:
    mark(sheet, "a", "chosen")
    sheet.button("Export").click()
    sheet.button("Remove all marks").click()
    assert marks(sheet) == {"a": "Chosen"}
    sheet.button("Remove them all?").click()
    assert marks(sheet) == {}
    sheet.reload()
    assert marks(sheet) == {}


def test_where_the_browser_keeps_nothing_marks_work_and_the_page_reports_it(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(record(take(), run()))
    forbid = "for (const n of ['getItem', 'setItem']) Storage.prototype[n] = () => { throw new DOMException('no') }"
    script = sheet.chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": forbid})
    try:
        sheet.open()
        mark(sheet, "hero", "chosen")
        assert marks(sheet) == {"hero": "Chosen"}
        sheet.until("document.getElementById('bar').textContent.includes('cannot store your marks')")
        assert sheet.complaints() == []
    finally:
        sheet.chrome.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)

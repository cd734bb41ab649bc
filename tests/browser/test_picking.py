"""Marks that stay, and a choice that can be taken elsewhere."""

import dataclasses
import json
import shlex
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet, write_page
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import output, record, run, take

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


def exported(sheet: Sheet) -> Any:
    sheet.button("Export").click()
    choice = json.loads(sheet.texts("dialog[open] pre")[0])
    words = sheet.run("return document.querySelector('dialog[open] [data-words]')?.textContent ?? ''")
    sheet.press(Keys.ESCAPE)
    return choice, shlex.split(words)


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


def test_the_choice_is_exported_as_json_and_as_a_command(sheet: Sheet) -> None:
    for take_id, kind in (("a", "chosen"), ("b", "rejected"), ("c", "reroll"), ("d", "reroll")):
        mark(sheet, take_id, kind)
    choice, words = exported(sheet)
    assert choice["campaign"] == sheet.folder.name
    assert [entry["take"] for entry in choice["chosen"]] == ["a"]
    assert choice["chosen"][0]["run_id"] == "run_a"
    assert choice["chosen"][0]["files"][0]["path"] == "a.mp4"
    assert [entry["take"] for entry in choice["rejected"]] == ["b"]
    assert [entry["take"] for entry in choice["reroll"]] == ["c", "d"]
    assert words[:3] == ["hailuo-batch", "apply", "manifests/spring lamps.yaml"]
    assert words[3:] == ["--only", "c", "--only", "d", "--replace", "c", "--replace", "d"]


@pytest.mark.parametrize("take_id", ["it's", "a b", "$(reboot)", "`x`", 'a"b', "a;b", "ä", "\\"])
def test_arguments_are_quoted_for_a_shell(open_sheet: OpenSheet, take_id: str) -> None:
    wanted = dataclasses.replace(take(), id=take_id)
    sheet = open_sheet(record(wanted, run(of=wanted, outputs=(output(),))))
    sheet.one("[data-mark=reroll]").click()
    assert exported(sheet)[1][-2:] == ["--replace", take_id]


def test_without_a_re_roll_there_is_no_command(sheet: Sheet) -> None:
    mark(sheet, "a", "chosen")
    assert exported(sheet)[1] == []


def test_the_choice_can_be_saved_as_a_file(sheet: Sheet) -> None:
    mark(sheet, "a", "chosen")
    where = {"behavior": "allow", "downloadPath": str(sheet.folder)}
    sheet.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    sheet.button("Export").click()
    sheet.button("Save as a file").click()
    file = sheet.folder / f"{sheet.folder.name}.choice.json"
    sheet.wait(lambda: file.exists() and file.stat().st_size)
    assert json.loads(file.read_text("utf-8"))["chosen"][0]["take"] == "a"
    assert sheet.complaints() == []


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

"""What needs attention: one line for each kind, with one command, and pictures in sight whatever went wrong."""

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet
from tests.helpers.snapshots import STARTED_AT, output, record, run, take

pytestmark = pytest.mark.deep


def takes(shot: str, count: int, state: RunState = RunState.SUCCEEDED) -> list[TakeRecord]:
    wanted = [take(shot, n, prompt=f"prompt of {shot}") for n in range(1, count + 1)]
    return [record(each, run(state, each)) for each in wanted]


def test_it_is_on_top_folded_with_one_command_for_all_of_a_kind(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("bad", 5, RunState.FAILED), *takes("fine", 30))
    assert sheet.texts("#attention h2") == ["Needs attention (5)"]
    assert sheet.texts(".issue summary .state") == ["Failed"]
    assert sheet.texts(".issue summary b") == ["5 takes"]
    assert sheet.texts("#attention code") == [
        "hailuo-batch retry 'manifests/spring lamps.yaml' bad bad.take2 bad.take3 bad.take4 bad.take5"
    ]
    assert sheet.all(".case") == []
    assert sheet.one("#attention").rect["height"] < 90
    assert sheet.one("#attention").rect["y"] < sheet.one("#shots").rect["y"]


def test_a_kind_unfolds_to_all_of_its_takes_and_leads_to_each(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("fine", 90), *takes("bad", 60, RunState.FAILED))
    sheet.one(".issue summary").send_keys(Keys.ENTER)
    sheet.wait(lambda: len(sheet.all(".case")) == 50)
    sheet.button("Show all 60").click()
    assert len(sheet.all(".case")) == 60
    sheet.run("arguments[0].click()", sheet.all(".case a")[59])
    assert sheet.current() == "bad.take60"
    place = "document.querySelector('[data-take=\"bad.take60\"]').getBoundingClientRect()"
    sheet.until(f"{place}.top > 0 && {place}.bottom < innerHeight")


def test_the_gravest_kinds_are_in_sight_and_the_others_behind_one_line(open_sheet: OpenSheet) -> None:
    states = (RunState.FAILED, RunState.ABANDONED, RunState.REJECTED, RunState.LOST, RunState.IN_DOUBT)
    sheet = open_sheet(*(kept for state in states for kept in takes(state.replace("_", "-"), 2, state)))
    assert sheet.texts(".issue summary .state") == ["In doubt", "Lost"]
    assert sheet.texts(".others > summary") == ["2 more kinds: failed, rejected (4 takes)"]
    sheet.one(".others > summary").click()
    sheet.wait(lambda: len(sheet.all(".issue")) == 4)


def test_takes_that_wait_for_different_times_are_one_kind(open_sheet: OpenSheet) -> None:
    wanted = [take("slow", n) for n in range(1, 30)]
    slow = [record(each, run(RunState.PENDING, each, at=STARTED_AT - 1000.0 * each.number)) for each in wanted]
    late = take("late")
    missing = record(late, run(RunState.SUCCEEDED, late, outputs=(output(None),)))
    sheet = open_sheet(*slow, missing, generated_at=STARTED_AT + 7200)
    assert sheet.texts(".issue summary b") == ["1 take", "29 takes"]
    assert "over an hour ago" in sheet.texts(".issue .gist")[1]
    assert "1h 58m ago" in sheet.texts(".issue .gist")[0]


@pytest.mark.parametrize("size", ["S", "M", "L"])
def test_pictures_are_in_sight_whatever_failed(open_sheet: OpenSheet, size: str) -> None:
    unwell = [state for state in RunState if state not in {RunState.SUCCEEDED, RunState.UNSENT}]
    bad = [kept for state in unwell for kept in takes(f"bad-{state.replace('_', '-')}", 100, state)]
    sheet = open_sheet(*takes("fine", 3), *bad, generated_at=STARTED_AT + 7200, description="word " * 100)
    sheet.resize(1280, 800)
    sheet.size(size)
    sheet.run("scrollTo(0, 0)")
    picture = sheet.film("fine").rect
    assert picture["y"] + picture["height"] < 800 - 44
    assert sheet.complaints() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_other_commands_of_a_kind_are_whole_boxes(open_sheet: OpenSheet, width: int) -> None:
    sheet = open_sheet(*takes("bad", 2, RunState.IN_DOUBT))
    sheet.resize(width, 1000)
    sheet.one(".issue summary").click()
    sheet.wait(lambda: sheet.all(".whole > .command"))
    for box in sheet.all(".whole > .command"):
        code, button = (box.find_element("css selector", part).rect for part in ("code", "button"))
        assert box.rect["height"] > 0
        assert code["y"] <= button["y"] + button["height"] / 2 <= code["y"] + code["height"] + 12
        assert button["x"] >= code["x"] + code["width"]
